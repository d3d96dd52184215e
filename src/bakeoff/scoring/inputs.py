"""Input columns of a model: checks of a source, and conversion of rows to the types that the model was fitted on."""

from __future__ import annotations

import datetime as dt
import decimal
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bakeoff._utils.raw_rows import conversions
from bakeoff._utils.raw_rows.rows import CONVERSIONS, WORDS
from bakeoff.errors import SourceError

NUMBER, TEXT, BOOLEAN, TIME, ANY = "number", "text", "boolean", "time", "any"
_KINDS = {NUMBER: "numbers", TEXT: "text", BOOLEAN: "true or false", TIME: "points in time", ANY: "anything"}
_OF_SIGNATURE = {
    "double": NUMBER, "float": NUMBER, "long": NUMBER, "integer": NUMBER,
    "boolean": BOOLEAN, "string": TEXT, "datetime": TIME,
}  # fmt: skip
_LIST_AT_MOST = 30


@dataclass(frozen=True)
class InputColumn:
    """Column that a model takes.

    Attributes:
        name: Its name in the source.
        kind: Kind of its values.
        conversion: What the model itself makes of its raw values, a word of `bakeoff._utils.raw_rows.conversions`;
            empty if it takes them as they are.
        words: Words that are values of it, although pandas takes them for gaps.
    """

    name: str
    kind: str
    conversion: str = ""
    words: tuple[str, ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether its values in a csv file are text, whatever they look like."""
        return self.kind == TEXT or self.conversion in {conversions.TEXT, conversions.WRITTEN}


def input_columns(described: Any, folder: Path) -> tuple[InputColumn, ...]:
    """Return the columns of a model's signature.

    The signature leaves the type of whole numbers open, because MLflow accepts neither integers for doubles nor gaps
    for integers. Their kind is then read from the input example.

    Args:
        described: MLflow's description of the model.
        folder: Folder with the model's files.
    """
    example = described.load_input_example(str(folder)) if described.saved_input_example_info else None
    metadata = described.metadata or {}
    conversions, words = metadata.get(CONVERSIONS, {}), metadata.get(WORDS, {})
    columns = []
    for column in described.signature.inputs.inputs:
        if conversions.get(column.name):
            columns.append(InputColumn(column.name, ANY, conversions[column.name]))
            continue
        kind = _OF_SIGNATURE.get(getattr(column.type, "name", ""), ANY)
        if kind == ANY and isinstance(example, pd.DataFrame) and column.name in example:
            values = example[column.name]
            kind = NUMBER if pd.api.types.is_numeric_dtype(values) and values.notna().any() else ANY
        columns.append(InputColumn(column.name, kind, words=tuple(words.get(column.name, ()))))
    return tuple(columns)


def check_inputs(inputs: Sequence[InputColumn], kinds: Mapping[str, str], source: str) -> None:
    """Check that a source has the columns that a model takes, of the right kinds.

    Args:
        inputs: Columns that the model takes.
        kinds: Kind of each column of the source, by name.
        source: Name of the source.

    Raises:
        SourceError: Columns are missing or of another kind; all of them are named.
    """
    missing = [column.name for column in inputs if column.name not in kinds]
    if missing:
        near = difflib.get_close_matches(missing[0], kinds, n=2, cutoff=0.6) if len(missing) == 1 else []
        some = ", ".join(list(kinds)[:_LIST_AT_MOST]) + (", ..." if len(kinds) > _LIST_AT_MOST else "")
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"its columns are {some}."
        raise SourceError(f"{source} lacks {', '.join(map(repr, missing))} that the model takes: {hint}")
    wrong = [
        f"{column.name!r} holds {_KINDS.get(kinds[column.name], kinds[column.name])} instead of {_KINDS[column.kind]}"
        for column in inputs
        if ANY not in {column.kind, kinds[column.name]} and column.kind != kinds[column.name]
    ]
    if wrong:
        raise SourceError(f"{source} has columns of other types than the model takes: {'; '.join(wrong)}.")


def kinds_of_frame(frame: pd.DataFrame) -> dict[str, str]:
    """Return the kind of each column of a data frame, by name; a column without values fits every kind."""
    return {str(name): _kind_of_values(frame[name]) for name in frame.columns}


def _kind_of_values(column: pd.Series[Any]) -> str:
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "empty" or column.isna().all():
        return ANY
    kinds = {"string": TEXT, "categorical": ANY, "boolean": BOOLEAN}
    kinds |= dict.fromkeys(("integer", "floating", "mixed-integer-float", "decimal"), NUMBER)
    kinds |= dict.fromkeys(("datetime64", "datetime", "date"), TIME)
    return kinds.get(kind, TEXT if column.dtype == object else ANY)


def kinds_of_schema(schema: Any) -> dict[str, str]:
    """Return the kind of each column of a Spark schema, by name; other types by their name in Spark."""
    from pyspark.sql import types

    times = (types.DateType, types.TimestampType, types.TimestampNTZType)
    texts = (types.StringType, types.CharType, types.VarcharType)
    kinds: tuple[tuple[Any, str], ...] = (
        (types.BooleanType, BOOLEAN),
        (types.NumericType, NUMBER),
        (times, TIME),
        (texts, TEXT),
        (types.NullType, ANY),
    )
    return {
        field.name: next(
            (kind for cls, kind in kinds if isinstance(field.dataType, cls)), field.dataType.simpleString()
        )
        for field in schema.fields
    }


def with_times(frame: pd.DataFrame, inputs: Sequence[InputColumn]) -> pd.DataFrame:
    """Parse the text of columns that the model takes as points in time, since a csv file holds them as text."""
    for column in inputs:
        if column.kind == TIME and column.name in frame and _kind_of_values(frame[column.name]) == TEXT:
            times = pd.to_datetime(frame[column.name], errors="coerce", format="ISO8601")
            if times.notna().equals(frame[column.name].notna()):  # else it is no column of times
                frame = frame.assign(**{column.name: times})
    return frame


def with_nan(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with NaN for missing values.

    PyCaret fits its imputers on NaN, and treats None, which tables have instead, as one more category.
    """
    gaps = {
        name: column.astype(object).where(column.notna(), np.nan)
        for name, column in frame.items()
        if column.dtype == object and column.isna().any()
    }
    return frame.assign(**{str(name): column for name, column in gaps.items()}) if gaps else frame


def with_plain_types(frame: pd.DataFrame, inputs: Sequence[InputColumn]) -> pd.DataFrame:
    """Convert decimals, dates and times with a zone, where the model does not do that itself; drop other objects.

    Args:
        frame: The rows, as they were read.
        inputs: Columns that the model takes; those that it converts stay as they are.
    """
    raw = {column.name for column in inputs if column.conversion}
    converted: dict[Any, pd.Series[Any]] = {}
    dropped = []
    for name, column in frame.items():
        if name in raw:
            continue
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            converted[name] = column.dt.tz_convert("UTC").dt.tz_localize(None)
        if column.dtype != object:
            continue
        first = next((value for value in column if value is not None and value is not pd.NaT), None)
        if isinstance(first, decimal.Decimal):
            converted[name] = column.astype(float)
        elif isinstance(first, dt.date):
            converted[name] = pd.to_datetime(column, errors="coerce")
        elif isinstance(first, bytes | bytearray | list | tuple | dict | set | np.ndarray):
            dropped.append(name)
    return frame.assign(**converted).drop(columns=dropped)


def from_arrow(batch: Any, names: Sequence[str]) -> pd.DataFrame:
    """Convert columns of one of Spark's Arrow batches as `toPandas` did for the run that fitted the model.

    Types are converted by Spark's type of a column and not by its values, because a batch may have none.

    Args:
        batch: The record batch.
        names: Names of the columns to convert.
    """
    import pyarrow as pa

    columns = {}
    for name in names:
        array = batch.column(batch.schema.get_field_index(name))
        values = array.to_pandas()
        if pa.types.is_decimal(array.type):
            values = values.astype(float)
        elif pa.types.is_date(array.type):
            values = pd.to_datetime(values, errors="coerce")
        elif pa.types.is_timestamp(array.type) and array.type.tz is not None:
            values = values.dt.tz_localize(None)
        columns[name] = values
    return pd.DataFrame(columns)
