"""Disks: the room that is left on them, and what an error says about them."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bakeoff.errors import BakeoffError

ROOM_NEEDED = 20 * 2**20
"""Bytes that the results of a small run take, MLflow's database included."""
_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
_MESSAGES = re.compile(
    r"No space left on device|Disk quota exceeded|database or disk is full|Read-only file system|"
    r"attempt to write a readonly database|disk I/O error|Input/output error"
)
"""Messages of disk errors; Java, SQLite and worker processes send a text instead of an error number."""
_NO_ROOM = re.compile(r"No space|quota|full")
_READ_ONLY = re.compile(r"(?i)read-?only")


def disk_trouble(error: BaseException | None, home: Path | None = None) -> str | None:
    """Describe the disk failure behind an error.

    Args:
        error: The error; its causes are searched, too.
        home: Folder to name if the error names no file.

    Returns:
        A sentence without a full stop; ``None`` if the error is about something else.

    Example:
        >>> disk_trouble(OSError(errno.EROFS, "Read-only file system", "/mnt/x"), Path("/mnt"))
        'The disk of /mnt/x is read-only'
        >>> disk_trouble(RuntimeError("java.io.IOException: Input/output error"))
        'The disk fails (Input/output error)'
        >>> disk_trouble(ValueError("no such column"), Path("/mnt")) is None
        True
    """
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno in _ERRORS:
            return _sentence(cause.strerror or str(cause), cause.filename, home)
        # Bakeoff's own messages may mention a disk in their advice.
        if not isinstance(cause, BakeoffError) and (found := _MESSAGES.search(str(cause))):
            return _sentence(found.group(), None, home)
    return None


def free_bytes(folder: Path) -> int | None:
    """Return the bytes that are free on the disk of a folder; ``None`` if unknown, as on some mounted object stores."""
    with suppress(OSError):
        usage = shutil.disk_usage(folder)
        return usage.free if usage.total else None
    return None


def is_full(folder: Path) -> bool:
    """Whether the disk of a folder is known to have less room than a run needs."""
    free = free_bytes(folder)
    return free is not None and free < ROOM_NEEDED


def is_read_only(folder: Path) -> bool:
    """Whether the disk of a folder is mounted read-only."""
    with suppress(OSError):
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    return False


def nearest_folder(folder: Path) -> Path:
    """Return the folder, or its nearest parent that exists."""
    return next(each for each in (folder, *folder.parents) if os.path.lexists(each))


def spark_folders() -> list[Path]:
    """Return the folders that the environment names for what Spark spills to disk."""
    return [Path(part).absolute() for part in os.environ.get("SPARK_LOCAL_DIRS", "").split(",") if part.strip()]


def _sentence(message: str, filename: object, home: Path | None) -> str:
    named = filename or (home.absolute() if home else None)
    if _NO_ROOM.search(message):
        full = " and of ".join(str(each) for each in _run_folders(home) if is_full(each)) or named
        return f"There is no room left on the disk{f' of {full}' if full else ''}"
    if _READ_ONLY.search(message):
        locked = filename or next(filter(is_read_only, _run_folders(home)), named)
        return f"The disk{f' of {locked}' if locked else ''} is read-only"
    return f"The disk{f' of {named}' if named else ''} fails ({message})"


def _run_folders(home: Path | None) -> list[Path]:
    """Return the folders that a run writes to."""
    found = [*([home.absolute()] if home else []), *spark_folders()]
    with suppress(FileNotFoundError):
        found.append(Path(tempfile.gettempdir()))
    return [nearest_folder(each) for each in dict.fromkeys(found)]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and its chain of causes, the outermost first."""
    seen: set[int] = set()
    cause = error
    while cause is not None and id(cause) not in seen:
        yield cause
        seen.add(id(cause))
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
