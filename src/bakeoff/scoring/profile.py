"""Profile of a model's training rows: the share of each column's values in each bin.

A scored table is compared with it in SQL (``src/sql/scored_drift.sql``), so bins have a form that SQL can use: a range
of numbers, or one value. Bin 0 holds missing values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

INPUT, PREDICTION = "input", "prediction"
_NUMBER, _TIME, _CATEGORY = "number", "time", "category"
MOST_COLUMNS = 200
_SAMPLE = 20_000
_PREDICTED = 5_000
_QUANTILES = 10
_CATEGORIES = 20
_FEW = 20
"""Greatest number of different numbers for which each has a bin of its own."""
_LENGTH = 200


def profile_of(
    rows: pd.DataFrame, pipeline: Any, *, classifies: bool, names: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Return the profile of a model's inputs and predictions, as rows of ``profiles`` without the run id.

    Args:
        rows: The training rows, without the target.
        pipeline: The fitted model, which predicts a sample of the rows.
        classifies: Whether predictions are classes.
        names: Columns to profile, and their names in the source; by default all, under their own names.
    """
    if names is None:
        names = {name: str(name) for name in rows.columns}
    sample = rows if len(rows) <= _SAMPLE else rows.sample(_SAMPLE, random_state=0)
    inputs = [row for name in list(names)[:MOST_COLUMNS] for row in _bins(names[name], sample[name], INPUT)]
    few = sample if len(sample) <= _PREDICTED else sample.head(_PREDICTED)
    predicted = pd.Series(np.asarray(pipeline.predict(few)))
    return inputs + list(_bins(PREDICTION, predicted.astype(object) if classifies else predicted, PREDICTION))


def bins_of(values: pd.Series[Any]) -> list[tuple[Any, ...]]:
    """Return kind, category, lower end (not included), upper end and share of each bin of a column.

    Times are seconds since 1970 by the clock that the model saw, which is that of the session's zone.

    Example:
        >>> bins_of(pd.Series(["a", "b", "a", None]))[:2]
        [('category', None, None, None, 0.25), ('category', 'a', None, None, 0.5)]
    """
    n_rows = max(len(values), 1)
    known = values.dropna()
    if pd.api.types.is_datetime64_any_dtype(values):
        plain = known.dt.tz_localize(None) if getattr(known.dt, "tz", None) is not None else known
        bins = _ranges(_TIME, plain.to_numpy().astype("datetime64[us]").astype(np.int64) / 1e6, n_rows)
    elif pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        numbers = known.astype(str) if values.dtype == np.float32 else known  # as SQL reads a FLOAT
        bins = _ranges(_NUMBER, numbers.to_numpy(dtype=float), n_rows)
    else:
        bins = _categories(known, n_rows)
    return [(bins[0][0], None, None, None, 1 - len(known) / n_rows), *bins]


def _bins(name: str, values: pd.Series[Any], role: str) -> Iterator[dict[str, Any]]:
    for number, (kind, category, lower, upper, share) in enumerate(bins_of(values)):
        yield {
            "column_name": name,
            "bin": number,
            "role": role,
            "kind": kind,
            "category": category,
            "lower": lower,
            "upper": upper,
            "share": float(share),
            "n_rows": len(values),
        }


def _ranges(kind: str, numbers: np.ndarray[Any, Any], n_rows: int) -> list[tuple[Any, ...]]:
    """Return bins of similar size, and one on each side for numbers outside the range of all values."""
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return [(kind, None, None, None, len(numbers) / n_rows)]
    inner = np.unique(finite)
    if len(inner) > _FEW:
        inner = np.unique(np.quantile(finite, np.linspace(0, 1, _QUANTILES + 1), method="nearest"))
    # The least value has a bin to itself, since many columns hold mostly zeros.
    edges = [np.nextafter(inner[0], -np.inf), *inner]
    positions = np.searchsorted(edges, numbers, side="left")
    counts = np.bincount(positions, minlength=len(edges) + 1)
    lowers = [None, *map(float, edges)]
    uppers = [*map(float, edges), None]
    return [
        (kind, None, lower, upper, count / n_rows) for lower, upper, count in zip(lowers, uppers, counts, strict=True)
    ]


def _categories(values: pd.Series[Any], n_rows: int) -> list[tuple[Any, ...]]:
    """Return a bin for each of the most frequent values, and one for all others."""
    texts = values.map(lambda value: str(value).lower() if isinstance(value, (bool, np.bool_)) else str(value))
    counts = texts.value_counts()
    counts = counts[counts.index.str.len() <= _LENGTH].head(_CATEGORIES) if len(counts) else counts
    named = [(_CATEGORY, str(value), None, None, count / n_rows) for value, count in counts.items()]
    return [*named, (_CATEGORY, None, None, None, (len(texts) - int(counts.sum())) / n_rows)]
