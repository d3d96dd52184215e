"""Reading csv and parquet with pandas, rows in the order in which the file has them."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bakeoff._utils.text import first_line
from bakeoff.config import RunConfig
from bakeoff.errors import UserError

CSV = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.bz2", ".csv.xz", ".csv.zip")
PARQUET = (".parquet", ".pq")


def read_csv(file: Path | io.BytesIO, name: str, texts: Collection[str] = ()) -> pd.DataFrame:
    """A csv or tsv file, with a header in which every name is there once.

    Args:
        file: where it is, or its bytes.
        name: of the file.
        texts: columns that are text whatever is in them.
    """
    kinds = dict.fromkeys(texts, str)
    sep = "\t" if ".tsv" in Path(name).name.lower() else ","
    packed: Any = "infer" if isinstance(file, Path) else _compression(name)
    try:
        header = pd.read_csv(file, sep=sep, header=None, nrows=1, dtype=str, keep_default_na=False, compression=packed)
        _refuse_duplicates([str(column) for column in header.iloc[0]], name)
        if isinstance(file, io.BytesIO):
            file.seek(0)
        frame = pd.read_csv(file, sep=sep, low_memory=False, compression=packed, dtype=kinds)
    except pd.errors.EmptyDataError as error:
        raise UserError(f"{name} is empty: there is nothing to learn from.") from error
    except (ValueError, OSError) as error:  # ParserError and UnicodeDecodeError are ValueErrors
        raise UserError(f"{name} cannot be read as csv ({first_line(error)}).") from error
    if not isinstance(frame.index, pd.RangeIndex):
        raise UserError(f"The rows of {name} have more values than its header has names: give every column a name.")
    return frame


def _compression(name: str) -> str | None:
    return {".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zip": "zip"}.get(Path(name).suffix.lower())


def read_parquet(file: Path | io.BytesIO, name: str) -> pd.DataFrame:
    """A parquet file, or a folder of them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file)
        _refuse_duplicates(table.column_names, name)
        frame: pd.DataFrame = table.to_pandas()
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{name} cannot be read as parquet ({first_line(error)}).") from error
    # A frame that was saved with an index of its own has it as columns, as it has in a table.
    return frame.reset_index(drop=all(level is None for level in frame.index.names))


def _refuse_duplicates(columns: Sequence[str], name: str) -> None:
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise UserError(f"{name} has more than one column named {', '.join(map(repr, twice))}: give each its own name.")


def in_order(frame: pd.DataFrame, config: RunConfig) -> pd.DataFrame:
    """The rows in the order that was asked for, else in their own."""
    if not config.order_by:
        return frame
    return frame.sort_values(list(config.order_by), kind="stable", na_position="first", ignore_index=True)
