"""Whole processes, timed from outside: from the moment somebody has typed a command until the prompt is there again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FAILED = "It failed: {command}\n{said}"


@dataclass(frozen=True)
class Took:
    """What a process took.

    Attributes:
        wall: seconds from its start to its end.
        cpu: CPU seconds of the process and of those that it has started and waited for; a Java that outlives it is not
            counted.
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
    reader, writer = os.pipe()
    started = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8", errors="replace") as stream:
        said = stream.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)  # nobody else waits for it
    if process.returncode:
        raise RuntimeError(FAILED.format(command=" ".join(command), said=said[-2000:]))
    return Took(wall, usage.ru_utime + usage.ru_stime, said)
