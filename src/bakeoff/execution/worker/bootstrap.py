"""Making a process a worker, and sparing Spark's Python workers what they would wait for before each task."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import sys
import zipimport

_OPEN_FILES = "/proc/self/fd"


def settle_in() -> None:
    """Make this process a worker."""
    if "pycaret" not in sys.modules:
        # PyCaret opens a log file in the working folder when it is imported, and nobody would look for it on a worker.
        os.environ.setdefault("PYCARET_CUSTOM_LOGGING_PATH", os.devnull)
    if is_sparks_worker():
        _keep_zip_indexes()
        if not any(isinstance(finder, _Acknowledger) for finder in sys.meta_path):
            sys.meta_path.append(_Acknowledger())


def is_sparks_worker() -> bool:
    """Whether Spark has started this process, which is not somebody's notebook, nor a worker of Dask's."""
    return "pyspark.worker" in sys.modules


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


class _Acknowledger:
    """Spares this process the 40 ms that pass before each task of Spark's because two ends of a socket wait.

    Java sends a task in two pieces, and holds the second one back until the first is acknowledged (Nagle's algorithm).
    Linux acknowledges 40 ms late, in case there is something to send along with it (delayed acknowledgement). Between
    the two pieces PySpark's worker calls ``importlib.invalidate_caches()``, which tells every finder of modules: this
    one finds none, and acknowledges.
    """

    def find_spec(self, _name: str, _path: object, _target: object = None) -> None:
        """There is nothing to be found here."""

    def invalidate_caches(self) -> None:
        """Called between the two pieces."""
        with contextlib.suppress(Exception):  # what only saves time must not cost a worker
            acknowledge()


def acknowledge() -> int:
    """Acknowledge now what has come in over this process's TCP connections.

    Returns:
        How many connections that was; 0 on systems other than Linux, which do without.
    """
    option = getattr(socket, "TCP_QUICKACK", None)
    if option is None:
        return 0
    # Not by socket objects: making one for a socket that is there already can change how that one blocks.
    set_option, on = ctypes.CDLL(None).setsockopt, ctypes.c_int(1)
    numbers = [int(name) for name in os.listdir(_OPEN_FILES)]  # noqa: PTH208 - only the names are of use
    told = (set_option(number, socket.IPPROTO_TCP, option, ctypes.byref(on), ctypes.sizeof(on)) for number in numbers)
    return sum(said == 0 for said in told)  # it says -1 for a file, or a socket of another kind
