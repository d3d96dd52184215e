"""A folder for what Java and Spark write down for as long as a process lives.

Spark removes its folders itself, unless it is killed. So each process has a folder of its own for them, whose name says
whose it is, and the next process removes those whose owners are gone.
"""

from __future__ import annotations

import atexit
import functools
import os
import re
import shutil
import socket
import tempfile
from pathlib import Path

import psutil

_NAME = re.compile(r"(?P<host>.+)-(?P<pid>\d+)-(?P<began>\d+)")
_CLOCK_SECONDS = 1.0
"""How exactly the system knows when a process began."""


def scratch_folder() -> Path:
    """The folder of this process; made, and those of dead processes removed, when it is first asked for."""
    folder = _own_folder(os.getpid())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def shared_folder() -> Path:
    """The folder in which this user's processes have theirs; what else is in it stays."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"bakeoff-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or (hasattr(os, "getuid") and folder.stat().st_uid != os.getuid()):
        return Path(tempfile.mkdtemp(prefix="bakeoff-"))  # somebody else was there first, and could read everything
    return folder


@functools.cache
def _own_folder(pid: int) -> Path:
    shared = shared_folder()
    remove_left_over(shared)
    began = int(psutil.Process(pid).create_time())
    folder = shared / f"{socket.gethostname()}-{pid}-{began}"
    atexit.register(_remove_own, folder, pid)
    return folder


def _remove_own(folder: Path, pid: int) -> None:
    if os.getpid() == pid:  # and not a process that was forked from it
        shutil.rmtree(folder, ignore_errors=True)


def remove_left_over(shared: Path) -> None:
    """Remove the folders of processes of this machine that are gone."""
    for folder in shared.iterdir():
        found = _NAME.fullmatch(folder.name)
        if found and found["host"] == socket.gethostname() and not _is_alive(int(found["pid"]), int(found["began"])):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int, began: int) -> bool:
    """Whether the process is there, and no other has its number by now."""
    try:
        return bool(abs(psutil.Process(pid).create_time() - began) <= _CLOCK_SECONDS)
    except psutil.Error:
        return False
