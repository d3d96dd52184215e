"""Folders that cannot be used and disks that give out, each as one sentence."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bakeoff.errors import BakeoffError, StorageError

ROOM_NEEDED = 20 * 2**20
"""Bytes that the results of a small run take, with MLflow's database."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_OF_THE_DISK = (*_NO_ROOM, errno.EROFS, errno.EIO)
# Java, SQLite and worker processes send a text where Python has a number.
_SAID = re.compile(
    r"No space left on device|Disk quota exceeded|database or disk is full|Read-only file system|"
    r"attempt to write a readonly database|disk I/O error|Input/output error"
)
_NO_ROOM_SAID = re.compile(r"No space|quota|full")
_READ_ONLY_SAID = re.compile(r"(?i)read-?only")


def check_folder(folder: Path, what: str = "home") -> None:
    """Make sure, without writing anything, that files can be written to a folder that is there or can be made.

    Args:
        folder: The folder.
        what: What it is to the user.

    Raises:
        StorageError: It cannot be written to, or there is no room left.
    """
    folder = folder.absolute()
    there = _nearest(folder)
    place = f"The {what} {folder}" if there == folder else f"The {what} {folder} cannot be made: {there}"
    if not there.is_dir():
        raise StorageError(f"{place} is no folder: name another --home.")
    if _is_read_only(there):
        raise StorageError(f"{place} is on a disk that is read-only: name another --home.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise StorageError(f"{place} is not yours to write to: name another --home, or ask for the right to.")
    check_room(there, what, "name another --home")


def check_room(folder: Path, what: str, instead: str) -> None:
    """Make sure that a run has room to begin in a folder.

    Raises:
        StorageError: There is none.
    """
    free = free_bytes(folder)
    if free is not None and free < ROOM_NEEDED:
        raise StorageError(
            f"There is no room on the disk of the {what} {folder}: {_megabytes(free)} are free, and a run needs at "
            f"least {_megabytes(ROOM_NEEDED)}. Make room, or {instead}."
        )


def check_local_folders() -> None:
    """Make sure that there is room where Python and Spark write down what does not fit into memory.

    Raises:
        StorageError: There is none.
    """
    for folder in spark_folders():
        check_room(_nearest(folder), "folder SPARK_LOCAL_DIRS", "name another")
    try:
        folder = Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise StorageError(
            "There is no temporary folder that can be written to, or no room in it: make room, or name one in TMPDIR."
        ) from error
    check_room(folder, "temporary folder", "name another in TMPDIR")


def spark_folders() -> list[Path]:
    """The folders that the environment names for what Spark writes down."""
    return [Path(part).absolute() for part in os.environ.get("SPARK_LOCAL_DIRS", "").split(",") if part.strip()]


def disk_trouble(error: BaseException, home: Path) -> str | None:
    """The disk's part in an error, as a sentence; ``None`` where the error is about something else.

    Example:
        >>> disk_trouble(OSError(errno.EROFS, "Read-only file system", "/mnt/x"), Path("/mnt"))
        'The disk of /mnt/x is read-only'
        >>> disk_trouble(ValueError("no such column"), Path("/mnt")) is None
        True
    """
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno in _OF_THE_DISK:
            return _sentence(cause.strerror or str(cause), cause.filename, home)
        # What Bakeoff says itself may speak of a disk in its advice.
        if not isinstance(cause, BakeoffError) and (found := _SAID.search(str(cause))):
            return _sentence(found.group(), None, home)
    return None


def free_bytes(folder: Path) -> int | None:
    """What is free on the disk of a folder; ``None`` where nobody can tell, as on some mounted object stores."""
    with suppress(OSError):
        usage = shutil.disk_usage(folder)
        return usage.free if usage.total else None
    return None


def _sentence(said: str, filename: object, home: Path) -> str:
    if _NO_ROOM_SAID.search(said):
        full = [each for each in _places(home) if (free_bytes(each) or ROOM_NEEDED) < ROOM_NEEDED]
        place = " and of ".join(map(str, full)) or str(filename or home.absolute())
        return f"There is no room left on the disk of {place}"
    if _READ_ONLY_SAID.search(said):
        locked = [each for each in _places(home) if _is_read_only(each)]
        return f"The disk of {filename or next(iter(locked), home.absolute())} is read-only"
    return f"The disk of {filename or home.absolute()} fails ({said})"


def _places(home: Path) -> list[Path]:
    """The folders that a run writes to."""
    found = [home.absolute(), *spark_folders()]
    with suppress(FileNotFoundError):
        found.append(Path(tempfile.gettempdir()))
    return [_nearest(each) for each in dict.fromkeys(found)]


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(each for each in (folder, *folder.parents) if os.path.lexists(each))


def _is_read_only(folder: Path) -> bool:
    with suppress(OSError):
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    return False


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.0f} MB"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error, what it comes from, and so on down."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        yield cause
        seen.add(id(cause))
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
