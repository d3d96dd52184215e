"""Whole processes, timed from outside: from the moment somebody has typed a command until the prompt is there again."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
"""A constant of Linux's ``prctl``."""
FAILED = "It failed: {command}\n{said}"


@dataclass(frozen=True)
class Took:
    """What a process took.

    Attributes:
        wall: seconds from its start to its end.
        cpu: CPU seconds of the process and of all that it has started, also of those that end after it.
        said: what it has printed on stdout and stderr.
    """

    wall: float
    cpu: float
    said: str


def bakeoff(*arguments: str) -> list[str]:
    """Return the command line of ``bakeoff``, in this environment."""
    return [str(Path(sys.executable).with_name("bakeoff")), *arguments]


def python(*arguments: str) -> list[str]:
    """Return the command line of a module of these benchmarks."""
    return [sys.executable, "-W", "ignore", "-m", *arguments]


def timed(command: Sequence[str]) -> Took:
    """Run a command to its end.

    Raises:
        RuntimeError: it has failed.
    """
    _adopt_orphans()
    with tempfile.TemporaryFile() as output:  # a pipe would be open for as long as any process that was started
        started = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        output.seek(0)
        said = output.read().decode(errors="replace")
    process.returncode = os.waitstatus_to_exitcode(status)  # nobody else waits for it
    if process.returncode:
        raise RuntimeError(FAILED.format(command=" ".join(command), said=said[-2000:]))
    return Took(wall, usage.ru_utime + usage.ru_stime + _cpu_of_orphans(), said)


def _adopt_orphans() -> None:
    """Let this process be the parent of processes whose own parent has ended, so that it can wait for them."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _cpu_of_orphans() -> float:
    """Wait for the processes that a command has left behind to end by themselves; return their CPU seconds."""
    seconds = 0.0
    with contextlib.suppress(ChildProcessError):
        while True:
            *_, usage = os.wait3(0)
            seconds += usage.ru_utime + usage.ru_stime
    return seconds
