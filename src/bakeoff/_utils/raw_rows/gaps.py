"""Values that stand for gaps, as words or as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bakeoff._utils.raw_rows.written_numbers import float_or_gap

GAP_WORDS = frozenset(
    {"", "-", "--", "---", "?", "??", ".", "..", "...", "*", "n/a", "na", "n.a.", "n.a", "nan", "none", "null", "nil"}
    | {"missing", "unknown", "not available", "k.a.", "k. a.", "\u2013", "\u2014", "#n/a", "#na", "#ref!", "#div/0!"}
    | {"#value!", "#num!", "#name?", "#null!", "<na>", "(null)", "(none)", "\\n", "nd", "n.d."}
)
"""Words that stand for a gap among numbers that are written as text, in lower case."""


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
    numbers = [number for number in map(float_or_gap, gaps) if not np.isnan(number)]
    if pd.api.types.is_numeric_dtype(column):
        return column.isin(numbers)
    if column.dtype == object or isinstance(column.dtype, (pd.StringDtype, pd.CategoricalDtype, pd.ArrowDtype)):
        plain = column.astype(object)
        return plain.map(lambda value: isinstance(value, str) and value.strip() in gaps).astype(bool) | plain.isin(
            numbers
        )
    return nowhere


def is_gap_word(value: Any) -> bool:
    """Whether a value is a word that stands for a gap."""
    return isinstance(value, str) and value.strip().lower() in GAP_WORDS
