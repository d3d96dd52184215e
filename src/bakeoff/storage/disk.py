"""Checks of folders and disks, and sentences about what is wrong with them."""

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
"""Bytes that the results of a small run take, MLflow's database included."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_OF_THE_DISK = (*_NO_ROOM, errno.EROFS, errno.EIO)
_DISK_ERROR = re.compile(
    r"No space left on device|Disk quota exceeded|database or disk is full|Read-only file system|"
    r"attempt to write a readonly database|disk I/O error|Input/output error"
)
"""Messages of disk errors; Java, SQLite and worker processes send a text instead of an error number."""
_NO_ROOM_ERROR = re.compile(r"No space|quota|full")
_READ_ONLY_ERROR = re.compile(r"(?i)read-?only")


def check_folder(folder: Path, what: str = "home") -> None:
    """Check, without writing anything, that files can be written to a folder that exists or can be created.

    Args:
        folder: The folder.
        what: Noun for the folder in messages to the user.

    Raises:
        StorageError: The folder cannot be written to, or its disk has no room left.
    """
    folder = folder.absolute()
    existing = _nearest(folder)
    subject = f"The {what} {folder}" if existing == folder else f"The {what} {folder} cannot be made: {existing}"
    if not existing.is_dir():
        raise StorageError(f"{subject} is no folder: name another --home.")
    if _is_read_only(existing):
        raise StorageError(f"{subject} is on a disk that is read-only: name another --home.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise StorageError(f"{subject} is not yours to write to: name another --home, or ask for the right to.")
    check_room(existing, what, "name another --home")


def check_room(folder: Path, what: str, instead: str) -> None:
    """Check that the disk of a folder has enough room for a run to begin.

    Args:
        folder: The folder.
        what: Noun for the folder in messages to the user.
        instead: What else the user can do, as the end of a sentence.

    Raises:
        StorageError: The disk has less than `ROOM_NEEDED` left.
    """
    free = free_bytes(folder)
    if free is not None and free < ROOM_NEEDED:
        raise StorageError(
            f"There is no room on the disk of the {what} {folder}: {_megabytes(free)} are free, and a run needs at "
            f"least {_megabytes(ROOM_NEEDED)}. Make room, or {instead}."
        )


def check_local_folders() -> None:
    """Check that the disks have room where Python and Spark spill what does not fit into memory.

    Raises:
        StorageError: A disk has less than `ROOM_NEEDED` left, or there is no temporary folder.
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
    """Return the folders that the environment names for what Spark spills to disk."""
    return [Path(part).absolute() for part in os.environ.get("SPARK_LOCAL_DIRS", "").split(",") if part.strip()]


def disk_trouble(error: BaseException, home: Path) -> str | None:
    """Describe the disk failure behind an error.

    Args:
        error: The error; its causes are searched, too.
        home: Folder to name if the error names no file.

    Returns:
        A sentence without a full stop; ``None`` if the error is about something else.

    Example:
        >>> disk_trouble(OSError(errno.EROFS, "Read-only file system", "/mnt/x"), Path("/mnt"))
        'The disk of /mnt/x is read-only'
        >>> disk_trouble(ValueError("no such column"), Path("/mnt")) is None
        True
    """
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno in _OF_THE_DISK:
            return _sentence(cause.strerror or str(cause), cause.filename, home)
        # Bakeoff's own messages may mention a disk in their advice.
        if not isinstance(cause, BakeoffError) and (found := _DISK_ERROR.search(str(cause))):
            return _sentence(found.group(), None, home)
    return None


def free_bytes(folder: Path) -> int | None:
    """Return the bytes that are free on the disk of a folder; ``None`` if unknown, as on some mounted object stores."""
    with suppress(OSError):
        usage = shutil.disk_usage(folder)
        return usage.free if usage.total else None
    return None


def _sentence(message: str, filename: object, home: Path) -> str:
    if _NO_ROOM_ERROR.search(message):
        full = [each for each in _run_folders(home) if (free_bytes(each) or ROOM_NEEDED) < ROOM_NEEDED]
        place = " and of ".join(map(str, full)) or str(filename or home.absolute())
        return f"There is no room left on the disk of {place}"
    if _READ_ONLY_ERROR.search(message):
        locked = [each for each in _run_folders(home) if _is_read_only(each)]
        return f"The disk of {filename or next(iter(locked), home.absolute())} is read-only"
    return f"The disk of {filename or home.absolute()} fails ({message})"


def _run_folders(home: Path) -> list[Path]:
    """Return the folders that a run writes to."""
    found = [home.absolute(), *spark_folders()]
    with suppress(FileNotFoundError):
        found.append(Path(tempfile.gettempdir()))
    return [_nearest(each) for each in dict.fromkeys(found)]


def _nearest(folder: Path) -> Path:
    """Return the folder, or its nearest parent that exists."""
    return next(each for each in (folder, *folder.parents) if os.path.lexists(each))


def _is_read_only(folder: Path) -> bool:
    with suppress(OSError):
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    return False


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.0f} MB"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its chain of causes, the outermost first."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        yield cause
        seen.add(id(cause))
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
