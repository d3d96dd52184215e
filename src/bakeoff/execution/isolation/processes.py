"""Control of child processes: tied to their parent, watched, and ended with all processes that they have started."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""
_ADOPT_ORPHANS = 36
"""PR_SET_CHILD_SUBREAPER of Linux's prctl."""
_ROUNDS = 20
"""Most searches for processes that were started while others were being stopped."""

_GROWTH = 1.5
"""How much more memory a process may ask for than it may hold."""

CGROUPS = Path("/sys/fs/cgroup")
"""The folder in which Linux counts what a container uses."""


def can_fork() -> bool:
    """Whether processes can be forked here, watched and ended, as workers and their children are."""
    return hasattr(os, "fork") and hasattr(os, "waitid")


def start_python(module: str, connection: Connection) -> subprocess.Popen[bytes]:
    """Start a module of Bakeoff's in a fresh interpreter, whose output nobody sees.

    It is not started by multiprocessing, which would run the user's script again.

    Args:
        module: the name of the module, whose arguments are the number of the pipe and the id of this process.
        connection: the new process's end of a pipe; the caller closes it.
    """
    return subprocess.Popen(  # noqa: S603 - this Python
        [sys.executable, "-W", "ignore", "-m", module, str(connection.fileno()), str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[connection.fileno()],
        start_new_session=True,  # Ctrl-C in a terminal is for the driver
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "PYCARET_CUSTOM_LOGGING_PATH": os.devnull,
        },
    )


def die_with_parent(parent: int) -> None:
    """Ask Linux to end this process with its parent, also in the middle of a trial.

    For Linux the parent is the thread that started it: when that thread ends, this process ends, too.

    Args:
        parent: process id of the parent; this process exits if that is gone already.
    """
    _prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the call
        os._exit(1)


def keep_together() -> None:
    """Make this process the leader of a group whose orphans it adopts, and which ends with it."""
    os.setsid()
    _prctl(_ADOPT_ORPHANS, 1)
    pid, main = os.getpid(), threading.get_ident()

    def tie() -> None:
        # Linux would end it with the thread that forked it, and only this one lives as long as the process.
        if os.getppid() == pid and threading.get_ident() == main:
            _prctl(_DIE_WITH_PARENT, signal.SIGKILL)

    os.register_at_fork(after_in_child=tie)


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(option, value)


def end_tree(pid: int) -> None:
    """Kill a process and all that it has started, in whatever group; its parent still has to wait for it."""
    stopped: set[int] = set()
    for _ in range(_ROUNDS):  # stopped first, so that none starts another one meanwhile
        fresh = {pid, *(child.pid for child in _below(pid))} - stopped
        if not fresh:
            break
        for number in fresh:
            _send(number, signal.SIGSTOP)
        stopped |= fresh
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    for number in stopped:
        _send(number, signal.SIGKILL)


def memory_of_tree(pid: int) -> int:
    """Return the bytes of memory that a process and all that it has started hold.

    For several processes each one's share of common pages is read, which takes longer.
    """
    family = [psutil.Process(pid), *_below(pid)] if psutil.pid_exists(pid) else []
    total = 0
    for process in family:
        with contextlib.suppress(psutil.Error):
            total += process.memory_full_info().pss if len(family) > 1 else process.memory_info().rss
    return total


def limit_growth(held_mb: float) -> None:
    """Refuse this process, and what it starts, memory that it could not hold: `MemoryError` where it asks for it.

    A process that is looked at from time to time may take gigabytes between two looks. Linux counts here what a process
    has asked for and can write to, used or not, so it gets half as much again as it may hold.

    Args:
        held_mb: megabytes that it may hold.
    """
    with contextlib.suppress(OSError, ValueError, TypeError):
        status = Path("/proc/self/status").read_text(encoding="ascii")
        held, asked = (int(re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)[1]) for name in ("VmRSS", "VmData"))  # type: ignore[index]  # suppressed
        most = asked * 1024 + max(0.0, held_mb * 1e6 - held * 1024) * _GROWTH
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (int(most), hard))


def oom_kills(folder: Path = CGROUPS) -> int:
    """Return how many processes of this container Linux has killed for lack of memory; 0 if there is no count."""
    for name in ("memory.events", "memory/memory.oom_control"):  # cgroup 2 and 1
        with contextlib.suppress(OSError, ValueError):
            lines = (folder / name).read_text().splitlines()
            return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
    return 0


def describe_end(code: int | None) -> str:
    """Describe an exit code, or a signal as a negative number.

    Example:
        >>> describe_end(-9), describe_end(3)
        ('signal SIGKILL', 'exit code 3')
    """
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"


def _below(pid: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.Error:
        return []


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
