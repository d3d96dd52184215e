"""Reading a table through Spark, at one version and in an order that is always the same."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from bakeoff._utils.text import first_line
from bakeoff.config import RunConfig
from bakeoff.errors import UserError
from bakeoff.source.columns import check_columns
from bakeoff.source.filesystems import cannot_be_read
from bakeoff.source.locate import Delta
from bakeoff.source.row_hash import ROW_HASH, hash_of
from bakeoff.source.sampling import sample_of_table
from bakeoff.storage.location import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class TableRows(NamedTuple):
    """The rows of a table, the version that they are of, and which part of it they are."""

    frame: pd.DataFrame
    version: str | None
    fraction: float


def read_delta(found: Delta, config: RunConfig, notes: list[str]) -> TableRows:
    """The rows of a table as a data frame: all of them, or a sample where they are too many."""
    table, version = _at_version(found, config.source_version)
    usable = _usable_columns(table, notes)
    check_columns(usable, config)
    # Expressions are text, since PySpark's column functions belong to whichever kind of session the process had first.
    drawn = sample_of_table(table.selectExpr(*map(quoted, usable)), config, found.spark, notes)
    columns = list(map(quoted, usable))
    by = [*map(quoted, config.order_by), ROW_HASH, *columns]
    hashed = drawn.table.selectExpr(*columns, f"{hash_of(drawn.table)} AS {ROW_HASH}")
    return TableRows(hashed.orderBy(*by).selectExpr(*columns).toPandas(), version, drawn.fraction)


def _at_version(found: Delta, version: int | None) -> tuple[DataFrame, str | None]:
    from pyspark.errors import PySparkException

    try:
        history = found.spark.sql(f"DESCRIBE HISTORY {found.sql} LIMIT 1").collect()
    except PySparkException:
        history = []  # a view, or a table that is not Delta, or one whose history is not ours to see
    except Exception as error:  # what a file system raises in Java comes in many classes
        raise cannot_be_read(found.name, error, found.spark) from error
    if version is None and history:
        # Read exactly the version that is written down, unless the table does not let us (row filters, masks).
        with contextlib.suppress(PySparkException):
            latest = history[0].version
            return _select(found, f" VERSION AS OF {latest}"), str(latest)
    try:
        if version is None:
            return _select(found, ""), None
        return _select(found, f" VERSION AS OF {version}"), str(version)
    except PySparkException as error:
        if version is None:
            raise UserError(f"{found.name} cannot be read ({first_line(error)}).") from error
        latest = f"its newest is {history[0].version}" if history else "it has no versions that can be seen"
        raise UserError(f"{found.name} has no version {version} that can be read: {latest}.") from error


def _select(found: Delta, version: str) -> DataFrame:
    table = found.spark.sql(f"SELECT * FROM {found.sql}{version}")  # noqa: S608 - every name is quoted
    _ = table.schema  # on Spark Connect a name is looked up no sooner than here
    return table


def _usable_columns(table: DataFrame, notes: list[str]) -> list[str]:
    """The columns that PyCaret can use, which are also those that have an order."""
    from pyspark.sql import types

    plain: tuple[type, ...] = (
        *(types.NumericType, types.BooleanType, types.StringType, types.CharType, types.VarcharType),
        *(types.DateType, types.TimestampType, types.TimestampNTZType),
    )
    usable = [field.name for field in table.schema.fields if isinstance(field.dataType, plain)]
    left_out = [field.name for field in table.schema.fields if not isinstance(field.dataType, plain)]
    if left_out:
        notes.append(f"Left out {', '.join(left_out)}: models cannot use columns of bytes, arrays, maps or structs.")
    return usable
