"""The killable child process of a worker in which models are fitted.

It is forked from a process that has imported PyCaret and read the payload but computed nothing, so starting or
replacing it takes milliseconds. It keeps the folds that it has transformed from trial to trial; a trial that hangs,
crashes or exhausts memory costs only itself.
"""

from __future__ import annotations

import contextlib
import multiprocessing.connection as channels
import os
import pickle
import signal
import sys
import time
import warnings
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from bakeoff._utils.platform import sandbox_session
from bakeoff.comparison.trial import NOT_RUN, Outcome, Refitted, Status
from bakeoff.execution.isolation import child_process
from bakeoff.execution.isolation.processes import describe_end, end_tree, memory_of_tree, oom_kills
from bakeoff.execution.isolation.requests import Ask, Ended, failure

if TYPE_CHECKING:  # a worker is set up before it imports PyCaret
    from bakeoff.pycaret3.runners.base import TrialRunner

OUTPUT_BYTES = 64 * 1024
"""Bytes that are kept of a child's output, from its end."""
_GLANCE_SECONDS = 0.1
"""Seconds between two looks at whether a child is alive and how much memory it has: its end of the pipe may be held by
another process, so the pipe alone does not tell."""
_CHUNKS = 64
"""Reads of a child's output at a time, so that a child that writes without end does not block its parent."""


class ForkedRunner:
    """A runner of trials in a forked child, one at a time; a child that a trial takes down is replaced.

    Args:
        runner: the runner of the payload, for the child; the parent computes nothing with it.

    Attributes:
        child: the process, while there is one.
    """

    def __init__(self, runner: TrialRunner) -> None:
        self._runner = runner
        self.child: Child | None = None

    def answer(self, ask: Ask) -> Outcome | Refitted:
        """Carry out a request within its limits; the end of the child is an answer, too."""
        started = time.monotonic()
        kills = oom_kills()
        child = self._ready()
        content = child.ask(ask, started)
        if isinstance(content, bytes):
            answered: Outcome | Refitted = pickle.loads(content)
            return answered
        self.child = None
        code = child.end()
        ended = _named(content, code, oom_kills() > kills)
        return failure(ask, ended, time.monotonic() - started, child.output())

    def close(self) -> None:
        """End the child, if there is one."""
        child, self.child = self.child, None
        if child is not None:
            child.end()

    def _ready(self) -> Child:
        if self.child is not None and self.child.is_stale():
            self.close()
        if self.child is None:
            self.child = Child.fork(self._runner)
        return self.child


_BY_ITSELF = Ended(Status.CRASHED, "ProcessEnded", "")


class Child:
    """The parent's handle on a forked process.

    Attributes:
        pid: id of the process.
        tail: the end of its output, as far as it is kept.
    """

    def __init__(self, pid: int, connection: Connection, output: int) -> None:
        self.pid = pid
        self._connection = connection
        self._output: int | None = output
        self.tail = b""
        self._used = time.monotonic()

    @classmethod
    def fork(cls, runner: TrialRunner) -> Child:
        """Fork this process; the child serves requests by the runner until it is ended."""
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
                child_process.live(runner, child_end, child_output, parent)
            finally:
                os._exit(1)
        child_end.close()
        os.close(child_output)
        os.set_blocking(output, False)
        return cls(pid, parent_end, output)

    def is_stale(self) -> bool:
        """Whether it has ended, or is about to because it was idle."""
        return time.monotonic() - self._used > child_process.IDLE_SECONDS - 5 or self.has_ended()

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
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            end_tree(self.pid)
            code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self._drain()
        self._connection.close()
        if self._output is not None:
            os.close(self._output)
            self._output = None
        return code

    def output(self) -> str:
        """Return the end of its output, without the list of all modules that faulthandler adds to a stack."""
        lines = self.tail.decode(errors="replace").splitlines()
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
            if self.has_ended():  # another process holds its end of the pipe
                return self._connection.recv_bytes() if self._connection.poll() else _BY_ITSELF
            ended = self._beyond(ask, glanced - started)
            if ended is not None:
                return ended

    def _beyond(self, ask: Ask, seconds: float) -> Ended | None:
        """Return the limit of the request that it has exceeded, if any."""
        what, limits = "trial" if ask.trial else "refit", ask.limits
        if limits.seconds is not None and seconds >= limits.seconds:
            return Ended(Status.CANCELLED, NOT_RUN, f"The run's time was over before this {what} ended.")
        if limits.timeout is not None and seconds >= limits.timeout:
            message = f"The {what} took longer than {limits.timeout:g} s and was ended."
            return Ended(Status.TIMEOUT, "TrialTimeout", message)
        if limits.memory_mb is not None and (held := memory_of_tree(self.pid) / 1e6) > limits.memory_mb:
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
            self.tail = (self.tail + chunk)[-OUTPUT_BYTES:]

    def has_ended(self) -> bool:
        """Whether the process has ended."""
        try:  # WNOWAIT: until it is waited for, its id is given to no other process
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True


def _named(ended: Ended, code: int | None, oom: bool) -> Ended:  # noqa: FBT001 - it has one caller
    """Describe the end of a process that ended by itself."""
    if ended.said:
        return ended
    how = describe_end(code)
    if code == -signal.SIGKILL and (oom or sandbox_session() is not None):
        # A sandbox does not say why; nobody else in there kills processes.
        return Ended(Status.OOM, "OutOfMemory", f"Linux killed the process for want of memory ({how}).")
    return replace(ended, said=f"The process was taken down ({how}).")
