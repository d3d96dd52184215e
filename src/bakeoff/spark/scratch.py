"""A folder for temporary files of Java and Spark, for the life of a process.

Spark removes its folders itself, unless it is killed. So each process has a folder of its own for them, whose name
identifies the process, and the next process removes the folders of processes that are gone.
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
"""Tolerance, in seconds, between two readings of when a process began."""


def scratch_folder() -> Path:
    """Return the folder of this process; the first call makes it, and removes those of dead processes."""
    folder = _own_folder(os.getpid())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def shared_folder() -> Path:
    """Make the folder that holds the folders of this user's processes; other content is kept."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"bakeoff-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or (hasattr(os, "getuid") and folder.stat().st_uid != os.getuid()):
        return Path(tempfile.mkdtemp(prefix="bakeoff-"))  # another user has made it, and could read everything
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
    if os.getpid() == pid:  # not a process that was forked from it
        shutil.rmtree(folder, ignore_errors=True)


def remove_left_over(shared: Path) -> None:
    """Remove the folders of processes of this machine that are gone."""
    for folder in shared.iterdir():
        found = _NAME.fullmatch(folder.name)
        if found and found["host"] == socket.gethostname() and not _is_alive(int(found["pid"]), int(found["began"])):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int, began: int) -> bool:
    """Whether the process is alive, and its id belongs to no later process."""
    try:
        return bool(abs(psutil.Process(pid).create_time() - began) <= _CLOCK_SECONDS)
    except psutil.Error:
        return False
