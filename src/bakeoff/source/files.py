"""Read csv and parquet files with pandas, in the order of their rows."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bakeoff._utils.text import first_line
from bakeoff.config import RunConfig
from bakeoff.errors import SourceError

CSV = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.bz2", ".csv.xz", ".csv.zip")
PARQUET = (".parquet", ".pq")


def read_csv(file: Path | io.BytesIO, name: str, texts: Collection[str] = ()) -> pd.DataFrame:
    """Read a csv or tsv file, compressed or not, with a header of distinct names.

    Args:
        file: the file, or its content.
        name: name of the file, which tells the separator and the compression, and is part of errors.
        texts: columns that are read as text whatever they hold.

    Raises:
        SourceError: The file is empty or cannot be read, or its header does not fit.
    """
    dtypes = dict.fromkeys(texts, str)
    sep = "\t" if ".tsv" in Path(name).name.lower() else ","
    compression: Any = "infer" if isinstance(file, Path) else _compression(name)
    try:
        header = pd.read_csv(
            file, sep=sep, header=None, nrows=1, dtype=str, keep_default_na=False, compression=compression
        )
        _refuse_duplicates([str(column) for column in header.iloc[0]], name)
        if isinstance(file, io.BytesIO):
            file.seek(0)
        frame = pd.read_csv(file, sep=sep, low_memory=False, compression=compression, dtype=dtypes)
    except SourceError:  # a ValueError, too
        raise
    except pd.errors.EmptyDataError as error:
        raise SourceError(f"{name} is empty: there is nothing to learn from.") from error
    except (ValueError, OSError) as error:  # ParserError and UnicodeDecodeError are ValueErrors
        raise SourceError(f"{name} cannot be read as csv ({first_line(error)}).") from error
    if not isinstance(frame.index, pd.RangeIndex):
        raise SourceError(f"The rows of {name} have more values than its header has names: give every column a name.")
    return frame


def _compression(name: str) -> str | None:
    return {".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zip": "zip"}.get(Path(name).suffix.lower())


def read_parquet(file: Path | io.BytesIO, name: str) -> pd.DataFrame:
    """Read a parquet file, or a folder of them.

    Args:
        file: the file or folder, or the content of a file.
        name: name of the file, as part of errors.

    Raises:
        SourceError: It cannot be read, or has columns of the same name.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file)
        _refuse_duplicates(table.column_names, name)
        frame: pd.DataFrame = table.to_pandas()
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{name} cannot be read as parquet ({first_line(error)}).") from error
    # The index that a frame was saved with becomes columns, which it also is in a table.
    return frame.reset_index(drop=all(level is None for level in frame.index.names))


def _refuse_duplicates(columns: Sequence[str], name: str) -> None:
    duplicates = sorted({column for column in columns if columns.count(column) > 1})
    if duplicates:
        raise SourceError(
            f"{name} has more than one column named {', '.join(map(repr, duplicates))}: give each its own name."
        )


def in_order(frame: pd.DataFrame, config: RunConfig) -> pd.DataFrame:
    """Return the rows sorted by the config's ``order_by``, or in their own order if it names no columns."""
    if not config.order_by:
        return frame
    return frame.sort_values(list(config.order_by), kind="stable", na_position="first", ignore_index=True)
