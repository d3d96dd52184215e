"""The engine for one machine: a worker process for each core, forked from one process that has imported PyCaret."""

from __future__ import annotations

import contextlib
import shutil
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff._utils import pickling
from bakeoff._utils.platform import usable_cores
from bakeoff.comparison.limits import Isolation
from bakeoff.execution.engines.base import PlainThreads
from bakeoff.execution.engines.local_server import Experiment, LocalServer, LocalWorker, running_server
from bakeoff.spark.scratch import scratch_folder

if TYPE_CHECKING:
    from bakeoff.execution.worker.task import Work
    from bakeoff.pycaret3.frozen import FrozenExperiment

COLD_SECONDS = 3.0
"""Seconds of one core until a process has imported PyCaret."""
WARM_SECONDS = 0.3
"""Seconds until a process that has imported PyCaret has read an experiment and forked workers."""


def pays(seconds: float, slots: int, *, warm: bool) -> bool:
    """Whether work is done earlier on slots that have to be made ready first than on one in this process.

    Args:
        seconds: expected seconds of the work on one core.
        slots: the number of slots.
        warm: whether there is a process that has imported PyCaret.

    Example:
        >>> pays(5.0, 2, warm=False), pays(5.0, 8, warm=False), pays(5.0, 2, warm=True), pays(500.0, 1, warm=True)
        (False, True, True, False)
    """
    saved = seconds * (1 - 1 / slots)
    return saved > (WARM_SECONDS if warm else COLD_SECONDS)


class LocalEngine(PlainThreads):
    """The engine that runs tasks on processes of this machine.

    Workers are like those of Spark: each is for one task at a time, and forks the child in which models are fitted. A
    worker is forked when a slot needs one, and one that is lost is replaced. The process that forks them stays, for the
    next comparison.
    """

    name = "local"
    ahead = 0
    patience: float | None = None
    isolation = Isolation.FORKED

    def __init__(self) -> None:
        self.slots = self.own_slots = usable_cores()
        self._digest = f"local-{uuid.uuid4().hex}"
        self._frozen: FrozenExperiment | None = None
        self._content = b""
        self._folder: Path | None = None
        self._server: LocalServer | None = None
        self._forking = threading.Lock()  # held while the process is made ready, which may take seconds
        self._lock = threading.Lock()  # guards what follows
        self._idle: list[LocalWorker] = []
        self._busy: set[LocalWorker] = set()
        self._n_cancels = 0

    def publish(self, frozen: FrozenExperiment) -> str:
        """Pickle the experiment, which the first task sends to the process that forks the workers."""
        self._server = running_server()
        self._frozen, self._content = frozen, pickling.dumps(frozen)
        with contextlib.suppress(OSError):  # then each worker transforms for itself
            folder = scratch_folder() / self._digest
            folder.mkdir(mode=0o700)
            self._folder = folder
        return self._digest

    def run(self, work: Work, description: str) -> Any:
        """Let an idle worker, or a new one, do the work.

        Raises:
            WorkerError: The worker was lost, or there can be none.
            ConnectionAbortedError: The work was cancelled before it began.
        """
        del description
        worker = self._take()
        try:
            answer = worker.perform(work)
        except BaseException:
            with self._lock:
                self._busy.remove(worker)
            worker.close()
            raise
        with self._lock:
            self._busy.remove(worker)
            self._idle.append(worker)
        return answer

    def cancel(self) -> None:
        """End the workers that work, and the process that forks them if tasks wait for it to import PyCaret."""
        with self._lock:
            self._n_cancels += 1
            busy = list(self._busy)
        for worker in busy:
            worker.end()
        if self._server is not None and self._forking.locked() and not self._server.is_ready:
            self._server.kill()

    def close(self) -> None:
        """End the workers and free the experiment."""
        with self._lock:
            workers, self._idle = [*self._idle, *self._busy], []
        for worker in workers:
            worker.close()
        if self._server is not None:
            self._server.forget(self._digest)
        self._frozen, self._content = None, b""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _take(self) -> LocalWorker:
        """Return a worker that is for the caller until it is given back."""
        n_cancels = self._n_cancels
        with self._lock:
            worker = self._idle.pop() if self._idle else None
            if worker is not None:
                self._busy.add(worker)
                return worker
        with self._forking:
            if n_cancels != self._n_cancels:
                raise ConnectionAbortedError("The work was cancelled before it began.")
            worker = self._fork()
        with self._lock:
            self._busy.add(worker)
            is_late = n_cancels != self._n_cancels
        if is_late:
            worker.end()  # as if it had been busy already
        return worker

    def _fork(self) -> LocalWorker:
        self._server = server = running_server()
        if not server.holds(self._digest):
            content = self._content or pickling.dumps(self._frozen)  # again, where the last process was lost
            server.load(Experiment(self._digest, content, self._folder))
            self._content = b""
        return server.fork(self._digest)
