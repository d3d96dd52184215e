"""Memory of the workers' processes, measured from outside."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import psutil
from typing_extensions import Self

from bakeoff.execution.isolation.processes import memory_of_tree

_EVERY_SECONDS = 0.5
_MB = 1 << 20
DAEMONS = {"pyspark.daemon", "bakeoff.execution.worker.spark_daemon"}
"""Modules that Spark starts as ``python -m ...``, and that fork the workers."""


class Watch:
    """Watch over the memory of Spark's Python workers while a block runs.

    Attributes:
        worker_mb: most memory that a worker and its children held, in MB. Memory that they share counts once.
    """

    def __init__(self) -> None:
        self.worker_mb = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_EVERY_SECONDS):
            held = [memory_of_tree(worker.pid) / _MB for worker in _workers()]
            self.worker_mb = max([self.worker_mb, *held])


def _workers() -> list[Any]:
    """Return Spark's Python workers: children of a daemon, PySpark's or Bakeoff's, that is a child of Java."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if DAEMONS & set(process.cmdline()) and process.parent().name() != "java":
                found.append(process)
    return [each for each in found if each.parent() not in found]
