"""Estimate how many rows of a table fit into the driver's memory."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.source.data_frames import to_pandas
from bakeoff.spark.kind import is_connect

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession

COPIES = 10
"""Number of copies of the rows that the driver's memory may hold at once.

They are: on their way from Spark, as the source, in PyCaret (raw, split, transformed), and as the payload for workers.
"""
PROBE_ROWS = 2_000
"""Number of rows that are read to estimate the size of a row."""
FEW_ROWS = 10_000
"""Number of rows that are assumed to fit, without an estimate."""
_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def rows_that_fit(table: DataFrame, n_rows: int, spark: SparkSession) -> int | None:
    """Return how many rows of a table fit into the driver; ``None`` if all of them do, or if it cannot be known.

    Args:
        table: the table; its first rows are read to estimate the size of a row.
        n_rows: number of rows of the table.
        spark: session that the table belongs to.
    """
    return _rows_within(memory_for_table(spark), n_rows, lambda n: to_pandas(table.limit(n)))


def rows_that_fit_here(n_rows: int, head: Callable[[int], pd.DataFrame]) -> int | None:
    """Return how many rows of a table that is read without Spark fit into this process; ``None`` if all of them do.

    Args:
        n_rows: number of rows of the table.
        head: reads so many of its first rows.
    """
    free = free_memory()
    return _rows_within(None if free is None else free / COPIES, n_rows, head)


def _rows_within(available: float | None, n_rows: int, head: Callable[[int], pd.DataFrame]) -> int | None:
    if available is None or n_rows <= FEW_ROWS:
        return None
    probe = head(PROBE_ROWS)
    bytes_per_row = max(1.0, float(probe.memory_usage(index=False, deep=True).sum()) / len(probe))
    n_fitting = int(available / bytes_per_row)
    return None if n_fitting >= n_rows else max(n_fitting, FEW_ROWS)


def memory_for_table(spark: SparkSession) -> float | None:
    """Return the bytes that a table may take as a data frame on the driver, if that can be known."""
    free = free_memory()
    limits = [free / COPIES] if free is not None else []
    if not is_connect(spark):
        max_result = size_in_bytes(spark.conf.get("spark.driver.maxResultSize", "1g") or "1g")
        limits += [0.9 * max_result] if max_result else []
    return min(limits) if limits else None


def free_memory() -> float | None:
    """Return the bytes that this process can still allocate: free on the machine, within its container's limit."""
    limits = []
    with contextlib.suppress(OSError, ValueError):
        free = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"))
        limits += [int(free.group(1)) * 1024.0] if free else []
    with contextlib.suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        limit, used, stat = (
            (group / f"memory.{name}").read_text(encoding="ascii").strip() for name in ("max", "current", "stat")
        )
        cached = re.search(r"^inactive_file (\d+)$", stat, re.MULTILINE)  # pages of files, given up when needed
        limits += [float(limit) - float(used) + float(cached.group(1) if cached else 0)] if limit != "max" else []
    return min(limits) if limits else None


def size_in_bytes(text: str) -> int:
    """Parse a size as Spark writes it, into bytes; 0 for one that cannot be read.

    Example:
        >>> size_in_bytes("4g"), size_in_bytes("512MB"), size_in_bytes("0")
        (4294967296, 536870912, 0)
    """
    match = re.fullmatch(r"(\d+)\s*([bkmgt]?)b?", text.strip().lower())
    return int(match.group(1)) * _UNITS[match.group(2)] if match else 0
