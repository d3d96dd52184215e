"""Commits to Delta tables that other jobs may be writing to at the same time."""

from __future__ import annotations

import errno
import logging
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from bakeoff._utils.disk import disk_trouble
from bakeoff.errors import BakeoffError, TablesError

try:
    import fcntl
except ImportError:  # Windows, where local runs are one at a time
    fcntl = None  # type: ignore[assignment]

_Made = TypeVar("_Made")
_LOG = logging.getLogger(__name__)

LOST_A_RACE = re.compile(
    r"(?i)delta_concurrent|concurrent\w+exception|(metadata|protocol)_?changed|already_?exists"
    # A table that another job is making right now: its folder is there, and its log is not yet.
    r"|delta_table_not_found|delta_create_table_with_non_empty_location"
    r"|failed to commit transaction|file ?exists"  # delta-rs, and a commit of ours to a log
)
NOT_ALLOWED = re.compile(r"(?i)permission|privilege|access_?denied|not authorized|read-only")
LOCK_FILE = ".lock"
_TRIES = 12
_LONGEST_SLEEP = 5.0
_LOCK_SECONDS = 60.0
_LOCK_NAP = 0.01


def commit(folder: Path | None, action: Callable[[], _Made]) -> _Made:
    """Commit to a table, and try again for about half a minute when another job's commit came first.

    Args:
        folder: local folder of the tables, in which commits take turns; ``None`` in a metastore.
        action: makes the commit; called once for each attempt.

    Returns:
        The result of the action.

    Raises:
        TablesError: the user is not allowed to write to the tables.
    """
    attempt = 0
    while True:
        try:
            with _locked(folder):
                return action()
        except BakeoffError:
            raise
        except Exception as error:
            if NOT_ALLOWED.search(reason_of(error)) and not disk_trouble(error):
                raise TablesError(
                    f"The tables cannot be written ({reason_of(error)}): ask for the right to."
                ) from error
            if attempt == _TRIES - 1 or not LOST_A_RACE.search(reason_of(error)):
                raise
            _LOG.debug("Another job's commit came first: %s", reason_of(error))
            time.sleep(min(0.1 * 2**attempt, _LONGEST_SLEEP) * random.uniform(0.5, 1.5))  # noqa: S311 - spreads the tries
            attempt += 1


def reason_of(error: Exception) -> str:
    """Return the first line of an error's message; Java's message if Spark wraps a whole Java stack."""
    java = getattr(error, "java_exception", None)
    text = str(error) if java is None else str(java.toString())
    return next(iter(text.strip().splitlines()), type(error).__name__).rstrip(".")


@contextmanager
def _locked(folder: Path | None) -> Iterator[None]:
    """Hold the lock on commits to the tables in a folder.

    Delta keeps commits to a plain disk apart within one Java process only: two processes can both find the next version
    free and write it, and the first one's rows are lost. A folder that cannot be locked is used without a lock.
    """
    if folder is None or fcntl is None:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("w") as lock:
        end = time.monotonic() + _LOCK_SECONDS
        while not _try_lock(lock.fileno()) and time.monotonic() < end:
            time.sleep(_LOCK_NAP)
        yield  # closing the file releases the lock, and so does the end of the process


def _try_lock(file: int) -> bool:
    """Whether the lock was acquired, or the file system has no locks to wait for."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in {errno.EAGAIN, errno.EACCES}
    return True
