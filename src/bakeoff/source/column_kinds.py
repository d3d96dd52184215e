"""Decide what each column of a source becomes: something that models can use, or nothing."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import ipaddress
import numbers
import uuid
from pathlib import PurePath
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bakeoff._utils.raw_rows.conversions import MIDDLE, NUMBER, PLAIN, SAME, SECONDS, TEXT, TIME, WRITTEN, are_in_reach
from bakeoff._utils.raw_rows.gaps import is_gap_word
from bakeoff._utils.raw_rows.numpy_columns import numpy_column
from bakeoff._utils.raw_rows.written_numbers import unit_of, written_number

_FEW = 20
"""Number of distinct codes, such as 1, 2, 3, up to which text of digits alone stays text."""
_PROBE = 100
"""Values that tell most columns of words from those of numbers."""
_LONG_ID = 16
"""Digits from which on text is an id, which a float could not hold."""
_PHONE = 7
_SINGLE = (str, numbers.Number, decimal.Decimal, dt.date, dt.time, dt.timedelta, np.generic, enum.Enum, uuid.UUID,
           PurePath, ipaddress.IPv4Address, ipaddress.IPv6Address, pd.Period, pd.Interval)  # fmt: skip
"""Types of values that can be told by their text."""
_HOLDERS = (bytes, bytearray, memoryview, list, tuple, dict, set, frozenset, np.ndarray, pd.DataFrame, pd.Series)


class ColumnKind(NamedTuple):
    """The conversion of a column.

    Attributes:
        kind: the conversion, a word of `bakeoff._utils.raw_rows.conversions`; ``None`` if models cannot use the column.
        detail: the decimal mark of written numbers, the zone of times, or the truth that stands in for a gap.
        content: what it holds, in words, where that should be said.
        example: a value and what it becomes, in words, where that helps.
    """

    kind: str | None
    detail: Any = None
    content: str = ""
    example: str = ""


_DURATION = ColumnKind(SECONDS, None, "durations in seconds")
_OF_CONTENT = {
    **dict.fromkeys(("decimal", "integer", "floating", "mixed-integer-float"), ColumnKind(NUMBER)),
    "boolean": ColumnKind(TEXT),  # scikit-learn's imputers take no truth values with gaps beside text
    "date": ColumnKind(TIME),
    "period": ColumnKind(TIME, None, "periods as the time at which they begin"),
    "interval": ColumnKind(MIDDLE, None, "intervals as their middle"),
    "timedelta": _DURATION,
    "timedelta64": _DURATION,
    "time": ColumnKind(SECONDS, None, "times of day in seconds since midnight"),
    "bytes": ColumnKind(None, None, "bytes, arrays or maps"),
    "complex": ColumnKind(None, None, "complex numbers"),
}
"""What becomes of objects, by pandas' word for what they are."""


def kind_of(column: pd.Series[Any], *, as_number: bool = False) -> ColumnKind:
    """Return what becomes of a column.

    Args:
        column: its values as they were read.
        as_number: whether text that can be read as numbers is meant as such, however few values there are.

    Example:
        >>> kind_of(pd.Series(["1,234.5", "8"])).kind, kind_of(pd.Series(["01234", "90210"])).kind
        ('written number', 'same')
    """
    plain = numpy_column(column)
    kind = _kind_of_plain(plain, as_number=as_number)
    return kind._replace(kind=PLAIN) if kind.kind == SAME and plain is not column else kind


def _kind_of_plain(column: pd.Series[Any], *, as_number: bool) -> ColumnKind:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _kind_of_categories(column)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return _kind_of_zone(dtype.tz)
    if isinstance(dtype, pd.PeriodDtype | pd.IntervalDtype):
        return _OF_CONTENT["period" if isinstance(dtype, pd.PeriodDtype) else "interval"]
    if pd.api.types.is_object_dtype(dtype):
        return _kind_of_objects(column, as_number=as_number)
    if dtype.kind in {"f", "M"}:
        return _kind_within_limits(column)
    return {"m": _OF_CONTENT["timedelta"], "c": _OF_CONTENT["complex"]}.get(dtype.kind, ColumnKind(SAME))


def _kind_within_limits(column: pd.Series[Any]) -> ColumnKind:
    """Return what becomes of numbers or times, some of which models or pandas' nanoseconds may not be able to hold."""
    if column.dtype.kind == "M":
        return ColumnKind(SAME if are_in_reach(column).all() else TIME)
    return ColumnKind(NUMBER if np.isinf(column.to_numpy()).any() else SAME)


def _kind_of_categories(column: pd.Series[Any]) -> ColumnKind:
    """Return what becomes of categories: numbers and text stay categories, as PyCaret can use them."""
    values = pd.Series(column.cat.categories)
    if pd.api.types.is_bool_dtype(values):
        return ColumnKind(TEXT)
    kind = kind_of(values) if len(values) else ColumnKind(SAME)
    return ColumnKind(SAME) if kind.kind in {NUMBER, WRITTEN} else kind


def _kind_of_objects(column: pd.Series[Any], *, as_number: bool) -> ColumnKind:
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    if inferred == "string":
        return _kind_of_text(column, as_number=as_number)
    if inferred in _OF_CONTENT:
        return _OF_CONTENT[inferred]
    present = column[column.notna()]
    return _kind_of_times(present) if inferred in {"datetime", "datetime64"} else _kind_of_mixed(present)


def _kind_of_zone(zone: Any) -> ColumnKind:
    return ColumnKind(TIME, zone, "" if str(zone) == "UTC" else f"times on the clock of {zone}")


def _kind_of_times(present: pd.Series[Any]) -> ColumnKind:
    offsets = {value.tzinfo for value in present if getattr(value, "tzinfo", None) is not None}
    if not offsets:
        return ColumnKind(TIME)
    if len(offsets) == 1:
        return _kind_of_zone(next(iter(offsets)))
    return ColumnKind(TIME, "UTC", "times of several zones in UTC")


def _kind_of_mixed(present: pd.Series[Any]) -> ColumnKind:
    types = set(map(type, present))
    unusable = {cls for cls in types if not issubclass(cls, _SINGLE)}
    if unusable:
        known = all(issubclass(cls, _HOLDERS) for cls in unusable)
        return ColumnKind(
            None, None, "bytes, arrays or maps" if known else f"{min(cls.__name__ for cls in unusable)} objects"
        )
    if all(issubclass(cls, bool | np.bool_ | numbers.Real | decimal.Decimal) for cls in types):
        return ColumnKind(NUMBER, None, "numbers of several types")
    if all(issubclass(cls, dt.date) for cls in types):
        return _kind_of_times(present)
    if all(issubclass(cls, numbers.Real | str) for cls in types) and (mark := decimal_mark(present)) is not None:
        return ColumnKind(WRITTEN, mark, "numbers, some of them written as text")
    if len(types) == 1:
        return ColumnKind(TEXT, None, f"{next(iter(types)).__name__} values as text")
    return ColumnKind(TEXT, None, "values of several types as text")


def _kind_of_text(column: pd.Series[Any], *, as_number: bool) -> ColumnKind:
    if not _may_be_numbers(column.head(_PROBE).dropna()):
        return ColumnKind(SAME)
    texts = pd.Series(column.dropna().unique())
    if not _may_be_numbers(texts.head(_PROBE)):
        return ColumnKind(SAME)
    mark = decimal_mark(texts)
    if mark is None or not (as_number or not _are_codes(texts)):
        return ColumnKind(SAME)
    sample = max((text for text in texts if not is_gap_word(text)), key=len)
    example = f"{sample!r} is {written_number(sample, mark):.12g}"
    return ColumnKind(WRITTEN, mark, "numbers that are written as text", example)


def _may_be_numbers(values: pd.Series[Any]) -> bool:
    return all(
        is_gap_word(value) or any(not np.isnan(written_number(value, mark)) for mark in ".,") for value in values
    )


def decimal_mark(values: pd.Series[Any]) -> str | None:
    """Return the decimal mark by which all values of a column can be read as numbers; ``None`` if they are none.

    Ids are no numbers: digits that begin with 0, or are longer than a number can hold, or a phone's. Several
    currencies in one column are none either.

    Example:
        >>> decimal_mark(pd.Series(["1,234.5", "2"])), decimal_mark(pd.Series(["1.234,5", "-"]))
        ('.', ',')
        >>> decimal_mark(pd.Series(["01234", "5"])), decimal_mark(pd.Series(["1 $", "1 €"]))
        (None, None)
    """
    texts = [value.strip() for value in values if isinstance(value, str) and not is_gap_word(value)]
    if not texts or len({unit_of(text) for text in texts} - {""}) > 1 or any(map(_is_id, texts)):
        return None
    if len({"%" in text for text in texts}) > 1:
        return None
    for mark in (".", ","):
        if all(not np.isnan(written_number(text, mark)) for text in texts):
            return mark
    return None


def _is_id(text: str) -> bool:
    digits = text.removeprefix("+").removeprefix("-")
    if not digits.isdigit():
        return False
    is_phone = text.startswith("+") and len(digits) >= _PHONE
    return is_phone or len(digits) >= _LONG_ID or (len(digits) > 1 and digits.startswith("0"))


def _are_codes(texts: pd.Series[Any]) -> bool:
    """Whether texts of digits alone look like codes: there are few of them, or all have the same length."""
    plain = [text.strip() for text in texts if not is_gap_word(text)]
    if not all(map(str.isdigit, plain)):
        return False
    return len(plain) <= _FEW or len(set(map(len, plain))) == 1
