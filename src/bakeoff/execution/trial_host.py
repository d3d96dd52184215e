"""A process of its own for trials that may have to be killed.

It is started as ``python -m bakeoff.execution.trial_host`` and not by multiprocessing, whose way of starting processes
would run the user's script again. It keeps the payload and the transformed folds from trial to trial, and is replaced
when a trial overruns its time or takes its process down; only that trial is lost.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from bakeoff.comparison.trial import Outcome, Status, Trial, failed_outcomes

START_SECONDS = 180.0
"""A host that has not imported PyCaret and read the payload by then is given up."""

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux's prctl


class TrialHost:
    """Runs trials in a child process, one at a time, each within its time.

    Args:
        payload: the pickled `bakeoff.pycaret3.frozen.FrozenExperiment`.
    """

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    def run(self, trial: Trial, attempt: int, seconds: float) -> Outcome:
        """Run a trial for at most so many seconds; starting the process does not count."""
        connection = self._ready()
        started = time.monotonic()
        try:
            connection.send_bytes(pickle.dumps((trial, attempt)))
            if connection.poll(seconds):
                outcome: Outcome = pickle.loads(connection.recv_bytes())
                return outcome
        except (EOFError, OSError):
            code = self._end()
            said = f"The trial took its process down ({_describe(code)})."
            return _bad(trial, attempt, started, Status.CRASHED, said)
        self._end()
        said = f"The trial took longer than {seconds:g} s and was ended."
        return _bad(trial, attempt, started, Status.TIMEOUT, said)

    def close(self) -> None:
        """End the process, if there is one."""
        self._end()

    def _ready(self) -> Connection:
        if self._connection is not None and self._process is not None and self._process.poll() is None:
            return self._connection
        self._end()
        mine, theirs = Pipe()
        self._process = subprocess.Popen(  # noqa: S603 - this Python
            [sys.executable, "-W", "ignore", "-m", __spec__.name, str(theirs.fileno()), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # a group of its own, which is ended with all that a model has started
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "PYCARET_CUSTOM_LOGGING_PATH": os.devnull,
            },
        )
        theirs.close()
        self._connection = mine
        try:
            mine.send_bytes(self._payload)
            why = mine.recv_bytes().decode() if mine.poll(START_SECONDS) else f"It took more than {START_SECONDS:g} s."
            if not why:
                return mine
        except (EOFError, OSError) as error:
            why = repr(error)
        code = self._end()
        raise RuntimeError(f"The process for trials did not start ({_describe(code)}). {why}")

    def _end(self) -> int | None:
        """Kill the process and everything in its group; returns its exit code."""
        process, self._process = self._process, None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if process is None:
            return None
        code = process.poll()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return process.returncode if code is None else code


def _bad(trial: Trial, attempt: int, started: float, status: Status, said: str) -> Outcome:
    kind = "TrialTimeout" if status is Status.TIMEOUT else "ProcessEnded"
    (outcome,) = failed_outcomes([trial], status, kind, said, attempt)
    return replace(outcome, fit_seconds=time.monotonic() - started)


def _describe(code: int | None) -> str:
    """How a process ended, in words.

    Example:
        >>> _describe(-9), _describe(3)
        ('signal SIGKILL', 'exit code 3')
    """
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"


def serve(connection: Connection) -> None:
    """What the child does: take the payload, then one trial after the other, until nobody asks any more."""
    try:
        content = connection.recv_bytes()  # first of all: the parent counts the seconds once it is rid of it
        try:
            from bakeoff.pycaret3.runner import runner_for

            runner = runner_for(pickle.loads(content))
        except Exception:  # noqa: BLE001 - whatever it is, the parent tells it
            connection.send_bytes(traceback.format_exc().encode())
            return
        connection.send_bytes(b"")
        while True:
            trial, attempt = pickle.loads(connection.recv_bytes())
            connection.send_bytes(pickle.dumps(runner.run(trial, attempt)))
    except (EOFError, BrokenPipeError):
        return


def _die_with_parent(parent: int) -> None:
    """Ask Linux to end this process with its parent, also in the middle of a trial."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:  # it was quicker
        sys.exit(1)


if __name__ == "__main__":
    _die_with_parent(int(sys.argv[2]))
    serve(Connection(int(sys.argv[1])))
