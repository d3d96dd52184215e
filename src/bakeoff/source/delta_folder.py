"""Read a Delta table in a folder without Spark: the rows, their order and their types are those that Spark gives."""

from __future__ import annotations

import contextlib
import os
import zoneinfo
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bakeoff.config import RunConfig
from bakeoff.source.arrow_hash import row_hashes
from bakeoff.source.columns import check_columns
from bakeoff.source.data_frames import in_nanoseconds
from bakeoff.source.delta_log import OpenTable, open_table
from bakeoff.source.findings import Findings
from bakeoff.source.folder_sampling import sample_of_folder
from bakeoff.source.gap_words import RawTable
from bakeoff.source.locate import DeltaFolder
from bakeoff.source.names import shown_names
from bakeoff.source.row_hash import ROW_HASH
from bakeoff.source.tables import TableRows, report_left_out

if TYPE_CHECKING:
    import pyarrow as pa


def read_folder(source: DeltaFolder, config: RunConfig, findings: Findings) -> TableRows:
    """Read a table as a data frame: all rows, or a sample if there are too many.

    Args:
        source: the table.
        config: version, order, target and number of rows.
        findings: gets one about dropped columns and one about a sample.

    Raises:
        ConfigError: A named column or version does not exist.
        SourceError: The table cannot be read.
    """
    table = open_table(source.path, source.name, config.source_version)
    usable = _usable_columns(table, findings)
    shown = shown_names(usable)
    check_columns(shown, config)
    sample = sample_of_folder(table.rows, dict(zip(shown, usable, strict=True)), config, findings)
    frame = _as_spark_does(_in_order(sample.rows, config.order_by))
    return TableRows(frame.set_axis(usable, axis="columns"), str(table.version), sample.fraction)


def read_whole(source: DeltaFolder) -> RawTable:
    """Read a table as it is: all rows and columns, in the order of its files.

    Raises:
        SourceError: The table cannot be read.
    """
    return RawTable(_as_spark_does(open_table(source.path, source.name, None).rows.to_table()))


def _usable_columns(table: OpenTable, findings: Findings) -> list[str]:
    """Return the columns of types that PyCaret can use, which are also those that can be sorted by."""
    import pyarrow as pa

    fields = list(table.rows.schema)
    empty = [field.name for field in fields if pa.types.is_null(field.type)]
    dropped = [field.name for field in fields if _holds_several(field.type)]
    report_left_out(dropped, empty, (), findings)
    return [field.name for field in fields if field.name not in {*empty, *dropped}]


def _holds_several(kind: pa.DataType) -> bool:
    """Whether a column's cells hold more than a single value."""
    import pyarrow as pa

    return any(holds(kind) for holds in (pa.types.is_nested, pa.types.is_binary, pa.types.is_large_binary))


def _in_order(rows: pa.Table, order_by: Sequence[str]) -> pa.Table:
    """Put rows in the order of `bakeoff.source.tables.read_delta`: named columns, a hash of the row, all columns."""
    import pyarrow as pa

    keys = rows.append_column(ROW_HASH, pa.array(row_hashes(rows).view(np.int64)))
    keys = keys.select([*order_by, ROW_HASH, *(name for name in rows.column_names if name not in order_by)])
    return rows.take(_positions(keys))


def _positions(keys: pa.Table) -> pa.Array:
    """Return the positions of rows in the order of their columns, as Spark sorts: gaps first, and NaN last."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns: dict[str, Any] = {}
    for number, key in enumerate(keys.columns):
        if key.null_count:
            columns[f"{number} is there"] = key.is_valid()
        if pa.types.is_floating(key.type):
            columns[f"{number} is NaN"] = pc.is_nan(key)
            columns[str(number)] = pc.if_else(pc.is_nan(key), 0.0, pc.add(key, 0.0))  # minus zero equals zero
        else:
            columns[str(number)] = key
    by = [(name, "ascending") for name in columns]
    return pc.sort_indices(pa.table(columns), sort_keys=by)


def _as_spark_does(rows: pa.Table) -> pd.DataFrame:
    """Return rows as a data frame, as `bakeoff.source.data_frames.to_pandas` does in this machine's time zone."""
    frame: pd.DataFrame = rows.to_pandas(date_as_object=True)
    zone = _zone_here()
    for name in frame.select_dtypes("datetimetz").columns:
        frame[name] = frame[name].dt.tz_convert(zone).dt.tz_localize(None)
    return in_nanoseconds(frame)


def _zone_here() -> str:
    """Return the name of this machine's time zone, or of the one in the environment variable ``TZ``, as Java does."""
    linked = str(Path("/etc/localtime").resolve()).rpartition("/zoneinfo/")[2]
    for name in (os.environ.get("TZ", "").removeprefix(":"), linked):
        with contextlib.suppress(KeyError, OSError, ValueError):
            return zoneinfo.ZoneInfo(name).key
    return "UTC"
