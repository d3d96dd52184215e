"""The killable child of a worker in which models are fitted.

It is forked from a process that has imported PyCaret and read the payload but computed nothing, so starting it takes
milliseconds, and so does replacing it. It keeps the folds that it has transformed from trial to trial; what one trial
does to it (it hangs, crashes, eats memory) costs that trial only.
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
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.comparison.trial import Outcome, Refitted, Status, Trial, failed_outcomes
from bakeoff.execution.isolation.processes import (
    describe_end,
    die_with_parent,
    end_tree,
    keep_together,
    memory_of_tree,
    oom_kills,
)

if TYPE_CHECKING:  # a worker settles in before it imports PyCaret
    from bakeoff.comparison.trial import Refitted
    from bakeoff.pycaret3.runners.base import TrialRunner

IDLE_SECONDS = 30.0
"""A child that nobody asks anything for so long ends by itself: the run is over, or has no work for this slot."""
OUTPUT_BYTES = 64 * 1024
"""So much of what a child has said is kept, the last of it."""
_GLANCE_SECONDS = 0.1
# So often is looked at a child's memory, and whether it is still there: who holds its end of a pipe need not be it.
_CHUNKS = 64
_SHOWN_CHARACTERS = 4_000


@dataclass(frozen=True)
class Ask:
    """One thing to do, and what it may take.

    Attributes:
        trial: what to run; ``None`` to refit.
        refit: the id of the model to fit on all training rows.
        seconds: after which it is ended.
        seconds_left: after which the run is over, and it is cancelled.
        memory_mb: what its process may hold, PyCaret itself (about 300 MB) included.
    """

    trial: Trial | None = None
    refit: str | None = None
    attempt: int = 1
    seconds: float | None = None
    seconds_left: float | None = None
    memory_mb: float | None = None


@dataclass(frozen=True)
class Ended:
    """Why a child was ended, or how it ended by itself."""

    status: Status
    kind: str
    said: str


class ForkedRunner:
    """Runs trials in a forked child, one at a time, and replaces the child where a trial takes it down.

    Args:
        runner: of the payload. It is there for the child; the parent computes nothing with it.
    """

    def __init__(self, runner: TrialRunner) -> None:
        self._runner = runner
        self._child: _Child | None = None

    def answer(self, ask: Ask) -> Outcome | Refitted:
        """Do what is asked for, within its bounds. Whatever happens to the child becomes part of the answer."""
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
    """A forked process, seen from its parent."""

    def __init__(self, pid: int, connection: Connection, output: int) -> None:
        self._pid = pid
        self._connection = connection
        self._output: int | None = output
        self._tail = b""
        self._used = time.monotonic()

    @classmethod
    def fork(cls, runner: TrialRunner) -> _Child:
        mine, theirs = channels.Pipe()
        output, said = os.pipe()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(AttributeError, ValueError, OSError):
                stream.flush()  # or the child would say it again
        parent = os.getpid()
        with warnings.catch_warnings():
            # Python 3.12 warns where there are other threads; those of Arrow and BLAS know about forks.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            try:
                _live(runner, theirs, said, parent)
            finally:
                os._exit(1)
        theirs.close()
        os.close(said)
        os.set_blocking(output, False)
        return cls(pid, mine, output)

    def is_stale(self) -> bool:
        """Whether it has ended, or is about to for want of work."""
        return time.monotonic() - self._used > IDLE_SECONDS - 5 or self._has_ended()

    def ask(self, ask: Ask, started: float) -> bytes | Ended:
        """What it answers, or why it gave no answer."""
        try:
            self._connection.send_bytes(pickle.dumps(ask))
            return self._wait(ask, started)
        except (EOFError, OSError):
            return _BY_ITSELF
        finally:
            self._used = time.monotonic()

    def end(self) -> int | None:
        """Kill it and everything that it has started; returns its exit code, or the signal as a negative number."""
        code = None
        with contextlib.suppress(ChildProcessError):  # somebody else has waited for it: its number is not ours any more
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
        """The last that it said, without the list of all modules that faulthandler adds to a stack."""
        lines = self._tail.decode(errors="replace").splitlines()
        return "\n".join(line for line in lines if not line.startswith("Extension modules:"))

    def _wait(self, ask: Ask, started: float) -> bytes | Ended:
        glanced = started
        while True:
            now = time.monotonic() - started
            bounds = [limit - now for limit in (ask.seconds, ask.seconds_left) if limit is not None]
            patience = max(0.0, min([_GLANCE_SECONDS, *bounds]))
            heard = channels.wait([self._connection, *([] if self._output is None else [self._output])], patience)
            if self._output in heard:
                self._drain()
            if self._connection in heard:
                return self._connection.recv_bytes()
            if heard and time.monotonic() - glanced < _GLANCE_SECONDS:
                continue
            glanced = time.monotonic()
            if self._has_ended():  # and somebody else holds its end of the pipe
                return self._connection.recv_bytes() if self._connection.poll() else _BY_ITSELF
            ended = self._beyond(ask, glanced - started)
            if ended is not None:
                return ended

    def _beyond(self, ask: Ask, seconds: float) -> Ended | None:
        """Which of its bounds it has overstepped."""
        what = "trial" if ask.trial else "refit"
        if ask.seconds_left is not None and seconds >= ask.seconds_left:
            return Ended(Status.CANCELLED, "Cancelled", f"The run's time was over before this {what} ended.")
        if ask.seconds is not None and seconds >= ask.seconds:
            said = f"The {what} took longer than {ask.seconds:g} s and was ended."
            return Ended(Status.TIMEOUT, "TrialTimeout", said)
        if ask.memory_mb is not None and (held := memory_of_tree(self._pid) / 1e6) > ask.memory_mb:
            said = (
                f"The {what}'s process held {held:,.0f} MB, more than the {ask.memory_mb:g} MB it may, and was ended."
            )
            return Ended(Status.OOM, "MemoryLimit", said)
        return None

    def _drain(self) -> None:
        """Take in what it has said, and keep the last of it; not for ever, where it says more all the time."""
        for _ in range(_CHUNKS):
            if self._output is None:
                return
            try:
                said = os.read(self._output, OUTPUT_BYTES)
            except BlockingIOError:
                return
            if not said:
                os.close(self._output)
                self._output = None
            self._tail = (self._tail + said)[-OUTPUT_BYTES:]

    def _has_ended(self) -> bool:
        try:  # without taking notice: until then its number is given to nobody else
            return os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True


def _named(ended: Ended, code: int | None, oom: bool) -> Ended:  # noqa: FBT001 - it is only for the line that calls it
    """Say how a process that ended by itself did."""
    if ended.said:
        return ended
    how = describe_end(code)
    if oom and code == -signal.SIGKILL:
        return Ended(Status.OOM, "OutOfMemory", f"Linux killed the process for want of memory ({how}).")
    return replace(ended, said=f"The process was taken down ({how}).")


def failure(ask: Ask, ended: Ended, seconds: float, output: str = "") -> Outcome | Refitted:
    """The answer in place of one that never came."""
    shown = f"The last that its process said:\n{_last_words(output)}" if output.strip() else None
    if ask.trial is None:
        again = ended.status in (Status.CRASHED, Status.OOM)
        return Refitted(str(ask.refit), None, seconds, ended.kind, ended.said, shown, again)
    (outcome,) = failed_outcomes([ask.trial], ended.status, ended.kind, ended.said, ask.attempt)
    return replace(outcome, fit_seconds=seconds, traceback=shown, host=socket.gethostname())


def _last_words(output: str) -> str:
    """The end of what a process said; of one that crashed in C what it said before, and where in Python that was.

    Python writes the stack of a crash from its inner end, so it is the outer one that can be missed.

    Example:
        >>> _last_words("hello, Fatal Python error: Aborted" + "x" * 9_000)[:20], _last_words("x" * 9_000 + "end")[-4:]
        ('hello, Fatal Python ', 'xend')
    """
    crash = output.rfind("Fatal Python error")
    if crash >= 0:
        start = max(0, crash - _SHOWN_CHARACTERS // 4)
        return output[start : start + _SHOWN_CHARACTERS]
    return output[-_SHOWN_CHARACTERS:]


def _live(runner: TrialRunner, connection: Connection, output: int, parent: int) -> None:
    """What the child does: one thing after the other, until nobody asks any more."""
    try:
        keep_together()
        die_with_parent(parent)
        _settle_apart(connection.fileno(), output)
        gc.freeze()  # what came from the parent is not ours to collect; looking at it would copy its pages
        _serve(runner, connection)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    except BaseException:  # noqa: BLE001 - nobody is there to raise it to: it is told
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os.killpg(0, signal.SIGKILL)  # with all that a model has left behind


def _serve(runner: TrialRunner, connection: Connection) -> None:
    me = os.getpid()
    runner.alone = True
    while connection.poll(IDLE_SECONDS):
        ask: Ask = pickle.loads(connection.recv_bytes())
        if ask.seconds is not None:  # have the stacks written down just before, also of a thread that holds the GIL
            faulthandler.dump_traceback_later(ask.seconds - min(0.5, ask.seconds / 4), file=2)
        answered = runner.run(ask.trial, ask.attempt) if ask.trial else runner.refit(str(ask.refit))
        if os.getpid() != me:  # a model has forked, and this is not the process that was asked
            os._exit(0)
        faulthandler.cancel_dump_traceback_later()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        connection.send_bytes(pickle.dumps(answered, protocol=pickle.HIGHEST_PROTOCOL))


def _settle_apart(connection: int, output: int) -> None:
    """Streams of its own, and no hold on what its parent talks to: a socket that a child holds too never closes."""
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
    sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115 - of a number, and for good
    sys.stdout = open(1, "w", buffering=1, closefd=False, encoding="utf-8", errors="replace")  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False, encoding="utf-8", errors="replace")  # noqa: SIM115
    faulthandler.enable(file=2)
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(each, signal.SIG_DFL)
