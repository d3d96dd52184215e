"""Slots on an engine: long-lived threads that take one piece of work after the other."""

from __future__ import annotations

import pickle
import queue
import threading
import time
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bakeoff.comparison.plan import Task
from bakeoff.comparison.trial import Outcome
from bakeoff.execution.engines import Engine, describe
from bakeoff.execution.worker import Work
from bakeoff.pycaret3.frozen import FrozenExperiment
from bakeoff.pycaret3.runner import Refitted

if TYPE_CHECKING:
    from typing_extensions import Self

_Job = tuple[Work, "Future[Any]"]


class FugueExecutor:
    """Runs tasks on an engine of Fugue's, one small job each.

    Used as a context manager: leaving it ends the threads and takes the payload back.

    Args:
        engine: an opened engine.
        frozen: the experiment whose trials are run.
        run_name: for the descriptions of the jobs.
        n_slots: how many tasks to run at once, if not as many as the engine has slots.
        seconds: from now on, after which workers start no further trial; ``None`` for no limit.
    """

    def __init__(
        self,
        engine: Engine,
        frozen: FrozenExperiment,
        run_name: str = "run",
        n_slots: int | None = None,
        seconds: float | None = None,
    ) -> None:
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._engine = engine
        self._run_name = run_name
        self.slots = n_slots or engine.slots
        self._digest = engine.publish(frozen)
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._cancelled = threading.Event()
        self._threads = [engine.thread(self._serve, f"bakeoff-slot-{n}") for n in range(self.slots)]
        for thread in self._threads:
            thread.start()

    def submit(self, task: Task, attempt: int) -> Future[list[Outcome]]:
        """Queue a task for the next free slot."""
        return self._put(Work(self._digest, trials=task.trials, attempt=attempt))

    def refit(self, model_id: str) -> Future[Refitted]:
        """Queue the refit of a model on all training rows."""
        self._cancelled.clear()
        return self._put(Work(self._digest, refit=model_id))

    def cancel(self) -> None:
        """Cancel what is queued and what is running; their futures fail."""
        self._cancelled.set()
        self._engine.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for _thread in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(timeout=60)
        self._engine.close()

    def _put(self, work: Work) -> Future[Any]:
        future: Future[Any] = Future()
        self._queue.put((work, future))
        return future

    def _packed(self, work: Work) -> bytes:
        # The seconds are counted from when the work is sent: clocks of driver and workers need not agree.
        left = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        return pickle.dumps(work if left is None else replace(work, seconds_left=left))

    def _serve(self) -> None:
        """One slot: take work until there is none."""
        while (job := self._queue.get()) is not None:
            work, future = job
            if self._cancelled.is_set():
                future.cancel()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._engine.run(self._packed(work), describe(work, self._run_name)))
            except BaseException as error:  # noqa: BLE001 - it is not lost: it becomes the future's exception
                future.set_exception(error)
