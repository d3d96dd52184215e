"""What one process has made, for the others on its machine: files that live as long as Spark's application.

A fold is transformed once on each machine, and not once in each worker.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import cloudpickle

from bakeoff.execution.worker.bootstrap import is_sparks_worker

SHELF_BYTES = 1 << 30
"""So much is kept for one payload on a machine."""
_SPARE = 8
# A value is only written where the disk has so many times as much room left.
_PREFIX = "bakeoff-shelf-"


class FoldCache:
    """Values on disk by name, written by whoever made one first, and read by everybody else.

    Nothing depends on it: what cannot be written or read is made again. Values are pickles, so the folder has to belong
    to whoever reads them.

    Args:
        folder: is there, and is cleared up by somebody else.

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
        """The value of this name; ``None`` where nobody has put one."""
        try:
            with (self._folder / name).open("rb") as file:
                return pickle.load(file)
        except Exception:  # noqa: BLE001 - whatever is wrong with it, it can be made again
            return None

    def put(self, name: str, value: Any, n_bytes: int) -> None:
        """Keep a value of about this size, if there is room; there is never half of one."""
        part = self._folder / f"{name}.{os.getpid()}.part"
        with contextlib.suppress(Exception):
            if self._has_room(n_bytes):
                try:
                    with part.open("wb") as file:
                        cloudpickle.dump(value, file)  # into the file, for a copy in memory may be one too many
                    part.replace(self._folder / name)
                finally:
                    part.unlink(missing_ok=True)

    def _has_room(self, n_bytes: int) -> bool:
        kept = sum(path.stat().st_size for path in self._folder.iterdir())
        return kept + n_bytes <= SHELF_BYTES and shutil.disk_usage(self._folder).free >= _SPARE * n_bytes


def shelf_of(digest: str, keep: int) -> FoldCache | None:
    """The shelf of a payload on this machine; ``None`` where there is no folder that Spark clears up.

    It is in the folder that Spark makes for the files of an application, on each machine one, readable by the
    application's user alone, and removed with it.

    Args:
        digest: names the payload.
        keep: how many payloads have a shelf on a machine; the oldest go.
    """
    if not is_sparks_worker():
        return None
    from pyspark import SparkFiles

    try:
        root = Path(SparkFiles.getRootDirectory())
        folder = root / f"{_PREFIX}{digest}"
        folder.mkdir(mode=0o700, exist_ok=True)
        os.utime(folder)
        shelves = sorted(root.glob(f"{_PREFIX}*"), key=lambda path: path.stat().st_mtime, reverse=True)
    except Exception:  # noqa: BLE001 - no such folder, or not a place to write to: then everybody is on their own
        return None
    for old in shelves[keep:]:
        shutil.rmtree(old, ignore_errors=True)
    return FoldCache(folder)
