"""A process of its own for trials, where this one cannot be forked: it has threads, or has computed.

It is started as ``python -m bakeoff.execution.isolation.spawned`` and not by multiprocessing, whose way of starting
processes would run the user's script again. It does what a worker of Spark's does: it imports PyCaret, reads the
payload, computes nothing, and forks the child in which models are fitted (`bakeoff.execution.isolation.forked`).
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import time
import traceback
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from bakeoff.comparison.trial import Outcome, Status
from bakeoff.execution.isolation.forked import Ask, Ended, ForkedRunner, failure
from bakeoff.execution.isolation.processes import describe_end, die_with_parent, end_tree
from bakeoff.pycaret3.preload import preload

if TYPE_CHECKING:
    from bakeoff.comparison.trial import Refitted

START_SECONDS = 180.0
"""A host that has not imported PyCaret by then, or not read the payload, is given up."""
UNUSED_SECONDS = 1_800.0
"""A host that was started early and gets no payload for so long ends by itself: the comparison is off."""


class SpawnedRunner:
    """Runs trials in a process that this one starts, one at a time.

    Args:
        payload: the pickled `bakeoff.pycaret3.frozen.FrozenExperiment`; what is not known yet may be given later.
    """

    def __init__(self, payload: bytes | None = None) -> None:
        self.payload = payload
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._has_read = False
        self._busy = threading.Event()

    def answer(self, ask: Ask) -> Outcome | Refitted:
        """Do what is asked for, within its bounds; starting the process does not count."""
        connection = self.ready()
        started = time.monotonic()
        self._busy.set()
        try:
            connection.send_bytes(pickle.dumps(ask))
            answered: Outcome | Refitted = pickle.loads(connection.recv_bytes())
        except (EOFError, OSError):
            said = f"The process for trials was taken down ({describe_end(self._end())})."
            return failure(ask, Ended(Status.CRASHED, "ProcessEnded", said), time.monotonic() - started)
        finally:
            self._busy.clear()
        return answered

    def interrupt(self) -> None:
        """End the process in the middle of what it does; called from another thread than the one that waits for it."""
        process = self._process
        if self._busy.is_set() and process is not None and process.poll() is None:
            end_tree(process.pid)

    def close(self) -> None:
        """End the process, if there is one."""
        self._end()

    def start(self) -> None:
        """Start the process, which imports PyCaret; what it is to work on it gets from `ready`."""
        if self._process is not None and self._process.poll() is None:
            return
        self._end()
        mine, theirs = Pipe()
        self._process = subprocess.Popen(  # noqa: S603 - this Python
            [sys.executable, "-W", "ignore", "-m", __spec__.name, str(theirs.fileno()), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # Ctrl-C in a terminal is for the driver
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "PYCARET_CUSTOM_LOGGING_PATH": os.devnull,
            },
        )
        theirs.close()
        self._connection = mine

    def ready(self) -> Connection:
        """The way to a process that has read the payload.

        Raises:
            RuntimeError: it could not be started.
        """
        if self._has_read and self._process is not None and self._process.poll() is None and self._connection:
            return self._connection
        self.start()
        connection = self._connection
        assert connection is not None and self.payload is not None  # noqa: S101, PT018 - it was given by now
        try:
            why = self._heard(connection)
            if not why:
                connection.send_bytes(self.payload)
                why = self._heard(connection)
            if not why:
                self._has_read = True
                return connection
        except (EOFError, OSError) as error:
            why = repr(error)
        code = self._end()
        raise RuntimeError(f"The process for trials did not start ({describe_end(code)}). {why}")

    @staticmethod
    def _heard(connection: Connection) -> str:
        """Why the process cannot go on; nothing where it can."""
        said = connection.poll(START_SECONDS)
        return connection.recv_bytes().decode() if said else f"It took more than {START_SECONDS:g} s."

    def _end(self) -> int | None:
        """Kill the process and everything that it has started; returns its exit code."""
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


def start_early() -> None:
    """Start a host before it is known what it will work on; the next one that is wanted is this one."""
    if not _EARLY:
        _EARLY.append(SpawnedRunner())
    _EARLY[0].start()


def take_host() -> SpawnedRunner:
    """A host without a payload, the early one if there is one."""
    return _EARLY.pop() if _EARLY else SpawnedRunner()


def close_early() -> None:
    """End an early host that nobody wants."""
    while _EARLY:
        _EARLY.pop().close()


def serve(connection: Connection) -> None:
    """What the process does: import, take the payload, then one thing after the other, until nobody asks any more."""
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
        except Exception:  # noqa: BLE001 - whatever it is, the parent tells it
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
    serve(Connection(int(sys.argv[1])))
