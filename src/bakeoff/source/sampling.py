"""Draw a sample when there are more rows than asked for, or than the driver can hold.

The same rows of a table are drawn in whatever order they come, each class keeps its share, and no class is lost.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bakeoff.config import RunConfig
from bakeoff.source.columns import report_missing_target
from bakeoff.source.driver_memory import rows_that_fit
from bakeoff.source.findings import FindingKind, Findings
from bakeoff.source.row_hash import ROW_HASH, hash_of
from bakeoff.source.target import FEW_VALUES
from bakeoff.source.times import read_times
from bakeoff.storage.location import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

LEAST_OF_A_CLASS = 20
"""Number of rows that a class has in a sample at least, if the table has them."""
MAX_CLASSES = 1_000
"""Number of classes up to which a sample is stratified."""
_COPY, _CHANCE, _LOT, _QUOTA, _BOUND = (f"__bakeoff_{name}" for name in ("copy", "chance", "lot", "quota", "bound"))
"""Names of helper columns: a row's number among equal rows, its random number in two forms, and its class's limits."""


@dataclass(frozen=True)
class Sample:
    """All rows of a table, or a sample of them.

    Attributes:
        table: the rows.
        fraction: share of the rows with a target that are in it.
    """

    table: DataFrame
    fraction: float = 1.0


def sample_of_table(table: DataFrame, config: RunConfig, spark: SparkSession, findings: Findings) -> Sample:
    """Draw ``max_rows`` of the table's rows that have a target, or as many as the driver can hold.

    Of a time series the latest rows are taken.

    Args:
        table: the rows.
        config: target, task, seed and number of rows.
        spark: session that the table belongs to.
        findings: gets one about the sample and one about rows without a target.
    """
    if config.task == "time_series":
        return _latest(table, config, spark, findings)
    target = quoted(config.target)
    kind = dict(table.dtypes)[config.target]
    present = f"{target} IS NOT NULL" + (f" AND NOT isnan({target})" if kind in {"float", "double"} else "")
    n_rows, n_present = table.selectExpr("count(*)", f"count_if({present})").collect()[0]
    size = config.max_rows or rows_that_fit(table, n_rows, spark)
    if size is None or n_present <= size:
        return Sample(table)
    report_missing_target(n_rows - n_present, config.target, findings)
    table = table.where(present)
    classes = _class_counts(table, config, kind) if config.task != "regression" else {}
    quotas = shares(list(classes.values()), size)
    report_sample(size, n_present, config, findings, stratified=bool(quotas))
    lots = _with_lots(table, config)
    if quotas:
        drawn = _draw_by_class(lots, config, spark, kind, dict(zip(classes, quotas, strict=True)), classes)
    else:
        bound = chance_bound(size, n_present)
        drawn = lots.where(f"{_CHANCE} < {bound}").orderBy(_LOT, _COPY, *map(quoted, table.columns)).limit(size)
    return Sample(drawn.selectExpr(*map(quoted, table.columns)), size / n_present)


def shares(counts: Sequence[int], size: int) -> list[int]:
    """Return how many rows of each class make a sample of ``size`` rows that keeps the classes' shares.

    Rare classes get `LEAST_OF_A_CLASS` rows, if they have them, at the expense of the others.

    Args:
        counts: number of rows of each class.
        size: size of the sample.

    Returns:
        The number for each class; empty if there are too many classes.

    Example:
        >>> shares([9_000, 990, 10], 1_000)
        [892, 98, 10]
    """
    if not counts or len(counts) > min(MAX_CLASSES, size // 2):
        return []
    minimum = min(LEAST_OF_A_CLASS, size // len(counts))
    quotas = [min(count, minimum) for count in counts]
    available = [count - quota for count, quota in zip(counts, quotas, strict=True)]
    missing = [max(0.0, size * count / sum(counts) - quota) for count, quota in zip(counts, quotas, strict=True)]
    scale = (size - sum(quotas)) / sum(missing) if sum(missing) else 0.0
    extra = [min(number * scale, float(limit)) for number, limit in zip(missing, available, strict=True)]
    quotas = [quota + math.floor(number) for quota, number in zip(quotas, extra, strict=True)]
    by_remainder = sorted(range(len(counts)), key=lambda n: (math.floor(extra[n]) - extra[n], n))
    for n in by_remainder:
        if sum(quotas) < size and quotas[n] < counts[n]:
            quotas[n] += 1
    return quotas


def sampled(frame: pd.DataFrame, config: RunConfig, findings: Findings) -> pd.DataFrame:
    """Return a sample of ``max_rows`` rows of a frame, in its order; of a time series, the latest rows.

    Args:
        frame: the rows; not changed.
        config: task, seed and number of rows.
        findings: gets one about the sample.
    """
    n_rows, size = len(frame), config.max_rows
    if size is None or n_rows <= size:
        return frame
    if config.task == "time_series":
        latest = read_times(frame[str(config.time_col)]).argsort(kind="stable").to_numpy()[-size:]
        findings.add(FindingKind.SAMPLE, f"Took the latest {size} of {n_rows} rows (--max-rows).", n_affected=size)
        return frame.iloc[np.sort(latest)]
    report_sample(size, n_rows, config, findings)
    rows = np.random.default_rng(config.seed).choice(n_rows, size=size, replace=False)
    return frame.iloc[np.sort(rows)]


def report_sample(size: int, n_rows: int, config: RunConfig, findings: Findings, *, stratified: bool = False) -> None:
    """Add a finding on a sample: its size, how it was drawn, and why.

    Args:
        size: number of rows of the sample.
        n_rows: number of rows that it was drawn from.
        config: seed, and ``max_rows`` as the reason; without it the reason is the driver's memory.
        findings: gets it.
        stratified: whether each class has its share.
    """
    method = f"drawn with seed {config.seed}" + (", each class by its share" if stratified else "")
    if config.max_rows is not None:
        sentence = f"Took a sample of {size} of {n_rows} rows (--max-rows, {method})."
        findings.add(FindingKind.SAMPLE, sentence, n_affected=size)
        return
    sentence = (
        f"Took a sample of {size:,} of {n_rows:,} rows ({size / n_rows:.2%}, {method}), which is what this driver can "
        "hold: take a larger driver for more, or say --max-rows."
    )
    findings.add(FindingKind.SAMPLE, sentence, n_affected=size)


def latest_sentence(size: int, n_rows: int, config: RunConfig) -> str:
    """Return the sentence about the latest rows of a time series, taken in place of all."""
    reason = "--max-rows" if config.max_rows else "which is what this driver can hold"
    return f"Took the latest {size} of {n_rows} rows ({reason})."


def _latest(table: DataFrame, config: RunConfig, spark: SparkSession, findings: Findings) -> Sample:
    n_rows = table.count()
    size = config.max_rows or rows_that_fit(table, n_rows, spark)
    if size is None or n_rows <= size:
        return Sample(table)
    # A random sample of a time series would be full of gaps, and a forecast starts from the latest rows.
    findings.add(FindingKind.SAMPLE, latest_sentence(size, n_rows, config), n_affected=size)
    return Sample(table.orderBy(quoted(str(config.time_col)), ascending=False).limit(size), size / n_rows)


def _class_counts(table: DataFrame, config: RunConfig, kind: str) -> Mapping[Any, int]:
    """Count the rows of each class; empty if the target holds no classes, or too many."""
    counts = table.groupBy(config.target).count().limit(MAX_CLASSES + 1).collect()
    is_numeric = kind not in {"string", "boolean"}
    if len(counts) > MAX_CLASSES or (is_numeric and config.task is None and len(counts) > FEW_VALUES):
        return {}
    return {row[0]: int(row[1]) for row in sorted(counts, key=lambda row: str(row[0]))}


def _with_lots(table: DataFrame, config: RunConfig) -> DataFrame:
    """Add a lot to each row: a number that depends on the row and the seed alone, also as a chance from 0 to 1."""
    columns = list(map(quoted, table.columns))
    # Equal rows have equal hashes: they are numbered, so that each copy has its own chance.
    hashed = table.selectExpr(*columns, f"{hash_of(table)} AS {ROW_HASH}")
    copy = f"row_number() OVER (PARTITION BY {ROW_HASH} ORDER BY {', '.join(columns)}) AS {_COPY}"
    lot = f"xxhash64({config.seed}L, {ROW_HASH}, {_COPY}) AS {_LOT}"
    drawn = hashed.selectExpr("*", copy).selectExpr(*columns, _COPY, lot)
    return drawn.selectExpr("*", f"{_LOT} / 18446744073709551616.0D + 0.5D AS {_CHANCE}")


def chance_bound(wanted: int, n_rows: int) -> float:
    """Return a chance below which the ``wanted`` rows of the lowest chances lie almost certainly.

    Rows above it need no sorting, and those are nearly all when the sample is a small part of a large table.
    """
    return (wanted + 8 * math.sqrt(wanted) + 32) / n_rows


def _draw_by_class(  # noqa: PLR0913, PLR0917 - all that a draw by class depends on
    lots: DataFrame,
    config: RunConfig,
    spark: SparkSession,
    kind: str,
    quotas: Mapping[Any, int],
    counts: Mapping[Any, int],
) -> DataFrame:
    target = quoted(config.target)
    limits = [(value, quota, float(chance_bound(quota, counts[value]))) for value, quota in quotas.items()]
    limits_table = spark.createDataFrame(limits, f"{target} {kind}, {_QUOTA} BIGINT, {_BOUND} DOUBLE")
    candidates = lots.join(limits_table.hint("broadcast"), on=config.target).where(f"{_CHANCE} < {_BOUND}")
    nth = f"row_number() OVER (PARTITION BY {target} ORDER BY {_LOT}, {_COPY}) AS __bakeoff_nth"
    return candidates.selectExpr("*", nth).where(f"__bakeoff_nth <= {_QUOTA}")
