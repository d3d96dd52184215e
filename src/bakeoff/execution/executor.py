"""Slots on an engine: long-lived threads that take one piece of work after the other."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
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
        try:
            self.slots = n_slots or engine.slots
            self._digest = engine.publish(frozen)
        except BaseException:
            self._clear_up()  # nobody else will: the block that ends with __exit__ has not begun
            raise
        self._started = time.monotonic()
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._cancelled = threading.Event()
        self._threads = [engine.thread(self._serve, f"bakeoff-slot-{n}") for n in range(self.slots)]
        for thread in self._threads:
            thread.start()

    def submit(self, task: Task, attempt: int) -> Future[list[Outcome]]:
        """Queue a task for the next free slot."""
        return self._put(
            Work(self._digest, trials=task.trials, attempt=attempt, trial_timeout=self._bounds.trial_timeout)
        )

    def refit(self, model_ids: Sequence[str], max_retries: int) -> list[Refitted]:
        """Fit models on all training rows, several at once; one that loses its worker again and again is given up."""
        self._cancelled.clear()
        works = [Work(self._digest, refit=model_id) for model_id in model_ids]
        futures = [self._put(work) for work in works]
        return [self._refitted(work, future, max_retries) for work, future in zip(works, futures, strict=True)]

    def _refitted(self, work: Work, future: Future[Refitted], retries: int) -> Refitted:
        try:
            return future.result()
        except Exception as error:  # noqa: BLE001 - engines lose workers with exceptions of their own
            if retries > 0:
                return self._refitted(work, self._put(work), retries - 1)
            return Refitted(str(work.refit), None, 0.0, type(error).__name__, str(error))

    def cancel(self) -> None:
        """Cancel what is queued and what is running; their futures fail."""
        self._cancelled.set()
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
        self._queue.put((work, future))
        return future

    def _timed(self, work: Work) -> Work:
        # The seconds are counted from when the work is sent: clocks of driver and workers need not agree.
        seconds = self._bounds.seconds
        if seconds is not None:
            work = replace(work, seconds_left=max(0.0, self._started + seconds - time.monotonic()))
        return work

    def _serve(self) -> None:
        """One slot: take work until there is none."""
        while (job := self._queue.get()) is not None:
            work, future = job
            if self._cancelled.is_set():
                future.cancel()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._engine.run(self._timed(work), describe(work, self._run_name)))
            except BaseException as error:  # noqa: BLE001 - it is not lost: it becomes the future's exception
                future.set_exception(error)
