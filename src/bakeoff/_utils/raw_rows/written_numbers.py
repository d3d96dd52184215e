"""Numbers that are written as text, with units, decimal marks and thousands set apart."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

_CURRENCIES = "$€£¥₹₽₩₺₴₫₱₪฿"
_CODES = "EUR|USD|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|AUD|CAD|BRL"
_UNITS = re.compile(rf"[{_CURRENCIES}]|(?<![A-Za-z])(?:{_CODES})(?![A-Za-z])|%")
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


def float_or_gap(value: Any) -> Any:
    """Return a value as a float; NaN if it is no number."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return np.nan
