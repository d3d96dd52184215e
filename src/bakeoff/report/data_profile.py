"""Profile the table that a run learned from: its columns and its target."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bakeoff._utils.text import one_line
from bakeoff.report.diagnostics import ClassCounts, ColumnProfile, Histogram

MAX_COLUMNS = 200
"""Number of columns that are profiled."""
MAX_CLASSES = 30
"""Number of classes that are counted one by one."""
_BINS = 20
"""Number of bins of a histogram."""
_MAX_LENGTH = 60
"""Number of characters of a name."""
_N_FREQUENT = 3
"""Number of frequent values that are listed."""


def columns_of(frame: pd.DataFrame) -> list[ColumnProfile]:
    """Profile each column, or the first `MAX_COLUMNS`: its type, missing and distinct values, and a summary of them.

    Example:
        >>> columns_of(pd.DataFrame({"size": [1.5, None, 3.0]}))
        [ColumnProfile(name='size', type='number', missing=1, distinct=2, values='1.5 to 3, median 2.25')]
    """
    return [_profile_column(str(name), frame[name]) for name in frame.columns[:MAX_COLUMNS]]


def target_of(values: pd.Series[Any], task: str) -> ClassCounts | Histogram:
    """Profile a target: the sizes of its classes, the largest first, or a histogram of its numbers.

    Example:
        >>> target_of(pd.Series(["yes", "no", "yes"]), "classification")
        ClassCounts(labels=['yes', 'no'], counts=[2, 1], n_classes=2)
    """
    if task == "classification":
        counts = values.value_counts(dropna=False)
        shown = counts.head(MAX_CLASSES)
        labels = [one_line(label)[:_MAX_LENGTH] for label in shown.index]
        return ClassCounts(labels, [int(count) for count in shown], len(counts))
    numbers = values.astype(float).to_numpy()
    counted, edges = np.histogram(numbers[np.isfinite(numbers)], bins=_BINS)
    return Histogram([float(edge) for edge in edges], [int(count) for count in counted])


def _profile_column(name: str, values: pd.Series[Any]) -> ColumnProfile:
    present = values.dropna()
    # Values such as lists cannot be hashed, so their texts are counted.
    hashable = present if pd.api.types.is_hashable(present.iloc[0] if len(present) else None) else present.astype(str)
    kind, summary = _kind_and_summary(hashable)
    return ColumnProfile(
        name=one_line(name)[:_MAX_LENGTH],
        type=kind,
        missing=int(values.isna().sum()),
        distinct=int(hashable.nunique()),
        values=summary,
    )


def _kind_and_summary(present: pd.Series[Any]) -> tuple[str, str]:
    if pd.api.types.is_bool_dtype(present):
        return "yes or no", _most_frequent(present)
    if pd.api.types.is_numeric_dtype(present):
        kind = "whole number" if pd.api.types.is_integer_dtype(present) else "number"
        if present.empty:
            return kind, ""
        return kind, f"{present.min():.4g} to {present.max():.4g}, median {present.median():.4g}"
    if pd.api.types.is_datetime64_any_dtype(present):
        return "time", f"{present.min()} to {present.max()}" if len(present) else ""
    return "text", _most_frequent(present)


def _most_frequent(present: pd.Series[Any]) -> str:
    counts = present.value_counts().head(_N_FREQUENT)
    listed = ", ".join(f"{one_line(value)[:24]} ({count:,})" for value, count in counts.items())
    return listed if present.nunique() <= _N_FREQUENT else f"{listed}, ..."
