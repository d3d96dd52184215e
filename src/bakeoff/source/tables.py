"""Read a table through Spark, at one version and always in the same order."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from bakeoff._utils.text import first_line
from bakeoff.config import RunConfig
from bakeoff.errors import ConfigError, SourceError
from bakeoff.source.columns import check_columns
from bakeoff.source.data_frames import to_pandas
from bakeoff.source.filesystems import cannot_be_read
from bakeoff.source.findings import FindingKind, Findings
from bakeoff.source.locate import Delta
from bakeoff.source.names import listed, shown_names
from bakeoff.source.row_hash import ROW_HASH, hash_of
from bakeoff.source.sampling import sample_of_table
from bakeoff.storage.location import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class TableRows(NamedTuple):
    """The rows that were read from a table.

    Attributes:
        frame: the rows.
        version: version of the Delta table; ``None`` if it has no versions.
        fraction: share of the table's rows (with a target) that are in the frame.
    """

    frame: pd.DataFrame
    version: str | None
    fraction: float


def read_delta(source: Delta, config: RunConfig, findings: Findings) -> TableRows:
    """Read a table as a data frame: all rows, or a sample if there are too many.

    Args:
        source: the table.
        config: version, order, target and number of rows.
        findings: gets one about dropped columns and one about a sample.

    Raises:
        ConfigError: A named column or version does not exist.
        SourceError: The table cannot be read.
    """
    table, version = _at_version(source, config.source_version)
    usable = _usable_columns(table, findings)
    shown = shown_names(usable)
    check_columns(shown, config)
    # Expressions are text, since PySpark's column functions belong to the first kind of session that the process had.
    renamed = [f"{quoted(raw)} AS {quoted(name)}" for raw, name in zip(usable, shown, strict=True)]
    sample = sample_of_table(table.selectExpr(*renamed), config, source.spark, findings)
    columns = list(map(quoted, shown))
    order = [*map(quoted, config.order_by), ROW_HASH, *columns]
    hashed = sample.table.selectExpr(*columns, f"{hash_of(sample.table)} AS {ROW_HASH}")
    frame = to_pandas(hashed.orderBy(*order).selectExpr(*columns))
    return TableRows(frame.set_axis(usable, axis="columns"), version, sample.fraction)


def _at_version(source: Delta, version: int | None) -> tuple[DataFrame, str | None]:
    from pyspark.errors import PySparkException

    try:
        history = source.spark.sql(f"DESCRIBE HISTORY {source.sql} LIMIT 1").collect()
    except PySparkException:
        history = []  # a view, a table that is not Delta, or one whose history this user may not read
    except Exception as error:  # Java's file systems raise errors of many classes
        raise cannot_be_read(source.name, error, source.spark) from error
    if version is None and history:
        # Read exactly the version that is recorded, unless the table forbids it (row filters, masks).
        with contextlib.suppress(PySparkException):
            latest = history[0].version
            return _select(source, f" VERSION AS OF {latest}"), str(latest)
    try:
        if version is None:
            return _select(source, ""), None
        return _select(source, f" VERSION AS OF {version}"), str(version)
    except PySparkException as error:
        if version is None:
            raise SourceError(f"{source.name} cannot be read ({first_line(error)}).") from error
        latest = f"its newest is {history[0].version}" if history else "it has no versions that can be seen"
        raise ConfigError(f"{source.name} has no version {version} that can be read: {latest}.") from error


def _select(source: Delta, version: str) -> DataFrame:
    table = source.spark.sql(f"SELECT * FROM {source.sql}{version}")  # noqa: S608 - every name is quoted
    _ = table.schema  # Spark Connect resolves the name only now
    return table


def _usable_columns(table: DataFrame, findings: Findings) -> list[str]:
    """Return the columns of types that PyCaret can use, which are also those that can be sorted by."""
    from pyspark.sql import types

    usable_types: tuple[type, ...] = (
        *(types.NumericType, types.BooleanType, types.StringType, types.CharType, types.VarcharType),
        *(types.DateType, types.TimestampType, types.TimestampNTZType, types.DayTimeIntervalType),
    )
    fields = table.schema.fields
    usable = [field.name for field in fields if isinstance(field.dataType, usable_types)]
    empty = [field.name for field in fields if isinstance(field.dataType, types.NullType)]
    dropped = [field.name for field in fields if field.name not in {*usable, *empty}]
    others = {field.dataType.simpleString() for field in fields if field.name in dropped} - _holders(fields)
    report_left_out(dropped, empty, sorted(others), findings)
    return usable


def report_left_out(dropped: Sequence[str], empty: Sequence[str], others: Sequence[str], findings: Findings) -> None:
    """Add findings on columns that models cannot use.

    Args:
        dropped: columns of types that they cannot use.
        empty: columns without a value.
        others: types of dropped columns that hold something else than bytes, arrays, maps or structs.
        findings: gets them.
    """
    if dropped:
        more = f", nor of type {listed(others)}" if others else ""
        sentence = f"Left out {listed(dropped)}: models cannot use columns of bytes, arrays, maps or structs{more}."
        findings.add(FindingKind.LEFT_OUT, sentence, columns=dropped)
    if empty:
        findings.add(FindingKind.LEFT_OUT, f"Left out {listed(empty)}: no row has a value there.", columns=empty)


def _holders(fields: Sequence[Any]) -> set[str]:
    """Return the types of columns whose cells hold more than a single value."""
    from pyspark.sql import types

    kinds = (types.BinaryType, types.ArrayType, types.MapType, types.StructType)
    return {field.dataType.simpleString() for field in fields if isinstance(field.dataType, kinds)}
