"""A separate process for trials, used if this one cannot be forked because it has threads or has computed.

It is started as ``python -m bakeoff.execution.isolation.spawned``. Like a worker of Spark, it imports PyCaret, reads
the payload, computes nothing, and forks the child in which models are fitted (`bakeoff.execution.isolation.forked`).
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
import time
import traceback
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from bakeoff._utils.own_process import claim_process
from bakeoff.comparison.trial import Outcome, Status
from bakeoff.execution.isolation.forked import ForkedRunner
from bakeoff.execution.isolation.processes import describe_end, die_with_parent, end_tree, start_python
from bakeoff.execution.isolation.requests import Ask, Ended, failure
from bakeoff.pycaret3.preload import preload

if TYPE_CHECKING:
    from bakeoff.comparison.trial import Refitted

START_SECONDS = 180.0
"""Seconds after which a process that has not imported PyCaret, or not read the payload, is given up."""
UNUSED_SECONDS = 1_800.0
"""Seconds after which a process that was started early and got no payload ends: there is no comparison."""


class SpawnedRunner:
    """A runner of trials in a process that this one starts, one at a time.

    Args:
        payload: the pickled `bakeoff.pycaret3.frozen.FrozenExperiment`; `load` brings it, if it is not known yet.
    """

    def __init__(self, payload: bytes | None = None) -> None:
        self._payload = payload
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._has_read = False
        self._busy = threading.Event()

    def answer(self, ask: Ask) -> Outcome | Refitted:
        """Carry out a request within its limits; the time to start the process does not count."""
        connection = self.ready()
        started = time.monotonic()
        self._busy.set()
        try:
            connection.send_bytes(pickle.dumps(ask))
            answered: Outcome | Refitted = pickle.loads(connection.recv_bytes())
        except (EOFError, OSError):
            message = f"The process for trials was taken down ({describe_end(self._end())})."
            return failure(ask, Ended(Status.CRASHED, "ProcessEnded", message), time.monotonic() - started)
        finally:
            self._busy.clear()
        return answered

    def interrupt(self) -> None:
        """End the process while it works; called from another thread than the one that waits for it."""
        process = self._process
        if self._busy.is_set() and process is not None and process.poll() is None:
            end_tree(process.pid)

    def close(self) -> None:
        """End the process, if there is one."""
        self._end()

    def load(self, payload: bytes) -> None:
        """Let the process read the payload.

        Raises:
            RuntimeError: It could not be started.
        """
        self._payload = payload
        self.ready()

    def start(self) -> None:
        """Start the process, which imports PyCaret; `ready` sends the payload."""
        if self._process is not None and self._process.poll() is None:
            return
        self._end()
        parent_end, child_end = Pipe()
        self._process = start_python(__spec__.name, child_end)
        child_end.close()
        self._connection = parent_end

    def ready(self) -> Connection:
        """Make sure that the process runs and has read the payload; return the connection to it.

        Raises:
            RuntimeError: It could not be started.
        """
        if self._has_read and self._process is not None and self._process.poll() is None and self._connection:
            return self._connection
        self.start()
        connection = self._connection
        assert connection is not None and self._payload is not None  # noqa: S101, PT018 - the payload was set by now
        try:
            why = self._read_problem(connection)
            if not why:
                connection.send_bytes(self._payload)
                why = self._read_problem(connection)
            if not why:
                self._has_read = True
                return connection
        except (EOFError, OSError) as error:
            why = repr(error)
        code = self._end()
        raise RuntimeError(f"The process for trials did not start ({describe_end(code)}). {why}")

    @staticmethod
    def _read_problem(connection: Connection) -> str:
        """Wait for a report of the process; return why it cannot go on, or nothing."""
        has_reported = connection.poll(START_SECONDS)
        return connection.recv_bytes().decode() if has_reported else f"It took more than {START_SECONDS:g} s."

    def _end(self) -> int | None:
        """Kill the process and all that it has started; return its exit code."""
        self._has_read = False
        process, self._process = self._process, None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if process is None:
            return None
        if process.poll() is None:
            end_tree(process.pid)
        return process.wait()


_EARLY: list[SpawnedRunner] = []
"""The runner that was started early, if there is one."""


def start_early() -> None:
    """Start a process before its payload is known; `take_host` hands it out."""
    if not _EARLY:
        _EARLY.append(SpawnedRunner())
    _EARLY[0].start()


def take_host() -> SpawnedRunner:
    """Return a runner without a payload: the one that was started early if there is one."""
    return _EARLY.pop() if _EARLY else SpawnedRunner()


def close_early() -> None:
    """End a process that was started early and is not needed."""
    while _EARLY:
        _EARLY.pop().close()


def serve(connection: Connection) -> None:
    """Import PyCaret, read the payload, then serve requests until no more come; runs in the process."""
    try:
        preload()
        connection.send_bytes(b"")
        if not connection.poll(UNUSED_SECONDS):
            return
        content = connection.recv_bytes()
        try:
            from bakeoff.pycaret3.runners.factory import runner_for

            runner = runner_for(pickle.loads(content))
            runner.import_models()
        except Exception:  # noqa: BLE001 - the parent reports it
            connection.send_bytes(traceback.format_exc().encode())
            return
        host = ForkedRunner(runner)
        connection.send_bytes(b"")
        while True:
            connection.send_bytes(pickle.dumps(host.answer(pickle.loads(connection.recv_bytes()))))
    except (EOFError, BrokenPipeError):
        return


if __name__ == "__main__":
    die_with_parent(int(sys.argv[2]))
    claim_process()
    serve(Connection(int(sys.argv[1])))
