"""A sample where there are more rows than were asked for, or than the driver can hold.

The same rows are drawn whatever order they come in. From a table, classes keep their shares, and no class is lost.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bakeoff.config import RunConfig
from bakeoff.source.columns import note_missing_target
from bakeoff.source.driver_memory import rows_that_fit
from bakeoff.source.row_hash import ROW_HASH, hash_of
from bakeoff.source.target import FEW_VALUES
from bakeoff.source.time_index import read_times
from bakeoff.storage.location import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

LEAST_OF_A_CLASS = 20
"""Of a class that is rarer than that in the sample, so many rows are taken, if it has them."""
_MOST_CLASSES = 1_000
_COPY, _CHANCE, _LOT, _QUOTA, _BOUND = (f"__bakeoff_{name}" for name in ("copy", "chance", "lot", "quota", "bound"))


@dataclass(frozen=True)
class Drawn:
    """Rows of a table: all of them, or a sample.

    Attributes:
        fraction: the share of the rows with a target that are in it.
    """

    table: DataFrame
    fraction: float = 1.0


def sample_of_table(table: DataFrame, config: RunConfig, spark: SparkSession, notes: list[str]) -> Drawn:
    """``max_rows`` of the table's rows that have a target; without ``max_rows`` as many as the driver can hold."""
    if config.task == "time_series":
        return _latest(table, config, spark, notes)
    target = quoted(config.target)
    kind = dict(table.dtypes)[config.target]
    present = f"{target} IS NOT NULL" + (f" AND NOT isnan({target})" if kind in {"float", "double"} else "")
    n_rows, n_present = table.selectExpr("count(*)", f"count_if({present})").collect()[0]
    most = config.max_rows or rows_that_fit(table, n_rows, spark)
    if most is None or n_present <= most:
        return Drawn(table)
    note_missing_target(n_rows - n_present, config.target, notes)
    table = table.where(present)
    classes = _classes(table, config, kind) if config.task != "regression" else {}
    quotas = shares(list(classes.values()), most)
    note_sample(most, n_present, config, notes, stratified=bool(quotas))
    lots = _lots(table, config)
    if quotas:
        drawn = _of_each_class(lots, config, spark, kind, dict(zip(classes, quotas, strict=True)), classes)
    else:
        bound = _bound(most, n_present)
        drawn = lots.where(f"{_CHANCE} < {bound}").orderBy(_LOT, _COPY, *map(quoted, table.columns)).limit(most)
    return Drawn(drawn.selectExpr(*map(quoted, table.columns)), most / n_present)


def shares(counts: Sequence[int], most: int) -> list[int]:
    """How many rows of each class make a sample of ``most`` rows with the classes' own shares.

    Rare classes get `LEAST_OF_A_CLASS` rows, if they have them; the others make room. Empty where there are too many
    classes for that.

    Example:
        >>> shares([9_000, 990, 10], 1_000)
        [892, 98, 10]
    """
    if not counts or len(counts) > min(_MOST_CLASSES, most // 2):
        return []
    least = min(LEAST_OF_A_CLASS, most // len(counts))
    quotas = [min(count, least) for count in counts]
    rest, room = most - sum(quotas), [count - quota for count, quota in zip(counts, quotas, strict=True)]
    wanted = [max(0.0, most * count / sum(counts) - quota) for count, quota in zip(counts, quotas, strict=True)]
    scale = rest / sum(wanted) if sum(wanted) else 0.0
    exact = [min(want * scale, float(left)) for want, left in zip(wanted, room, strict=True)]
    quotas = [quota + math.floor(part) for quota, part in zip(quotas, exact, strict=True)]
    by_remainder = sorted(range(len(counts)), key=lambda n: (math.floor(exact[n]) - exact[n], n))
    for n in by_remainder:
        if sum(quotas) < most and quotas[n] < counts[n]:
            quotas[n] += 1
    return quotas


def sampled(frame: pd.DataFrame, config: RunConfig, notes: list[str]) -> pd.DataFrame:
    """``max_rows`` rows of a frame, in its order."""
    n_rows, most = len(frame), config.max_rows
    if most is None or n_rows <= most:
        return frame
    if config.task == "time_series":
        latest = read_times(frame[str(config.time_col)]).argsort(kind="stable").to_numpy()[-most:]
        notes.append(f"Took the latest {most} of {n_rows} rows (--max-rows).")
        return frame.iloc[np.sort(latest)]
    note_sample(most, n_rows, config, notes)
    rows = np.random.default_rng(config.seed).choice(n_rows, size=most, replace=False)
    return frame.iloc[np.sort(rows)]


def note_sample(most: int, n_rows: int, config: RunConfig, notes: list[str], *, stratified: bool = False) -> None:
    """Say that a sample was taken, how large, and why."""
    how = f"drawn with seed {config.seed}" + (", each class by its share" if stratified else "")
    if config.max_rows is not None:
        notes.append(f"Took a sample of {most} of {n_rows} rows (--max-rows, {how}).")
        return
    notes.append(
        f"Took a sample of {most:,} of {n_rows:,} rows ({most / n_rows:.2%}, {how}), which is what this driver can "
        "hold: take a larger driver for more, or say --max-rows."
    )


def _latest(table: DataFrame, config: RunConfig, spark: SparkSession, notes: list[str]) -> Drawn:
    n_rows = table.count()
    most = config.max_rows or rows_that_fit(table, n_rows, spark)
    if most is None or n_rows <= most:
        return Drawn(table)
    # A random part of a time series would be full of holes: the latest stretch is what a forecast starts from.
    why = "--max-rows" if config.max_rows else "which is what this driver can hold"
    notes.append(f"Took the latest {most} of {n_rows} rows ({why}).")
    return Drawn(table.orderBy(quoted(str(config.time_col)), ascending=False).limit(most), most / n_rows)


def _classes(table: DataFrame, config: RunConfig, kind: str) -> Mapping[Any, int]:
    """The rows of each class, where the target holds classes."""
    counts = table.groupBy(config.target).count().limit(_MOST_CLASSES + 1).collect()
    numbers = kind not in {"string", "boolean"}
    if len(counts) > _MOST_CLASSES or (numbers and config.task is None and len(counts) > FEW_VALUES):
        return {}
    return {row[0]: int(row[1]) for row in sorted(counts, key=lambda row: str(row[0]))}


def _lots(table: DataFrame, config: RunConfig) -> DataFrame:
    """Each row with its lot: a number that depends on the row and the seed alone, also as a chance from 0 to 1."""
    columns = list(map(quoted, table.columns))
    # Equal rows have equal hashes: the number of the copy tells them apart, so that each copy has its own chance.
    hashed = table.selectExpr(*columns, f"{hash_of(table)} AS {ROW_HASH}")
    copy = f"row_number() OVER (PARTITION BY {ROW_HASH} ORDER BY {', '.join(columns)}) AS {_COPY}"
    lot = f"xxhash64({config.seed}L, {ROW_HASH}, {_COPY}) AS {_LOT}"
    drawn = hashed.selectExpr("*", copy).selectExpr(*columns, _COPY, lot)
    return drawn.selectExpr("*", f"{_LOT} / 18446744073709551616.0D + 0.5D AS {_CHANCE}")


def _bound(wanted: int, there: int) -> float:
    """A chance below which the ``wanted`` rows with the lowest chances are, as good as certainly.

    What is above needs no sorting, which for a small part of a large table is nearly everything.
    """
    return (wanted + 8 * math.sqrt(wanted) + 32) / there


def _of_each_class(  # noqa: PLR0913, PLR0917 - what it takes to draw by class
    lots: DataFrame,
    config: RunConfig,
    spark: SparkSession,
    kind: str,
    quotas: Mapping[Any, int],
    counts: Mapping[Any, int],
) -> DataFrame:
    target = quoted(config.target)
    rows = [(value, quota, float(_bound(quota, counts[value]))) for value, quota in quotas.items()]
    wanted = spark.createDataFrame(rows, f"{target} {kind}, {_QUOTA} BIGINT, {_BOUND} DOUBLE")
    low = lots.join(wanted.hint("broadcast"), on=config.target).where(f"{_CHANCE} < {_BOUND}")
    nth = f"row_number() OVER (PARTITION BY {target} ORDER BY {_LOT}, {_COPY}) AS __bakeoff_nth"
    return low.selectExpr("*", nth).where(f"__bakeoff_nth <= {_QUOTA}")
