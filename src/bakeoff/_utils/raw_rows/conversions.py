"""Conversions of columns: what their values become before a pipeline is fitted on them."""

from __future__ import annotations

import datetime as dt
import enum
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from bakeoff._utils.raw_rows.numpy_columns import numpy_column
from bakeoff._utils.raw_rows.written_numbers import float_or_gap, written_numbers

SAME = "same"
"""Values stay what they are."""
PLAIN = "plain"
"""Values of pandas' extension types, or gaps of other kinds than NaN, are held as `pandas.read_csv` holds them."""
NUMBER = "number"
"""Decimals, large integers and the like become floats, infinite ones missing."""
WRITTEN = "written number"
"""Text such as ``1,234.5`` becomes a float; the detail is the decimal mark."""
SECONDS = "seconds"
"""Durations and times of day become a number of seconds."""
TIME = "time"
"""Dates, periods and times with a zone become times without one; the detail is the zone whose clock they show."""
TRUTH = "truth"
"""True and false stay; where one is missing it becomes the detail, as models cannot do without."""
MIDDLE = "middle"
"""Intervals become the number, or the time, in their middle."""
TEXT = "text"
"""Values of any types become text."""

_OFFSET = re.compile(r":\d\d(?:\.\d+)?\s?(?:Z|[+-]\d\d(?::?\d\d)?)\s*$")
"""The end of a written time that names its distance from UTC."""


def converted_column(column: pd.Series[Any], kind: str, detail: Any = None) -> Any:
    """Convert a column; a value that cannot be converted becomes a missing one.

    Example:
        >>> written = pd.Series(["2024-03-30 00:30+01:00", "2024-04-01 00:30+02:00", "2024-04-02"])
        >>> converted_column(written, TIME).dt.hour.tolist()
        [23, 22, 0]
        >>> converted_column(pd.Series(["1,234.5", "12 %", "(3)", None]), WRITTEN, ".").tolist()
        [1234.5, 12.0, -3.0, nan]
        >>> converted_column(pd.Series([dt.time(0, 1), pd.NaT]), SECONDS).tolist()
        [60.0, nan]
    """
    plain = numpy_column(column)
    if kind != SAME and kind != PLAIN:  # noqa: PLR1714
        return _CONVERTERS[kind](plain, detail)
    if plain.dtype == object and plain.isna().any():
        return plain.where(plain.notna(), np.nan)  # PyCaret's imputers do not see None
    return plain


def _is_number(column: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _numbers(column: pd.Series[Any]) -> pd.Series[Any]:
    return column if _is_number(column) else column.map(float_or_gap).astype(float)


def _written(column: pd.Series[Any], mark: str) -> pd.Series[Any]:
    return column if _is_number(column) else written_numbers(column, mark)


def _finite(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return numbers with missing values instead of infinite ones; whole numbers stay as they are."""
    if column.dtype.kind != "f":
        return column
    infinite = np.isinf(column)
    return column.mask(infinite) if infinite.any() else column


def _seconds(column: pd.Series[Any]) -> pd.Series[Any]:
    if _is_number(column):
        return column
    if column.dtype.kind == "m":
        return column.dt.total_seconds()
    return column.map(_second_count).astype(float)


def _second_count(value: Any) -> float:
    if isinstance(value, dt.time):
        return value.hour * 3600.0 + value.minute * 60 + value.second + value.microsecond / 1e6
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, (int, float, np.number)):
        return float(value)
    try:
        return pd.Timedelta(value).total_seconds() if pd.notna(value) else np.nan
    except (TypeError, ValueError):
        return np.nan


def _times(column: Any, zone: Any) -> Any:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.dt.tz_convert(zone or "UTC").dt.tz_localize(None)
    if column.dtype.kind == "M":
        return column.where(are_in_reach(column)).astype("datetime64[ns]")
    if isinstance(column.dtype, pd.PeriodDtype):
        return column.dt.to_timestamp()
    plain = column.astype(object).map(lambda value: _time(value, zone), na_action="ignore")
    is_text = plain.map(lambda value: isinstance(value, str))
    with_offset = is_text & plain.where(is_text, "").astype(str).str.contains(_OFFSET)
    if with_offset.any():  # of several, as on both sides of the day on which clocks change
        moments = pd.to_datetime(plain[with_offset], utc=True, errors="coerce", format="ISO8601")
        plain = plain.mask(with_offset, moments.dt.tz_convert(zone or "UTC").dt.tz_localize(None).astype(object))
    return pd.to_datetime(plain, errors="coerce", format="ISO8601" if is_text.any() else None)


def are_in_reach(times: Any) -> Any:
    """Whether each time of a column is in the years that nanoseconds reach, or missing.

    Example:
        >>> are_in_reach(pd.Series(np.array(["2024-01-01", "9999-12-31"], dtype="datetime64[us]"))).tolist()
        [True, False]
    """
    return times.isna() | times.between(pd.Timestamp(1678, 1, 1), pd.Timestamp(2262, 1, 1))


def _time(value: Any, zone: Any) -> Any:
    if isinstance(value, pd.Period):
        return value.start_time
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        try:
            return pd.Timestamp(value).tz_convert(zone or "UTC").tz_localize(None)
        except ValueError:  # outside of what pandas can hold
            return pd.NaT
    return value


def _truths(column: Any, usual: bool) -> Any:  # noqa: FBT001 - the value that stands in for a gap
    if column.dtype == bool:
        return column
    words = {"true": True, "false": False, True: True, False: False}
    return column.map(lambda value: words.get(value.lower() if isinstance(value, str) else value, usual)).astype(bool)


def _middles(column: pd.Series[Any]) -> pd.Series[Any]:
    if _is_number(column) or column.dtype.kind == "M":
        return column
    return column.astype(object).map(_middle, na_action="ignore").infer_objects()


def _middle(interval: Any) -> Any:
    left: Any
    right: Any
    if isinstance(interval, str):  # as csv files hold it
        ends = re.fullmatch(r"[\[(]\s*([^,\s]+)\s*,\s*([^,\s]+)\s*[\])]", interval)
        left, right = map(float_or_gap, ends.groups()) if ends else (np.nan, np.nan)
    elif isinstance(interval, pd.Interval):
        left, right = interval.left, interval.right
    else:
        return interval
    if isinstance(left, pd.Timestamp):
        return (left + (right - left) / 2).tz_localize(None)
    if isinstance(left, pd.Timedelta):
        return (left.total_seconds() + right.total_seconds()) / 2
    finite = [float(end) for end in (left, right) if np.isfinite(end)]
    return sum(finite) / len(finite) if finite else np.nan


def _texts(column: pd.Series[Any]) -> pd.Series[Any]:
    return column.astype(object).map(_text, na_action="ignore").where(column.notna(), np.nan)


def _text(value: Any) -> str:
    if isinstance(value, enum.Enum):
        return value.value if isinstance(value.value, str) else value.name
    return str(value)


_CONVERTERS: dict[str, Callable[[Any, Any], Any]] = {
    NUMBER: lambda column, _: _finite(_numbers(column)),
    WRITTEN: lambda column, mark: _finite(_written(column, mark)),
    SECONDS: lambda column, _: _seconds(column),
    TIME: _times,
    TRUTH: _truths,
    MIDDLE: lambda column, _: _middles(column),
    TEXT: lambda column, _: _texts(column),
}
"""How each conversion is done to a column, by its detail."""
