"""Slots on an engine: long-lived threads that take one piece of work after the other."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bakeoff.comparison.plan import Task
from bakeoff.comparison.trial import Outcome
from bakeoff.execution.engines import Engine, describe
from bakeoff.execution.worker import Work
from bakeoff.pycaret3.frozen import FrozenExperiment
from bakeoff.pycaret3.runner import Refitted

if TYPE_CHECKING:
    from typing_extensions import Self

_LOG = logging.getLogger(__name__)

_Job = tuple[Work, "Future[Any]"]

COUNT_SECONDS = 2.0
"""The engine is asked for its slots at most once in so many seconds: clusters grow and shrink slowly."""


@dataclass(frozen=True)
class Bounds:
    """What trials may take.

    Attributes:
        seconds: from the start of the executor on, after which workers start no further trial; ``None`` for no limit.
        trial_timeout: seconds after which a trial is ended; ``None`` for no limit.
    """

    seconds: float | None = None
    trial_timeout: float | None = None


class FugueExecutor:
    """Runs tasks on an engine of Fugue's, one small job each.

    Used as a context manager: leaving it ends the threads and takes the payload back.

    Args:
        engine: an opened engine.
        frozen: the experiment whose trials are run.
        run_name: for the descriptions of the jobs.
        n_slots: how many tasks to run at once, if not as many as the engine has slots.
        bounds: what trials may take.
    """

    def __init__(
        self,
        engine: Engine,
        frozen: FrozenExperiment,
        run_name: str = "run",
        n_slots: int | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self._bounds = bounds or Bounds()
        self._engine = engine
        self._run_name = run_name
        self._n_slots = n_slots
        self._threads: list[threading.Thread] = []
        self._foreseen: dict[str, Future[Refitted]] = {}
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._unfinished = 0
        self._counting = threading.Lock()
        self._cancelled = threading.Event()
        try:
            self._slots = n_slots or engine.slots
            self.digest = engine.publish(frozen)
        except BaseException:
            self._clear_up()  # nobody else will: the block that ends with __exit__ has not begun
            raise
        self._started = self._counted = time.monotonic()
        self._man_the_slots()

    @property
    def slots(self) -> int:
        """How many tasks can run at once, now; a slot that is new gets its thread."""
        if self._n_slots is None and time.monotonic() - self._counted > COUNT_SECONDS:
            self._counted = time.monotonic()
            self._slots = self._engine.slots
            self._man_the_slots()
        return self._slots

    def _man_the_slots(self) -> None:
        # One job more than there are slots waits inside the engine, so that a slot that becomes free need not wait for
        # the driver. Where the user has said how many tasks may run, the engine might have room for that one too.
        ahead = self._engine.ahead if self._n_slots is None else 0
        while len(self._threads) < self._slots + ahead:
            thread = self._engine.thread(self._serve, f"bakeoff-slot-{len(self._threads)}")
            self._threads.append(thread)
            thread.start()

    def submit(self, task: Task, attempt: int) -> Future[list[Outcome]]:
        """Queue a task for the next free slot."""
        return self._put(
            Work(self.digest, trials=task.trials, attempt=attempt, trial_timeout=self._bounds.trial_timeout)
        )

    def wait(self, futures: Iterable[Future[Any]], timeout: float | None, *, for_all: bool = False) -> set[Future[Any]]:
        """The futures that have ended, when there is one (``for_all``: when all have) or these seconds have passed."""
        return wait(futures, timeout=timeout, return_when=ALL_COMPLETED if for_all else FIRST_COMPLETED).done

    def foresee(self, model_ids: Sequence[str]) -> None:
        """Fit those who will probably win on all training rows, on slots that would have nothing else to do."""
        for model_id in model_ids:
            if model_id not in self._foreseen and self._unfinished < self.slots:
                self._foreseen[model_id] = self._refit(model_id)

    def refit(self, model_ids: Sequence[str], max_retries: int) -> list[Refitted]:
        """Fit models on all training rows, several at once; one that loses its worker again and again is given up."""
        self._cancelled.clear()
        started = [(model_id, self._foreseen.pop(model_id, None)) for model_id in model_ids]
        futures = [future or self._refit(model_id) for model_id, future in started]
        refitted = [self._refitted(*each, max_retries) for each in zip(model_ids, futures, strict=True)]
        if any(not future.done() for future in self._foreseen.values()):
            self.cancel()  # they did not win after all
        return refitted

    def _refit(self, model_id: str) -> Future[Refitted]:
        return self._put(Work(self.digest, refit=model_id))

    def _refitted(self, model_id: str, future: Future[Refitted], retries: int) -> Refitted:
        try:
            return future.result()
        except Exception as error:  # noqa: BLE001 - engines lose workers with exceptions of their own
            if retries > 0:
                return self._refitted(model_id, self._refit(model_id), retries - 1)
            return Refitted(model_id, None, 0.0, type(error).__name__, str(error))

    def cancel(self) -> None:
        """Cancel what is queued and what is running; their futures fail."""
        self._cancelled.set()
        self._foreseen.clear()
        with contextlib.suppress(queue.Empty):
            while (job := self._queue.get_nowait()) is not None:
                job[1].cancel()
        self._engine.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self.cancel()
        for _thread in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(timeout=60)
        self._clear_up()

    def _clear_up(self) -> None:
        try:
            self._engine.close()
        except Exception as error:  # noqa: BLE001 - what was computed is worth more than what is left behind
            _LOG.warning("The engine could not be cleared up: %s", error, exc_info=True)

    def _put(self, work: Work) -> Future[Any]:
        future: Future[Any] = Future()
        self._count(1)
        future.add_done_callback(lambda _: self._count(-1))
        self._queue.put((work, future))
        return future

    def _count(self, more: int) -> None:
        with self._counting:
            self._unfinished += more

    def _timed(self, work: Work) -> Work:
        # The seconds are counted from when the work is sent: clocks of driver and workers need not agree.
        seconds = self._bounds.seconds
        if seconds is not None:
            work = replace(work, seconds_left=max(0.0, self._started + seconds - time.monotonic()))
        return work

    def _serve(self) -> None:
        """One slot: take work until there is none."""
        while (job := self._next()) is not None:
            work, future = job
            if self._cancelled.is_set():
                future.cancel()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._engine.run(self._timed(work), describe(work, self._run_name)))
            except BaseException as error:  # noqa: BLE001 - it is not lost: it becomes the future's exception
                future.set_exception(error)

    def _next(self) -> _Job | None:
        """The next job. While there is none, the engine is kept from taking its workers for idle."""
        while True:
            try:
                return self._queue.get(timeout=self._engine.patience)
            except queue.Empty:
                with contextlib.suppress(Exception):
                    self._engine.run(Work(self.digest, warm=True), f"Bakeoff {self._run_name}: keep the workers")
