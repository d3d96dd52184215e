"""The killable child process of a worker in which models are fitted.

It is forked from a process that has imported PyCaret and read the payload but computed nothing, so starting or
replacing it takes milliseconds. It keeps the folds that it has transformed from trial to trial; a trial that hangs,
crashes or exhausts memory costs only itself.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import multiprocessing.connection as channels
import os
import pickle
import signal
import socket
import sys
import time
import traceback
import warnings
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.comparison.limits import TrialLimits
from bakeoff.comparison.trial import Outcome, Refitted, Status, Trial, failed_outcomes
from bakeoff.execution.isolation.processes import (
    describe_end,
    die_with_parent,
    end_tree,
    keep_together,
    memory_of_tree,
    oom_kills,
)

if TYPE_CHECKING:  # a worker is set up before it imports PyCaret
    from bakeoff.pycaret3.runners.base import TrialRunner

IDLE_SECONDS = 30.0
"""Seconds without a request after which a child ends: the run is over, or has no work for this slot."""
OUTPUT_BYTES = 64 * 1024
"""Bytes that are kept of a child's output, from its end."""
_GLANCE_SECONDS = 0.1
"""Seconds between two looks at whether a child is alive and how much memory it has: its end of the pipe may be held by
another process, so the pipe alone does not tell."""
_CHUNKS = 64
"""Reads of a child's output at a time, so that a child that writes without end does not block its parent."""
_SHOWN_CHARACTERS = 4_000
"""Characters of a child's output that are kept with a failure."""
_CRASH_MARKS = ("Current thread 0x", "Fatal Python error")
"""What faulthandler prints above the stack of the thread that has crashed, and where Python has no stack of it."""
_TIMEOUT_MARKS = ("\nThread 0x",)
"""What faulthandler prints above each thread's stack at a timeout; the last is the oldest thread, which runs trials."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A request for one trial or refit.

    Attributes:
        trial: the trial to run; ``None`` to refit.
        refit: the id of the model to fit on all training rows.
        attempt: number of the attempt; 1 for the first.
        limits: limits of this trial or refit. When its ``timeout`` has passed it is ended as timed out, when its
            ``seconds`` have passed the run is over, and it is cancelled.
    """

    trial: Trial | None = None
    refit: str | None = None
    attempt: int = 1
    limits: TrialLimits = field(default_factory=TrialLimits)


@dataclass(frozen=True)
class Ended:
    """Why a child was ended, or how it ended by itself.

    Attributes:
        status: status of the outcome.
        kind: error type of the outcome.
        said: error message of the outcome; empty for a process that ended by itself, until that is described.
    """

    status: Status
    kind: str
    said: str


class ForkedRunner:
    """A runner of trials in a forked child, one at a time; a child that a trial takes down is replaced.

    Args:
        runner: the runner of the payload, for the child; the parent computes nothing with it.
    """

    def __init__(self, runner: TrialRunner) -> None:
        self._runner = runner
        self._child: _Child | None = None

    def answer(self, ask: Ask) -> Outcome | Refitted:
        """Carry out a request within its limits; the end of the child is an answer, too."""
        started = time.monotonic()
        kills = oom_kills()
        child = self._ready()
        content = child.ask(ask, started)
        if isinstance(content, bytes):
            answered: Outcome | Refitted = pickle.loads(content)
            return answered
        self._child = None
        code = child.end()
        ended = _named(content, code, oom_kills() > kills)
        return failure(ask, ended, time.monotonic() - started, child.output())

    def close(self) -> None:
        """End the child, if there is one."""
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _ready(self) -> _Child:
        if self._child is not None and self._child.is_stale():
            self.close()
        if self._child is None:
            self._child = _Child.fork(self._runner)
        return self._child


_BY_ITSELF = Ended(Status.CRASHED, "ProcessEnded", "")


class _Child:
    """The parent's handle on a forked process."""

    def __init__(self, pid: int, connection: Connection, output: int) -> None:
        self._pid = pid
        self._connection = connection
        self._output: int | None = output
        self._tail = b""
        self._used = time.monotonic()

    @classmethod
    def fork(cls, runner: TrialRunner) -> _Child:
        parent_end, child_end = channels.Pipe()
        output, child_output = os.pipe()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(AttributeError, ValueError, OSError):
                stream.flush()  # else the child would print the buffer again
        parent = os.getpid()
        with warnings.catch_warnings():
            # Python 3.12 warns if there are other threads; those of Arrow and BLAS can handle a fork.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            try:
                _live(runner, child_end, child_output, parent)
            finally:
                os._exit(1)
        child_end.close()
        os.close(child_output)
        os.set_blocking(output, False)
        return cls(pid, parent_end, output)

    def is_stale(self) -> bool:
        """Whether it has ended, or is about to because it was idle."""
        return time.monotonic() - self._used > IDLE_SECONDS - 5 or self._has_ended()

    def ask(self, ask: Ask, started: float) -> bytes | Ended:
        """Send a request; return the pickled answer, or why there is none."""
        try:
            self._connection.send_bytes(pickle.dumps(ask))
            return self._wait(ask, started)
        except (EOFError, OSError):
            return _BY_ITSELF
        finally:
            self._used = time.monotonic()

    def end(self) -> int | None:
        """Kill it and all processes that it has started; return its exit code, or the signal as a negative number."""
        code = None
        with contextlib.suppress(
            ChildProcessError
        ):  # another caller has waited for it: its id may belong to another process now
            os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            end_tree(self._pid)
            code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        self._drain()
        self._connection.close()
        if self._output is not None:
            os.close(self._output)
            self._output = None
        return code

    def output(self) -> str:
        """Return the end of its output, without the list of all modules that faulthandler adds to a stack."""
        lines = self._tail.decode(errors="replace").splitlines()
        return "\n".join(line for line in lines if not line.startswith("Extension modules:"))

    def _wait(self, ask: Ask, started: float) -> bytes | Ended:
        glanced = started
        while True:
            now = time.monotonic() - started
            left = [limit - now for limit in (ask.limits.timeout, ask.limits.seconds) if limit is not None]
            patience = max(0.0, min([_GLANCE_SECONDS, *left]))
            ready = channels.wait([self._connection, *([] if self._output is None else [self._output])], patience)
            if self._output in ready:
                self._drain()
            if self._connection in ready:
                return self._connection.recv_bytes()
            if ready and time.monotonic() - glanced < _GLANCE_SECONDS:
                continue
            glanced = time.monotonic()
            if self._has_ended():  # another process holds its end of the pipe
                return self._connection.recv_bytes() if self._connection.poll() else _BY_ITSELF
            ended = self._beyond(ask, glanced - started)
            if ended is not None:
                return ended

    def _beyond(self, ask: Ask, seconds: float) -> Ended | None:
        """Return the limit of the request that it has exceeded, if any."""
        what, limits = "trial" if ask.trial else "refit", ask.limits
        if limits.seconds is not None and seconds >= limits.seconds:
            return Ended(Status.CANCELLED, "Cancelled", f"The run's time was over before this {what} ended.")
        if limits.timeout is not None and seconds >= limits.timeout:
            message = f"The {what} took longer than {limits.timeout:g} s and was ended."
            return Ended(Status.TIMEOUT, "TrialTimeout", message)
        if limits.memory_mb is not None and (held := memory_of_tree(self._pid) / 1e6) > limits.memory_mb:
            message = f"The {what}'s process held {held:,.0f} MB, more than the {limits.memory_mb:g} MB it may, and was"
            return Ended(Status.OOM, "MemoryLimit", f"{message} ended.")
        return None

    def _drain(self) -> None:
        """Read its output, and keep the end; stop after some chunks if it writes without end."""
        for _ in range(_CHUNKS):
            if self._output is None:
                return
            try:
                chunk = os.read(self._output, OUTPUT_BYTES)
            except BlockingIOError:
                return
            if not chunk:
                os.close(self._output)
                self._output = None
            self._tail = (self._tail + chunk)[-OUTPUT_BYTES:]

    def _has_ended(self) -> bool:
        try:  # WNOWAIT: until it is waited for, its id is given to no other process
            return os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True


def _named(ended: Ended, code: int | None, oom: bool) -> Ended:  # noqa: FBT001 - it has one caller
    """Describe the end of a process that ended by itself."""
    if ended.said:
        return ended
    how = describe_end(code)
    if oom and code == -signal.SIGKILL:
        return Ended(Status.OOM, "OutOfMemory", f"Linux killed the process for want of memory ({how}).")
    return replace(ended, said=f"The process was taken down ({how}).")


def failure(ask: Ask, ended: Ended, seconds: float, output: str = "") -> Outcome | Refitted:
    """Make the answer to a request whose process gave none.

    Args:
        ask: the request.
        ended: why there is no answer.
        seconds: seconds that it took.
        output: the output of the process.

    Returns:
        A failed outcome, or for a refit a failed refit.
    """
    shown = f"The last that its process said:\n{_last_words(output, ended.status)}" if output.strip() else None
    if ask.trial is None:
        again = ended.status in (Status.CRASHED, Status.OOM)
        return Refitted(str(ask.refit), None, seconds, ended.kind, ended.said, shown, again)
    (outcome,) = failed_outcomes([ask.trial], ended.status, ended.kind, ended.said, ask.attempt)
    return replace(outcome, fit_seconds=seconds, traceback=shown, host=socket.gethostname())


def _last_words(output: str, status: Status = Status.CRASHED) -> str:
    r"""Return the end of a process's output, or the start of the Python stack that tells why it ended.

    Python prints the innermost frame first, so the outer frames can be left out.

    Example:
        >>> _last_words("hello, Fatal Python error: Aborted" + "x" * 9_000)[:20], _last_words("x" * 9_000 + "end")[-4:]
        ('hello, Fatal Python ', 'xend')
        >>> _last_words("Timeout (0:00:01)!\nThread 0x7f (most recent call first):" + "x" * 9_000, Status.TIMEOUT)[:18]
        'Timeout (0:00:01)!'
    """
    for mark in _TIMEOUT_MARKS if status is Status.TIMEOUT else _CRASH_MARKS:
        found = output.rfind(mark)
        if found >= 0:
            start = max(0, found - _SHOWN_CHARACTERS // 4)
            return output[start : start + _SHOWN_CHARACTERS]
    return output[-_SHOWN_CHARACTERS:]


def _live(runner: TrialRunner, connection: Connection, output: int, parent: int) -> None:
    """Serve requests in the child until no more come; never returns."""
    try:
        keep_together()
        die_with_parent(parent)
        _settle_apart(connection.fileno(), output)
        gc.freeze()  # objects of the parent never become garbage here; visiting them would copy their pages
        _serve(runner, connection)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    except BaseException:  # noqa: BLE001 - there is no caller to raise it to: it is printed
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os.killpg(0, signal.SIGKILL)  # with the processes that a model has left behind


def _serve(runner: TrialRunner, connection: Connection) -> None:
    pid = os.getpid()
    runner.alone = True
    while connection.poll(IDLE_SECONDS):
        ask: Ask = pickle.loads(connection.recv_bytes())
        timeout = ask.limits.timeout
        if timeout is not None:  # print the stacks just before, also of a thread that holds the GIL
            faulthandler.dump_traceback_later(timeout - min(0.5, timeout / 4), file=2)
        answered = runner.run(ask.trial, ask.attempt) if ask.trial else runner.refit(str(ask.refit))
        if os.getpid() != pid:  # a model has forked, and this is not the process that got the request
            os._exit(0)
        faulthandler.cancel_dump_traceback_later()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        connection.send_bytes(pickle.dumps(answered, protocol=pickle.HIGHEST_PROTOCOL))


def _settle_apart(connection: int, output: int) -> None:
    """Give the child its own streams, and close its copies of the parent's sockets and pipes.

    A socket that a child holds, too, never closes.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    kept = {0, 1, 2, connection, nothing}
    with contextlib.suppress(OSError):
        for path in list(Path("/proc/self/fd").iterdir()):
            with contextlib.suppress(OSError):
                number = int(path.name)
                if number not in kept and str(path.readlink()).startswith(("socket:", "pipe:")):
                    os.dup2(nothing, number)
    sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115 - of a descriptor, for the life of the process
    sys.stdout = open(1, "w", buffering=1, closefd=False, encoding="utf-8", errors="replace")  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False, encoding="utf-8", errors="replace")  # noqa: SIM115
    faulthandler.enable(file=2)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
