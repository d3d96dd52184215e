"""Worker bootstrap, and work-arounds for PySpark's latency before each task."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import sys
import zipimport

OPEN_FILES = "/proc/self/fd"


def settle_in() -> None:
    """Set this process up as a worker; calling it again changes nothing."""
    if "pycaret" not in sys.modules:
        # PyCaret opens a log file in the working folder when it is imported, and it is of no use on a worker.
        os.environ.setdefault("PYCARET_CUSTOM_LOGGING_PATH", os.devnull)
    if is_sparks_worker():
        _keep_zip_indexes()
        if not any(isinstance(finder, _Acknowledger) for finder in sys.meta_path):
            sys.meta_path.append(_Acknowledger())


def is_sparks_worker() -> bool:
    """Whether Spark has started this process as a Python worker."""
    return "pyspark.worker" in sys.modules


def _keep_zip_indexes() -> None:
    """Keep this process from reading the index of pyspark.zip again before each task.

    PySpark's worker calls ``importlib.invalidate_caches()`` before every task, and on Python 3.10 and later that makes
    each importer of a zip file read the whole index anew: 0.2 s of CPU for a task. The zip files do not change while a
    worker lives, so its importers are told to ignore the call.
    """
    for importer in sys.path_importer_cache.values():
        if isinstance(importer, zipimport.zipimporter):
            importer.invalidate_caches = _nothing  # type: ignore[method-assign]


def _nothing() -> None:
    """Do nothing, in place of a zip importer's ``invalidate_caches``."""


class _Acknowledger:
    """A finder of modules that saves the 40 ms before each Spark task in which two ends of a socket wait.

    Java sends a task in two pieces, and holds the second one back until the first is acknowledged (Nagle's algorithm).
    Linux acknowledges 40 ms late, in case there is something to send along with it (delayed acknowledgement). Between
    the two pieces PySpark's worker calls ``importlib.invalidate_caches()``, which calls every finder of modules: this
    one finds none, and acknowledges.
    """

    def find_spec(self, _name: str, _path: object, _target: object = None) -> None:
        """Find nothing."""

    def invalidate_caches(self) -> None:
        """Acknowledge the first piece; called between the two."""
        with contextlib.suppress(Exception):  # a speed-up must not cost a worker
            acknowledge()


def acknowledge() -> int:
    """Acknowledge at once the data received over this process's TCP connections.

    Returns:
        The number of connections; 0 on systems other than Linux, which lack the option.
    """
    option = getattr(socket, "TCP_QUICKACK", None)
    if option is None:
        return 0
    # Not by socket objects: making one for an existing socket can change whether that blocks.
    set_option, on = ctypes.CDLL(None).setsockopt, ctypes.c_int(1)
    numbers = [int(name) for name in os.listdir(OPEN_FILES)]  # noqa: PTH208 - only the names are of use
    results = (
        set_option(number, socket.IPPROTO_TCP, option, ctypes.byref(on), ctypes.sizeof(on)) for number in numbers
    )
    return sum(result == 0 for result in results)  # -1 for a file, or a socket of another kind
