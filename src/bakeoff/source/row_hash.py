"""Hash the rows of a table in SQL: to sort rows that have no order, and to draw samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakeoff.storage.location import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROW_HASH = "__bakeoff_row_hash"
"""Name of the column that holds the hash."""


def hash_of(table: DataFrame) -> str:
    """Return the SQL expression of a row's hash, which is equal on every cluster and in every time zone.

    It is of values, not of their texts: Java 21 writes other digits than Java 17, and ANSI mode other decimals.
    """
    return f"xxhash64({', '.join(_hashable(name, kind) for name, kind in table.dtypes)})"


def _hashable(name: str, kind: str) -> str:
    """Return a column's expression: text without its collation, whose rules would become part of the hash."""
    return f"CAST({quoted(name)} AS STRING)" if kind.startswith("string") else quoted(name)
