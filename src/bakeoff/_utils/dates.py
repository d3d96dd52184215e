"""Dates that are written as text."""

from __future__ import annotations

from typing import Any

import pandas as pd

_DAYS = ("%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d-%m-%Y", "%Y%m%d", "%d %b %Y", "%d %B %Y")
_TIMES = ("", " %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S", " %H:%M:%S.%f", "T%H:%M:%S.%f")


def date_format(column: pd.Series[Any]) -> str | None:
    """Return the format in which all values of a column are dates; ``None`` if there is none.

    Example:
        >>> date_format(pd.Series(["01/02/2024", None, "25/02/2024"]))
        '%d/%m/%Y'
        >>> date_format(pd.Series(["2024-02-01", "soon"]))
    """
    values = column.dropna().astype(object)
    if values.empty or not isinstance(values.iloc[0], str):
        return None
    for written in (day + time for day in _DAYS for time in _TIMES):
        # Most formats do not fit the first value, and need not be tried on all.
        if all(pd.to_datetime(some, format=written, errors="coerce").notna().all() for some in (values[:1], values)):
            return written
    return None
