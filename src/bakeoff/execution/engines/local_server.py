"""The driver's side of the process that forks the workers of the engine ``local``."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from bakeoff.errors import WorkerError
from bakeoff.execution.isolation.processes import describe_end, end_tree, start_python
from bakeoff.execution.worker.fork_requests import End, Forget, Fork, Load

if TYPE_CHECKING:
    from bakeoff.execution.worker.task import Work

MODULE = "bakeoff.execution.worker.fork_server"
"""The module that the process runs."""
START_SECONDS = 180.0
"""Seconds after which a process that has not imported PyCaret is given up."""
_GLANCE_SECONDS = 2.0
"""Seconds between two looks at whether a worker is alive: its end of the pipe may be held by a process that was forked
from this one, so the pipe alone does not tell."""


@dataclass(frozen=True)
class Experiment:
    """An experiment on its way to the process.

    Attributes:
        digest: its name.
        content: the pickled `bakeoff.pycaret3.frozen.FrozenExperiment`.
        folder: where workers leave transformed folds for each other; ``None`` for nowhere.
    """

    digest: str
    content: bytes
    folder: Path | None


class LocalServer:
    """One process that forks workers, from its start to its end; another one takes its place (`running_server`).

    It is started at once, and imports PyCaret in the background: the first call that needs it waits.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # one request at a time
        self._is_ready = False
        self._loaded: set[str] = set()
        self._connection, self._process = _launch()

    @property
    def is_alive(self) -> bool:
        """Whether the process is there, and this process's own."""
        return self._process.poll() is None and not self._connection.closed

    @property
    def is_ready(self) -> bool:
        """Whether the process is there and has imported PyCaret."""
        with contextlib.suppress(OSError):  # it ends at this moment
            return self.is_alive and (self._is_ready or self._connection.poll())
        return False

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def holds(self, digest: str) -> bool:
        """Whether the process has read an experiment."""
        return digest in self._loaded

    def wait(self) -> None:
        """Wait until the process has imported PyCaret.

        Raises:
            WorkerError: It has ended.
        """
        with self._lock, self._explained():
            self._await_start()

    def load(self, experiment: Experiment) -> None:
        """Let the process read an experiment.

        Raises:
            WorkerError: The process has ended, or cannot read it.
        """
        with self._lock, self._explained():
            self._await_start()
            self._connection.send(Load(experiment.digest, experiment.folder, tuple(path for path in sys.path if path)))
            self._connection.send_bytes(experiment.content)
            why: str = self._connection.recv()
        if why:
            raise WorkerError(f"The experiment cannot be read in another process. {why}")
        self._loaded.add(experiment.digest)

    def fork(self, digest: str) -> LocalWorker:
        """Return a new worker for an experiment that was loaded.

        Raises:
            WorkerError: The process has ended, or cannot fork.
        """
        mine, theirs = Pipe()
        with theirs, self._lock, self._explained():
            self._connection.send(Fork(digest))
            send_handle(self._connection, theirs.fileno(), self.pid)
            reply: int | str = self._connection.recv()
        if isinstance(reply, str):
            raise WorkerError(f"No worker could be forked: {reply}.")
        return LocalWorker(self, reply, mine)

    def end_worker(self, pid: int) -> int | None:
        """End a worker with all that it has started; return its exit code, ``None`` if it is gone with the process."""
        with contextlib.suppress(WorkerError), self._lock, self._explained():
            self._connection.send(End(pid))
            code: int | None = self._connection.recv()
            return code
        return None

    def forget(self, digest: str) -> None:
        """Let the process free an experiment, if it has read it."""
        if digest in self._loaded:
            self._loaded.remove(digest)
            with contextlib.suppress(WorkerError), self._lock, self._explained():
                self._connection.send(Forget(digest))

    def kill(self) -> None:
        """End the process with all that it has started, whatever it is doing; who waits for it hears of it."""
        if self._process.poll() is None:
            end_tree(self._process.pid)

    def _await_start(self) -> None:
        if not self._is_ready:
            if not self._connection.poll(START_SECONDS):
                self.kill()
            self._connection.recv()
            self._is_ready = True

    @contextlib.contextmanager
    def _explained(self) -> Any:
        """Raise one kind of error, with a sentence, when the process has ended."""
        try:
            yield
        except (EOFError, OSError) as error:
            self.kill()
            self._connection.close()
            how = describe_end(self._process.wait())
            raise WorkerError(f"The process that forks the workers has ended ({how}).") from error


class LocalWorker:
    """The driver's handle on a worker.

    Args:
        server: the process that has forked it.
        pid: its process id.
        connection: the pipe to it.
    """

    def __init__(self, server: LocalServer, pid: int, connection: Connection) -> None:
        self.pid = pid
        self._server = server
        self._connection = connection
        self._code: int | None = None

    def perform(self, work: Work) -> Any:
        """Let the worker do some work; return its answer.

        Raises:
            WorkerError: The worker has ended, or could not do it.
        """
        try:
            self._connection.send_bytes(pickle.dumps(work, protocol=pickle.HIGHEST_PROTOCOL))
            while not self._connection.poll(_GLANCE_SECONDS):
                if not self._is_alive():
                    raise EOFError  # noqa: TRY301 - as if the pipe had told
            answer = pickle.loads(self._connection.recv_bytes())
        except (EOFError, OSError) as error:
            code = self.end()
            how = "with the process that forks the workers" if code is None else describe_end(code)
            raise WorkerError(f"The worker was taken down ({how}).") from error
        if isinstance(answer, WorkerError):
            raise answer
        return answer

    def end(self) -> int | None:
        """End it with all that it has started; return its exit code, ``None`` if it has ended with its parent."""
        if self._code is None:
            self._code = self._server.end_worker(self.pid)
        return self._code

    def close(self) -> None:
        """End it, and close the pipe to it."""
        self.end()
        self._connection.close()

    def _is_alive(self) -> bool:
        with contextlib.suppress(psutil.Error):
            return bool(psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE)
        return False


def _launch() -> tuple[Connection, subprocess.Popen[bytes]]:
    """Start the process, and return the pipe to it.

    Linux ends it with the thread that has started it, so that is one of its own, which waits for its end.
    """
    mine, theirs = Pipe()
    launched: Future[subprocess.Popen[bytes]] = Future()

    def live() -> None:
        try:
            process = start_python(MODULE, theirs)
        except BaseException as error:  # noqa: BLE001 - the caller raises it
            launched.set_exception(error)
            return
        launched.set_result(process)
        process.wait()

    with theirs:
        threading.Thread(target=live, name="bakeoff-local", daemon=True).start()
        return mine, launched.result()


_STARTING = threading.Lock()
_RUNNING: dict[int, LocalServer] = {}
"""The server of this process, by its process id: a process that is forked from it needs one of its own."""


def running_server() -> LocalServer:
    """Return the server of this process; it is started if there is none, or the last one has ended."""
    with _STARTING:
        server = _RUNNING.get(os.getpid())
        if server is None or not server.is_alive:
            server = _RUNNING[os.getpid()] = LocalServer()
        return server


def end_server() -> None:
    """End the server of this process, if there is one; the next comparison would start another."""
    server = _RUNNING.pop(os.getpid(), None)
    if server is not None:
        server.kill()


def is_server_ready() -> bool:
    """Whether a server of this process could fork workers at once."""
    server = _RUNNING.get(os.getpid())
    return server is not None and server.is_ready
