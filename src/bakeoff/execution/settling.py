"""Making a process a worker, and sparing Spark's Python workers what they would wait for before each task."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import zipimport
from importlib.abc import MetaPathFinder
from pathlib import Path

_OPEN_FILES = Path("/proc/self/fd")


def settle_in() -> None:
    """Make this process a worker."""
    if "pycaret" not in sys.modules:
        # PyCaret opens a log file in the working folder when it is imported, and nobody would look for it on a worker.
        os.environ.setdefault("PYCARET_CUSTOM_LOGGING_PATH", os.devnull)
    _keep_zip_indexes()
    if not any(isinstance(finder, _Acknowledger) for finder in sys.meta_path):
        sys.meta_path.append(_Acknowledger())


def _keep_zip_indexes() -> None:
    """Spare this process reading the index of pyspark.zip again and again.

    PySpark's worker calls ``importlib.invalidate_caches()`` before every task, and on Python 3.10 and later that makes
    each importer of a zip file read the whole index anew: 0.2 s of CPU for a task. The zip files do not change while a
    worker lives, so its importers are told to ignore the call.
    """
    for importer in sys.path_importer_cache.values():
        if isinstance(importer, zipimport.zipimporter):
            importer.invalidate_caches = _nothing  # type: ignore[method-assign]


def _nothing() -> None:
    """What a zip file's importer does from now on when it is told to forget."""


class _Acknowledger(MetaPathFinder):
    """Spares this process the 40 ms that pass before each task of Spark's because two ends of a socket wait.

    Java sends a task in two pieces, and holds the second one back until the first is acknowledged (Nagle's algorithm).
    Linux acknowledges 40 ms late, in case there is something to send along with it (delayed acknowledgement). Between
    the two pieces PySpark's worker calls ``importlib.invalidate_caches()``, which tells every finder of modules: this
    one finds none, and acknowledges.
    """

    def invalidate_caches(self) -> None:
        """Called between the two pieces."""
        acknowledge()


def acknowledge() -> int:
    """Acknowledge now what has come in over this process's TCP connections.

    Returns:
        How many connections that was; 0 on systems other than Linux, which do without.
    """
    if not hasattr(socket, "TCP_QUICKACK"):
        return 0
    count = 0
    for path in _OPEN_FILES.iterdir():
        with contextlib.suppress(OSError):  # a file that has been closed since, or a socket of another kind
            if not str(path.readlink()).startswith("socket:"):
                continue
            mine = socket.socket(fileno=int(path.name))
            try:
                mine.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                count += 1
            finally:
                mine.detach()  # it is somebody else's, and stays open
    return count
