"""The table that was learned from, column by column, and its target."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bakeoff._utils.text import one_line

MOST_COLUMNS = 200
MOST_CLASSES = 30
_BINS = 20
_WORDS = 60
_FEW = 3


def columns_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Type, gaps and values of each column, of the first `MOST_COLUMNS` where there are more.

    Example:
        >>> columns_of(pd.DataFrame({"size": [1.5, None, 3.0]}))
        [{'name': 'size', 'type': 'number', 'missing': 1, 'distinct': 2, 'values': '1.5 to 3, median 2.25'}]
    """
    return [_column(str(name), frame[name]) for name in frame.columns[:MOST_COLUMNS]]


def target_of(values: pd.Series[Any], task: str) -> dict[str, Any]:
    """The classes of a target with their counts, the largest first, or a histogram of a target of numbers.

    Example:
        >>> target_of(pd.Series(["yes", "no", "yes"]), "classification")
        {'labels': ['yes', 'no'], 'counts': [2, 1], 'n_classes': 2}
    """
    if task == "classification":
        counts = values.value_counts(dropna=False)
        shown = counts.head(MOST_CLASSES)
        labels = [one_line(label)[:_WORDS] for label in shown.index]
        return {"labels": labels, "counts": [int(count) for count in shown], "n_classes": len(counts)}
    numbers = values.astype(float).to_numpy()
    counted, edges = np.histogram(numbers[np.isfinite(numbers)], bins=_BINS)
    return {"edges": [float(edge) for edge in edges], "counts": [int(count) for count in counted]}


def _column(name: str, values: pd.Series[Any]) -> dict[str, Any]:
    there = values.dropna()
    # Lists and the like cannot be counted as they are.
    plain = there if pd.api.types.is_hashable(there.iloc[0] if len(there) else None) else there.astype(str)
    kind, said = _kind(plain)
    return {
        "name": one_line(name)[:_WORDS],
        "type": kind,
        "missing": int(values.isna().sum()),
        "distinct": int(plain.nunique()),
        "values": said,
    }


def _kind(there: pd.Series[Any]) -> tuple[str, str]:
    if pd.api.types.is_bool_dtype(there):
        return "yes or no", _most_frequent(there)
    if pd.api.types.is_numeric_dtype(there):
        kind = "whole number" if pd.api.types.is_integer_dtype(there) else "number"
        if there.empty:
            return kind, ""
        return kind, f"{there.min():.4g} to {there.max():.4g}, median {there.median():.4g}"
    if pd.api.types.is_datetime64_any_dtype(there):
        return "time", f"{there.min()} to {there.max()}" if len(there) else ""
    return "text", _most_frequent(there)


def _most_frequent(there: pd.Series[Any]) -> str:
    counts = there.value_counts().head(_FEW)
    said = ", ".join(f"{one_line(value)[:24]} ({count:,})" for value, count in counts.items())
    return said if there.nunique() <= _FEW else f"{said}, ..."
