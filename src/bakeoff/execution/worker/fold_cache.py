"""A cache of transformed folds, shared by the workers of a machine: files that live as long as Spark's application.

A fold is transformed once on each machine, not once in each worker.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import cloudpickle

from bakeoff._utils.platform import sandbox_session
from bakeoff.execution.worker.bootstrap import is_sparks_worker

SHELF_BYTES = 1 << 30
"""Bytes that are kept for one payload on a machine."""
_SPARE = 8
"""A value is written only if the disk has this many times its size free."""
_PREFIX = "bakeoff-shelf-"


class FoldCache:
    """Named values on disk, written by the first process that makes one, and read by all others.

    Nothing depends on it: a value that cannot be written or read is made again. Values are pickles, so the folder has
    to belong to the user who reads them.

    Args:
        folder: an existing folder, which the caller removes.

    Example:
        >>> import tempfile
        >>> shelf = FoldCache(Path(tempfile.mkdtemp()))
        >>> shelf.put("fold-0", [1, 2], n_bytes=100)
        >>> shelf.take("fold-0"), shelf.take("fold-1")
        ([1, 2], None)
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, name: str) -> Any | None:
        """Return the value of this name, or ``None`` if there is none."""
        try:
            with (self._folder / name).open("rb") as file:
                return pickle.load(file)
        except Exception:  # noqa: BLE001 - after any error the value is made again
            return None

    def put(self, name: str, value: Any, n_bytes: int) -> None:
        """Store a value of about this size, if there is room; it is written as a whole or not at all."""
        part = self._folder / f"{name}.{os.getpid()}.part"
        with contextlib.suppress(Exception):
            if self._has_room(n_bytes):
                try:
                    with part.open("wb") as file:
                        cloudpickle.dump(value, file)  # into the file, because there may be no memory for a copy
                    part.replace(self._folder / name)
                finally:
                    part.unlink(missing_ok=True)

    def _has_room(self, n_bytes: int) -> bool:
        kept = sum(path.stat().st_size for path in self._folder.iterdir())
        return kept + n_bytes <= SHELF_BYTES and shutil.disk_usage(self._folder).free >= _SPARE * n_bytes


def shelf_of(digest: str, keep: int) -> FoldCache | None:
    """Open the cache of a payload on this machine.

    It is in the folder that Spark makes on each machine for the files of an application, readable by the application's
    user alone, and removed with the application.

    Args:
        digest: the digest of the payload.
        keep: how many payloads have a cache on a machine; the oldest are removed.

    Returns:
        The cache; ``None`` if there is no folder that Spark removes, or in a sandbox, which has no disk to spare.
    """
    if not is_sparks_worker() or sandbox_session() is not None:
        return None
    from pyspark import SparkFiles

    try:
        root = Path(SparkFiles.getRootDirectory())
        folder = root / f"{_PREFIX}{digest}"
        folder.mkdir(mode=0o700, exist_ok=True)
        os.utime(folder)
        shelves = sorted(root.glob(f"{_PREFIX}*"), key=lambda path: path.stat().st_mtime, reverse=True)
    except Exception:  # noqa: BLE001 - no such folder, or not writable: then each worker transforms for itself
        return None
    for old in shelves[keep:]:
        shutil.rmtree(old, ignore_errors=True)
    return FoldCache(folder)
