"""The process behind the engine ``local``: it has imported PyCaret, holds the experiment, and forks the workers.

A driver has threads and cannot be forked, so this process is started in a fresh interpreter, as
``python -m bakeoff.execution.worker.fork_server``. It starts no thread and computes nothing, and neither do its
workers: each of them forks in turn the child in which models are fitted (`bakeoff.execution.isolation.forked`). So
PyCaret is imported once for all slots, and a worker that is lost is replaced in milliseconds.

The driver asks over a pipe, one request at a time; each worker is given a pipe of its own to the driver. When the
driver's end of the first pipe is closed, this process ends, and all that it has forked ends with it.
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from typing import TYPE_CHECKING, Any

from bakeoff._utils.own_process import claim_process
from bakeoff.errors import WorkerError
from bakeoff.execution.isolation.processes import die_with_parent, end_tree
from bakeoff.execution.worker.bootstrap import settle_in
from bakeoff.execution.worker.fold_cache import FoldCache
from bakeoff.execution.worker.fork_requests import End, Forget, Fork, Load, Request
from bakeoff.execution.worker.payload import HeldDelivery, keep_runner
from bakeoff.execution.worker.task import Work, perform
from bakeoff.pycaret3.preload import preload

if TYPE_CHECKING:  # the process is set up before it imports PyCaret
    from bakeoff.pycaret3.frozen import FrozenExperiment

UNUSED_SECONDS = 1_800.0
"""Seconds after which a process that was started early and got no experiment ends: there is no comparison."""
IDLE_SECONDS = 300.0
"""Seconds without a worker after which the process ends. Until then the next comparison starts at once."""


@dataclass(frozen=True)
class _Held:
    """An experiment that this process has read."""

    frozen: FrozenExperiment
    runner: Any


class ForkServer:
    """The serving side, in the process.

    Args:
        connection: the pipe to the driver.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._held: dict[str, _Held] = {}
        self._workers: set[int] = set()
        self._is_used = False

    def serve(self) -> None:
        """Answer requests until the driver is gone, or needs nothing for long."""
        while self._connection.poll(self._patience):
            request: Request = self._connection.recv()
            if isinstance(request, Forget):
                self._forget(request.digest)
            else:
                self._connection.send(self._answer(request))

    @property
    def _patience(self) -> float | None:
        if self._workers:
            return None
        return IDLE_SECONDS if self._is_used else UNUSED_SECONDS

    def _answer(self, request: Load | Fork | End) -> Any:
        if isinstance(request, Load):
            return self._load(request, self._connection.recv_bytes())
        if isinstance(request, Fork):
            return self._fork(request.digest, Connection(recv_handle(self._connection)))
        return self._end(request.pid)

    def _load(self, request: Load, content: bytes) -> str:
        from bakeoff.pycaret3.runners.factory import runner_for

        self._is_used = True
        sys.path += [path for path in request.import_path if path not in sys.path]
        try:
            frozen = pickle.loads(content)
            runner = runner_for(frozen, None if request.folder is None else FoldCache(request.folder))
            runner.import_models()
        except Exception:  # noqa: BLE001 - the driver reports it
            return traceback.format_exc()
        self._held[request.digest] = _Held(frozen, runner)
        gc.freeze()  # it becomes no garbage while it is used, and visiting it would copy its pages into each worker
        return ""

    def _forget(self, digest: str) -> None:
        if self._held.pop(digest, None) is not None:
            gc.unfreeze()
            gc.collect()

    def _fork(self, digest: str, connection: Connection) -> int | str:
        held, server = self._held[digest], os.getpid()
        with connection:
            try:
                pid = os.fork()
            except OSError as error:  # no more processes are allowed, or there is no memory
                return str(error)
            if pid == 0:
                try:
                    self._connection.close()  # or the driver would not see the end of this process's parent
                    die_with_parent(server)
                    _work(connection, digest, held)
                finally:
                    os._exit(1)
        self._workers.add(pid)
        return pid

    def _end(self, pid: int) -> int | None:
        if pid not in self._workers:
            return None
        self._workers.remove(pid)
        end_tree(pid)  # it keeps its process id until it is waited for
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _work(connection: Connection, digest: str, held: _Held) -> None:
    """Do the driver's work, piece by piece, until no more comes; runs in a worker."""
    keep_runner(digest, held.runner)
    delivery = HeldDelivery(held.frozen)
    while True:
        try:
            work: Work = pickle.loads(connection.recv_bytes())
        except EOFError:
            return
        try:
            answer = perform(work, delivery)
        except Exception as error:  # noqa: BLE001 - the driver raises it
            answer = WorkerError(f"{type(error).__name__}: {error}")
        connection.send_bytes(pickle.dumps(answer, protocol=pickle.HIGHEST_PROTOCOL))


def main(connection: Connection) -> None:
    """Import PyCaret, say so, and serve the driver."""
    claim_process()
    settle_in()
    preload()
    try:
        connection.send(None)
        ForkServer(connection).serve()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


if __name__ == "__main__":
    die_with_parent(int(sys.argv[2]))
    main(Connection(int(sys.argv[1])))
