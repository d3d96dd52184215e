"""Rows as a source has them, turned into rows that a pipeline can be fitted on, in training and when it predicts.

The transformer stands in front of a logged model, which is loaded where Bakeoff is not installed. So it is pickled by
value, with everything in this module, which imports pandas and numpy alone.
"""

from __future__ import annotations

import datetime as dt
import enum
import re
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

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

CONVERSIONS = "bakeoff.conversions"
"""Entry of a logged model's metadata: what the model makes of the raw values of its columns, by name."""
WORDS = "bakeoff.words"
"""Entry of a logged model's metadata: by column, words that are values and that pandas takes for gaps."""
GAP_WORDS = frozenset(
    {"", "-", "--", "---", "?", "??", ".", "..", "...", "*", "n/a", "na", "n.a.", "n.a", "nan", "none", "null", "nil"}
    | {"missing", "unknown", "not available", "k.a.", "k. a.", "\u2013", "\u2014", "#n/a", "#na", "#ref!", "#div/0!"}
    | {"#value!", "#num!", "#name?", "#null!", "<na>", "(null)", "(none)", "\\n", "nd", "n.d."}
)
"""Words that stand for a gap among numbers that are written as text, in lower case."""
CURRENCIES = "$€£¥₹₽₩₺₴₫₱₪฿"
_CODES = "EUR|USD|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|AUD|CAD|BRL"
_UNITS = re.compile(rf"[{CURRENCIES}]|(?<![A-Za-z])(?:{_CODES})(?![A-Za-z])|%")
_BETWEEN_THOUSANDS = "\\s\u00a0\u202f\u2009'\u2019"
_BLANKS = re.compile(f"[{_BETWEEN_THOUSANDS}]")
_GROUPED = {
    mark: re.compile(
        rf"[+-]?(?:\d{{1,3}}(?:[{re.escape(group)}{_BETWEEN_THOUSANDS}]\d{{3}})+|\d+)?"
        rf"(?:{re.escape(mark)}\d*)?(?:[eE][+-]\d+)?"
    )
    for mark, group in ((".", ","), (",", "."))
}
"""Pattern of a number with each decimal mark, its thousands set apart by the other mark, a blank or an apostrophe."""


_KEPT = (np.dtype, pd.DatetimeTZDtype, pd.PeriodDtype, pd.IntervalDtype)
"""Types of columns that are no other storage of what numpy can hold, too."""


class RawColumn(NamedTuple):
    """A column of the source, and what becomes of it.

    Attributes:
        name: its name in the source.
        inner: its name in the rows that the pipeline is fitted on.
        kind: the conversion, one of the words above.
        detail: the decimal mark of written numbers, the zone of times, or the truth that stands in for a gap.
        gaps: raw values, words and numbers as text, that count as missing.
        words: words that are values and that pandas takes for gaps; for those who read files for the model.
    """

    name: Any
    inner: str
    kind: str = SAME
    detail: Any = None
    gaps: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


class RawRows:
    """Transformer from rows of the source to rows that a pipeline can be fitted on, as scikit-learn calls it.

    It takes what it gives, too: values that are converted already stay what they are.

    Args:
        columns: the columns, in their order; others in the rows are ignored.
    """

    def __init__(self, columns: tuple[RawColumn, ...] = ()) -> None:
        self.columns = columns

    def fit(self, X: Any = None, y: Any = None) -> RawRows:  # noqa: ARG002, N803 - scikit-learn's names
        """Do nothing: the conversions are known from the table."""
        return self

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002, FBT001, FBT002 - scikit-learn's names
        """Return the arguments that it was made with."""
        return {"columns": self.columns}

    def set_params(self, **params: Any) -> RawRows:
        """Set the arguments."""
        self.columns = params.get("columns", self.columns)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Whether it can transform, which is always so."""
        return True

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:  # noqa: N803 - scikit-learn's name
        """Convert rows; text that cannot be read as a number or time counts as missing, with a warning.

        Raises:
            ValueError: columns are missing; all of them are named.
        """
        known = {str(name).strip(): name for name in X.columns}
        found = {}
        for column in self.columns:
            spellings = (column.name, column.inner, known.get(str(column.name).strip()))
            found[column] = next((name for name in spellings if name is not None and name in X.columns), None)
        if missing := [str(column.name) for column, name in found.items() if name is None]:
            raise ValueError(f"The rows lack {', '.join(map(repr, missing))} that the model takes.")
        converted = {}
        for column, name in found.items():
            raw = without_gaps(X[name], column.gaps)
            converted[column.inner] = values = converted_column(raw, column.kind, column.detail)
            if unread := _unread(raw, values, column):
                message = f"{len(unread)} values of {column.name!r}, such as {unread[0]!r}, count as missing."
                warnings.warn(message, stacklevel=2)
        return pd.DataFrame(converted, index=X.index)


def without_gaps(column: pd.Series[Any], gaps: tuple[str, ...]) -> pd.Series[Any]:
    """Return a column with missing values in the place of those that stand for gaps.

    Example:
        >>> without_gaps(pd.Series([3, -999]), ("-999", "k.A.")).tolist()
        [3.0, nan]
        >>> without_gaps(pd.Series(["x", "k.A."]), ("-999", "k.A.")).tolist()
        ['x', nan]
    """
    found = is_gap(column, gaps)
    return column.mask(found) if found.any() else column


def is_gap(column: pd.Series[Any], gaps: tuple[str, ...]) -> pd.Series[Any]:
    """Return which values of a column are among those that stand for gaps, as words or as numbers."""
    nowhere = pd.Series(data=False, index=column.index)
    if not gaps or pd.api.types.is_bool_dtype(column):
        return nowhere
    numbers = [number for number in map(_number, gaps) if not np.isnan(number)]
    if pd.api.types.is_numeric_dtype(column):
        return column.isin(numbers)
    if column.dtype == object or isinstance(column.dtype, (pd.StringDtype, pd.CategoricalDtype, pd.ArrowDtype)):
        plain = column.astype(object)
        return plain.map(lambda value: isinstance(value, str) and value.strip() in gaps).astype(bool) | plain.isin(
            numbers
        )
    return nowhere


def converted_column(column: pd.Series[Any], kind: str, detail: Any = None) -> Any:
    """Convert a column; a value that cannot be converted becomes a missing one.

    Example:
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


def numpy_column(column: Any) -> Any:
    """Return a column of one of pandas' extension types as `pandas.read_csv` would hold it; others unchanged.

    Example:
        >>> numpy_column(pd.Series([1, None], dtype="Int64")).tolist()
        [1.0, nan]
        >>> numpy_column(pd.Series([True, None], dtype="boolean")).tolist()
        [True, nan]
    """
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        categories = column.cat.categories
        if isinstance(categories.dtype, _KEPT):
            return column
        return column.cat.rename_categories(numpy_column(pd.Series(categories)).to_numpy())
    if isinstance(dtype, _KEPT):
        return column
    if isinstance(dtype, pd.SparseDtype):
        return numpy_column(pd.Series(np.asarray(column), column.index, name=column.name))
    if isinstance(dtype, pd.ArrowDtype):
        values: Any = column.array
        plain = values.__arrow_array__().to_pandas()
        return numpy_column(plain.set_axis(column.index).rename(column.name))
    return _without_mask(column)


def _without_mask(column: Any) -> Any:
    """Return a column of nullable values, or of pandas' strings, with NaN for its gaps."""
    gaps, dtype = column.isna(), column.dtype
    if not isinstance(dtype, pd.StringDtype) and hasattr(dtype, "numpy_dtype"):
        if not gaps.any():
            return column.astype(dtype.numpy_dtype)
        if not pd.api.types.is_bool_dtype(dtype):
            return pd.Series(column.to_numpy(dtype=float, na_value=np.nan), column.index, name=column.name)
    return column.astype(object).where(~gaps, np.nan)


def written_numbers(column: pd.Series[Any], mark: str) -> pd.Series[Any]:
    """Return the numbers that are written in a column of text, or are in it as numbers; others are missing.

    Args:
        column: the text.
        mark: the decimal mark, a point or a comma.
    """
    numbers = {value: written_number(value, mark) for value in column.dropna().unique()}
    return column.map(numbers).astype(float)


def written_number(value: Any, mark: str) -> float:
    """Return the number that is written in a text, which may have a unit; NaN if it is none.

    Example:
        >>> written_number("1.234,5 €", ","), written_number("-$1'000", "."), written_number("12a", ".")
        (1234.5, -1000.0, nan)
    """
    if not isinstance(value, str):
        return float(value) if isinstance(value, (int, float, np.number)) else np.nan
    text = _UNITS.sub("", value.replace("\u2212", "-")).strip()
    if text.startswith("(") and text.endswith(")"):
        text = f"-{text[1:-1].strip()}"
    text = re.sub(r"^([+-])\s+", r"\1", text)
    if not any(map(str.isdigit, text)) or not _GROUPED[mark].fullmatch(text):
        return np.nan
    group = "," if mark == "." else "."
    return float(_BLANKS.sub("", text).replace(group, "").replace(mark, "."))


def unit_of(text: str) -> str:
    """Return the currency or per cent sign of a written number; empty if it has none."""
    found = _UNITS.search(text)
    return found.group() if found else ""


def _is_number(column: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _numbers(column: pd.Series[Any]) -> pd.Series[Any]:
    return column if _is_number(column) else column.map(_number).astype(float)


def _written(column: pd.Series[Any], mark: str) -> pd.Series[Any]:
    return column if _is_number(column) else written_numbers(column, mark)


def _number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return np.nan


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
        return column
    if isinstance(column.dtype, pd.PeriodDtype):
        return column.dt.to_timestamp()
    plain = column.astype(object).map(lambda value: _time(value, zone), na_action="ignore")
    is_text = plain.map(lambda value: isinstance(value, str)).any()
    return pd.to_datetime(plain, errors="coerce", format="ISO8601" if is_text else None)


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
        left, right = map(_number, ends.groups()) if ends else (np.nan, np.nan)
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


def _unread(raw: pd.Series[Any], values: pd.Series[Any], column: RawColumn) -> list[str]:
    """Return the texts that should be numbers or times and cannot be read as such."""
    if column.kind in {SAME, PLAIN, TEXT, TRUTH}:
        return []
    lost = raw[values.isna().to_numpy() & raw.notna().to_numpy()]
    return [value for value in lost if isinstance(value, str) and not is_gap_word(value)]


def is_gap_word(value: Any) -> bool:
    """Whether a value is a word that stands for a gap."""
    return isinstance(value, str) and value.strip().lower() in GAP_WORDS


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
