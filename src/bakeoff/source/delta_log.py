"""The log of a Delta table in a folder, read by delta-rs: its versions, and its rows as a data set of Arrow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bakeoff._utils.platform import is_installed
from bakeoff._utils.text import first_line
from bakeoff.errors import ConfigError, SourceError

if TYPE_CHECKING:
    import pyarrow.dataset as ds
    from deltalake import DeltaTable

_ONLY_SPARK = {"deletionVectors": "deletion vectors", "columnMapping": "mapped columns"}
"""Features of tables that delta-rs does not read, in words."""
_SPARK_TIMES = "us"
"""Unit of the times that Spark writes in a form with nanoseconds, which end in 2262."""


class OpenTable(NamedTuple):
    """A Delta table at one version.

    Attributes:
        version: the version.
        rows: its rows.
    """

    version: int
    rows: ds.Dataset


def why_unreadable(path: Path, version: int | None = None) -> str | None:
    """Return why a Delta table can be read with Spark only, as the end of a sentence; ``None`` if it needs no Spark.

    A log that is broken, or has no such version, is reported by who reads it.

    Args:
        path: folder of the table.
        version: version that is wanted; by default the newest.
    """
    if not is_installed("deltalake"):
        return f"{path} is a Delta table, and 'deltalake', which reads those without Spark, is not installed"
    from deltalake import DeltaTable

    try:
        table = DeltaTable(str(path), version=version)
    except Exception:  # noqa: BLE001 - delta-rs raises errors of many classes, and panics
        return None
    return _why_only_spark(table, path)


def _why_only_spark(table: DeltaTable, path: Path) -> str | None:
    protocol = table.protocol()
    features = {*(protocol.reader_features or ()), *_mapping(protocol.min_reader_version)}
    odd = [_ONLY_SPARK.get(feature, feature) for feature in sorted(features - _known())]
    return f"{path} has {' and '.join(odd)}, which only Spark reads" if odd else None


def _mapping(reader_version: int) -> tuple[str, ...]:
    """Return the feature that version 2 of the protocol stands for, where features have no names yet."""
    return ("columnMapping",) if reader_version == 2 else ()  # noqa: PLR2004 - see above


def _known() -> set[str]:
    from deltalake.table import SUPPORTED_READER_FEATURES

    return {str(feature) for feature in SUPPORTED_READER_FEATURES} - set(_ONLY_SPARK)


def open_table(path: Path, name: str, version: int | None) -> OpenTable:
    """Open a Delta table at a version; by default at the newest.

    Args:
        path: folder of the table.
        name: its name, as part of errors.
        version: the version.

    Raises:
        ConfigError: There is no such version.
        SourceError: The table cannot be read.
    """
    from deltalake import DeltaTable

    try:
        table = DeltaTable(str(path))
    except Exception as error:  # delta-rs raises errors of many classes, and panics
        raise SourceError(f"{name} cannot be read ({first_line(error)}).") from error
    newest = table.version()
    if version is not None and version != newest:
        try:
            table.load_as_version(version)
        except Exception as error:
            raise ConfigError(f"{name} has no version {version} that can be read: its newest is {newest}.") from error
    if why := _why_only_spark(table, path):
        raise SourceError(f"{why}: add --engine spark, or pass a Spark session.")
    return OpenTable(table.version(), _rows_of(table, path))


def _rows_of(table: DeltaTable, path: Path) -> ds.Dataset:
    import pyarrow.dataset as ds
    from pyarrow import fs

    # Arrow reads the files itself: delta-rs would do so with threads that can keep a process from ending in order.
    folder = fs.SubTreeFileSystem(str(path), fs.LocalFileSystem())
    options = ds.ParquetReadOptions(coerce_int96_timestamp_unit=_SPARK_TIMES)
    rows: ds.Dataset = table.to_pyarrow_dataset(filesystem=folder, parquet_read_options=options)
    return rows
