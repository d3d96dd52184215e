"""A limit of memory for each Python worker of a server and all processes below it, as a sandbox has it.

Spark's own, ``spark.executor.pyspark.memory``, limits addresses and not memory: PyCaret needs 1.6 GB of them where it
holds 300 MB of memory.
"""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

LIMIT_MB = 1024.0
LOOK_SECONDS = 0.05
_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


class Warden:
    """Kills a worker with all that is below it once they hold more than they may.

    Attributes:
        most_mb: the most that one of them has held.
        killed: the ids of those that were killed.
    """

    def __init__(self) -> None:
        self.most_mb = 0.0
        self.killed: list[int] = []
        self._ended = threading.Event()

    @contextmanager
    def watching(self, pid: int) -> Iterator[None]:
        """Watch the workers of a Java process for as long as the block runs."""
        thread = threading.Thread(target=self._watch, args=(psutil.Process(pid),), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _watch(self, java: psutil.Process) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            with suppress(psutil.Error):
                for daemon in java.children():
                    for worker in daemon.children():
                        self._look_at([worker, *worker.children(recursive=True)])

    def _look_at(self, family: list[psutil.Process]) -> None:
        held = sum(map(_held_mb, family))
        self.most_mb = max(self.most_mb, held)
        if held > LIMIT_MB:
            self.killed.append(family[0].pid)
            for process in family:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)


def _held_mb(process: psutil.Process) -> float:
    """Return a process's share of the memory that it holds together with others, in megabytes; 0 if it has ended."""
    with suppress(OSError):
        found = _PSS.search(Path(f"/proc/{process.pid}/smaps_rollup").read_text())
        return int(found[1]) / 1024 if found else 0.0
    return 0.0
