"""How many rows the driver can hold, from an estimate of their size and of its free memory."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.spark.kind import is_connect

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

COPIES = 10
"""How often the rows may be in the driver's memory at once.

On their way from Spark, as the source, in PyCaret (raw, split, transformed), and as the payload for the workers.
"""
PROBE_ROWS = 2_000
FEW_ROWS = 10_000
"""So many rows are taken to fit, without looking."""
_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def rows_that_fit(table: DataFrame, n_rows: int, spark: SparkSession) -> int | None:
    """How many rows of a table fit into the driver; ``None`` where all of them do, or nobody can tell."""
    free = room(spark)
    if free is None or n_rows <= FEW_ROWS:
        return None
    probe = table.limit(PROBE_ROWS).toPandas()
    bytes_per_row = max(1.0, float(probe.memory_usage(index=False, deep=True).sum()) / len(probe))
    fitting = int(free / bytes_per_row)
    return None if fitting >= n_rows else max(fitting, FEW_ROWS)


def room(spark: SparkSession) -> float | None:
    """Bytes that a table may have as a data frame of the driver, if that can be known."""
    free = free_memory()
    limits = [free / COPIES] if free is not None else []
    if not is_connect(spark):
        most = size_in_bytes(spark.conf.get("spark.driver.maxResultSize", "1g") or "1g")
        limits += [0.9 * most] if most else []
    return min(limits) if limits else None


def free_memory() -> float | None:
    """Bytes that this process could still take: what the machine has free, within the limit of its container."""
    found = []
    with contextlib.suppress(OSError, ValueError):
        free = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"))
        found += [int(free.group(1)) * 1024.0] if free else []
    with contextlib.suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        limit, used, stat = (
            (group / f"memory.{name}").read_text(encoding="ascii").strip() for name in ("max", "current", "stat")
        )
        cached = re.search(r"^inactive_file (\d+)$", stat, re.MULTILINE)  # pages of files, given up when needed
        found += [float(limit) - float(used) + float(cached.group(1) if cached else 0)] if limit != "max" else []
    return min(found) if found else None


def size_in_bytes(text: str) -> int:
    """A size as Spark writes it, in bytes; 0 for one that cannot be read.

    Example:
        >>> size_in_bytes("4g"), size_in_bytes("512MB"), size_in_bytes("0")
        (4294967296, 536870912, 0)
    """
    found = re.fullmatch(r"(\d+)\s*([bkmgt]?)b?", text.strip().lower())
    return int(found.group(1)) * _UNITS[found.group(2)] if found else 0
