"""A hash of each row: the order of a table that has none, and the lot of a row in a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakeoff.storage.location import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROW_HASH = "__bakeoff_row_hash"


def hash_of(table: DataFrame) -> str:
    """The hash as SQL, the same on every cluster and in every time zone."""
    return f"xxhash64({', '.join(_hashable(name, kind) for name, kind in table.dtypes)})"


def _hashable(name: str, kind: str) -> str:
    # As text a time depends on the session's time zone, as a number it does not.
    return f"CAST({f'CAST({quoted(name)} AS DOUBLE)' if kind == 'timestamp' else quoted(name)} AS STRING)"
