"""Find numbers such as -999 that look like marks for gaps. They are not changed: only whoever made the table knows."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from bakeoff._utils.text import counted, first_of
from bakeoff.source.findings import FindingKind, Findings

_NINES = re.compile(r"-9{2,}|9{3,}")
_LEAST = 2
_LISTED = 5


def find_sentinels(frame: pd.DataFrame, findings: Findings) -> None:
    """Add a finding for each number of nines that lies farther from all other values than those from each other.

    Args:
        frame: the rows; not changed.
        findings: gets them, one for each number.
    """
    found: dict[str, dict[str, int]] = {}
    for name, column in frame.items():
        if isinstance(column, pd.Series) and _is_number(column):
            for value, n_cells in _sentinels(column):
                found.setdefault(value, {})[str(name)] = n_cells
    for value, columns in found.items():
        names, n_cells = list(columns), sum(columns.values())
        findings.add(
            FindingKind.SUSPICIOUS,
            f"{value} stands in {counted(n_cells, 'cell')} of {first_of(names, _LISTED)}, far from all others: if that "
            f"means a gap, say --na-values={value}.",
            columns=names,
            n_affected=n_cells,
        )


def _is_number(column: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not (
        pd.api.types.is_bool_dtype(column) or pd.api.types.is_complex_dtype(column)
    )


def _sentinels(column: pd.Series[Any]) -> list[tuple[str, int]]:
    """Return the sentinels among the least and the greatest values, and how often each occurs."""
    found = []
    for value in {column.min(), column.max()}:
        text = str(value).removesuffix(".0")
        if not _NINES.fullmatch(text):
            continue
        is_value = column == value
        others = column[~is_value & column.notna()]
        if is_value.sum() >= _LEAST and len(others):
            span = others.max() - others.min()
            distance = min(abs(value - others.min()), abs(value - others.max()))
            if distance > span:
                found.append((text, int(is_value.sum())))
    return sorted(found)
