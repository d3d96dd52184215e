"""The executor: long-lived threads, one for each slot of an engine, that take one piece of work after the other."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, wait
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bakeoff.comparison.limits import TrialLimits
from bakeoff.comparison.plan import Task
from bakeoff.comparison.scheduler import STOP_SECONDS
from bakeoff.comparison.trial import Model, Outcome, Refitted
from bakeoff.errors import EngineLostError
from bakeoff.execution.engines.base import JOIN_SECONDS, Engine, describe, worker_error
from bakeoff.execution.worker.task import Refit, RunTrials, WarmUp
from bakeoff.pycaret3.candidates import build_candidates
from bakeoff.pycaret3.frozen import FrozenExperiment, outcomes_of_broken

if TYPE_CHECKING:
    from typing_extensions import Self

_LOG = logging.getLogger(__name__)

_Job = tuple[RunTrials | Refit, "Future[Any]"]

LOOK_SECONDS = 2.0
"""Seconds between two looks at whether an engine is still there, and how many slots it has."""
LOST_JOIN_SECONDS = 2.0
"""Seconds that the end of a comparison waits for calls to an engine that is gone."""


class FugueExecutor:
    """An executor that runs each task as a small job on an engine.

    Used as a context manager: its end stops the threads and removes the payload. If the engine is lost, all work on it
    fails with an `EngineLostError`, and it is not called any more.

    Args:
        engine: an opened engine.
        frozen: the experiment whose trials are run.
        run_name: name of the run, for the descriptions of the jobs.
        n_slots: how many tasks to run at once; by default as many as the engine has slots.
        limits: limits of trials; the time for all of them begins when the executor is made.
    """

    def __init__(
        self,
        engine: Engine,
        frozen: FrozenExperiment,
        run_name: str = "run",
        n_slots: int | None = None,
        limits: TrialLimits | None = None,
    ) -> None:
        self._limits = (limits or TrialLimits()).on(engine.isolation)
        self._engine = engine
        self._frozen = frozen
        self._admitted: dict[str, bytes] = {}  # pickled estimators of candidates, by model id
        self._run_name = run_name
        self._threads: list[threading.Thread] = []
        self._foreseen: dict[str, Future[Refitted]] = {}
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._unfinished = 0
        self._lost: str | None = None
        self._counting = threading.Lock()
        self._cancelled = threading.Event()
        try:
            slots = n_slots or engine.slots
            self._digest = engine.publish(frozen)
        except BaseException:
            self._clear_up()  # __exit__ will not be called: its block has not begun
            raise
        # One job more than there are slots waits inside the engine, so that a free slot need not wait for the driver.
        # Not if the user has limited how many tasks run, because the engine might have room for that one, too; and not
        # if time is limited, because workers count their seconds from when they begin.
        self._ahead = engine.ahead if n_slots is None and self._limits.seconds is None else 0
        self._started = time.monotonic()
        self._ended = threading.Event()
        self._resize(slots)
        self._grows = n_slots is None and engine.grows
        engine.thread(self._look, "bakeoff-look").start()

    @property
    def slots(self) -> int:
        """The number of tasks that can run at once, now: clusters grow and shrink during a run."""
        return self._slots

    @property
    def lost(self) -> str | None:
        """The reason why nothing can run on the engine any more; ``None`` while it works."""
        return self._lost

    def _look(self) -> None:
        """Check regularly whether the engine is still there, and how many slots it has.

        This runs on a thread of its own: Ctrl-C on the caller's thread must not interrupt a call to Java, because
        PySpark's own handler would then begin another call within it.
        """
        while not (self._ended.wait(LOOK_SECONDS) or self._lost):
            self._check_engine()
            if self._grows and not self._lost:
                with contextlib.suppress(Exception):
                    self._resize(self._engine.slots)

    def _check_engine(self, error: BaseException | None = None) -> None:
        """Ask the engine whether it is gone, regularly or after an error on it."""
        if self._lost is None and not self._cancelled.is_set():
            self._lost = self._engine.why_lost(error)

    def _resize(self, slots: int) -> None:
        """Start missing slot threads; surplus threads stay idle."""
        while len(self._threads) < slots + self._ahead:
            thread = self._engine.thread(self._serve, f"bakeoff-slot-{len(self._threads)}")
            thread.start()
            self._threads.append(thread)
        self._slots = slots

    def submit(self, task: Task, attempt: int) -> Future[list[Outcome]]:
        """Queue a task for the next free slot."""
        ids = {trial.model_id for trial in task.trials}
        mine = {model_id: content for model_id, content in self._admitted.items() if model_id in ids}
        return self._put(RunTrials(self._digest, task.trials, attempt, limits=self._limits, estimators=mine))

    def admit(self, candidates: Sequence[Model]) -> list[Outcome]:
        """Build models that the experiment was sent without; return the outcomes of those that cannot be built."""
        estimators, broken = build_candidates(self._frozen, candidates)
        self._admitted |= estimators
        return outcomes_of_broken(broken, len(self._frozen.splits))

    def wait(self, futures: Iterable[Future[Any]], timeout: float | None, *, for_all: bool = False) -> set[Future[Any]]:
        """Wait for one future to end (``for_all``: for all of them), or for these seconds; return those that have."""
        return wait(futures, timeout=timeout, return_when=ALL_COMPLETED if for_all else FIRST_COMPLETED).done

    def foresee(self, model_ids: Sequence[str]) -> None:
        """Refit the likely winners on all training rows, on slots that would be idle."""
        for model_id in model_ids:
            if model_id not in self._foreseen and self._unfinished < self.slots:
                self._foreseen[model_id] = self._put(self._work_of_refit(model_id))

    def refit(self, model_ids: Sequence[str], stop: Callable[[], bool] | None = None) -> list[Refitted]:
        """Fit models on all training rows, several at once.

        Args:
            model_ids: the winners.
            stop: called regularly; once it returns true, the refits are cancelled and none is returned.

        Returns:
            The refits in the same order; a model that lost its worker in each attempt is among them, as failed.

        Raises:
            EngineLostError: The engine is gone.
        """
        self._cancelled.clear()
        works = [self._work_of_refit(model_id) for model_id in model_ids]
        started = [self._foreseen.pop(model_id, None) for model_id in model_ids]
        futures = [future or self._put(work) for work, future in zip(works, started, strict=True)]
        while wait(futures, timeout=STOP_SECONDS).not_done:
            if self._lost:
                raise EngineLostError(self._lost)
            if stop is not None and stop():
                self.cancel()
                return []
        refitted = [self._refitted(work, future) for work, future in zip(works, futures, strict=True)]
        if any(not future.done() for future in self._foreseen.values()):
            self.cancel()  # the models that did not win
        return refitted

    def _work_of_refit(self, model_id: str) -> Refit:
        mine = {model_id: self._admitted[model_id]} if model_id in self._admitted else {}
        return Refit(self._digest, model_id, limits=self._limits.of_refit(), estimators=mine)

    def _refitted(self, work: Refit, future: Future[Refitted]) -> Refitted:
        try:
            refitted = future.result()
        except EngineLostError:
            raise
        except Exception as error:  # noqa: BLE001 - engines lose workers with exceptions of their own
            refitted = Refitted(work.model_id, None, 0.0, type(error).__name__, str(error), lost_its_process=True)
        if refitted.lost_its_process and work.attempt <= self._limits.max_retries:
            again = replace(work, attempt=work.attempt + 1)
            return self._refitted(again, self._put(again))
        return refitted

    def cancel(self) -> None:
        """Cancel queued and running work; the futures fail."""
        self._cancelled.set()
        self._foreseen.clear()
        with contextlib.suppress(queue.Empty):
            while (job := self._queue.get_nowait()) is not None:
                job[1].cancel()
        if not self._lost:
            self._engine.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self.cancel()
        self._ended.set()
        for _thread in self._threads:
            self._queue.put(None)
        end = time.monotonic() + (LOST_JOIN_SECONDS if self._lost else JOIN_SECONDS)
        while (alive := [thread for thread in self._threads if thread.is_alive()]) and time.monotonic() < end:
            alive[0].join(timeout=1)
            if self._cancelled.is_set() and alive[0].is_alive() and not self._lost:
                self._engine.cancel()  # its job had not reached the engine when the others were cancelled
        self._clear_up()

    def _clear_up(self) -> None:
        try:
            self._engine.close()
        except Exception as error:  # noqa: BLE001 - a failed clean-up must not cost the results
            if self._lost:
                return
            _LOG.warning("The engine could not be cleared up: %s", error, exc_info=True)

    def _put(self, work: RunTrials | Refit) -> Future[Any]:
        future: Future[Any] = Future()
        self._count(1)
        future.add_done_callback(lambda _: self._count(-1))
        self._queue.put((work, future))
        return future

    def _count(self, change: int) -> None:
        with self._counting:
            self._unfinished += change

    def _timed(self, work: RunTrials | Refit) -> RunTrials | Refit:
        # The seconds are counted from when the work is sent: clocks of driver and workers need not agree.
        return replace(work, limits=work.limits.left(time.monotonic() - self._started))

    def _serve(self) -> None:
        """Take work until there is none; runs on the thread of a slot."""
        while (job := self._next()) is not None:
            work, future = job
            if self._cancelled.is_set() or self._lost:
                future.cancel()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._engine.run(self._timed(work), describe(work, self._run_name)))
            except Exception as error:  # noqa: BLE001 - it becomes the future's exception
                self._check_engine(error)
                future.set_exception(EngineLostError(self._lost) if self._lost else worker_error(error))
            except BaseException as error:  # noqa: BLE001 - as above
                future.set_exception(error)

    def _next(self) -> _Job | None:
        """Wait for the next job, and keep the engine from ending its workers as idle meanwhile."""
        while True:
            try:
                return self._queue.get(timeout=self._engine.patience)
            except queue.Empty:
                with contextlib.suppress(Exception):
                    awake = WarmUp(self._digest, limits=self._limits)
                    self._engine.run(awake, f"Bakeoff {self._run_name}: keep the workers")
