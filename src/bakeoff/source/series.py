"""Check what stands beside the times of a series: columns that forecasters take, gaps, and the number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bakeoff._utils.text import first_of
from bakeoff.config import RunConfig
from bakeoff.errors import ConfigError, SourceError
from bakeoff.source.findings import FindingKind, Findings
from bakeoff.source.time_index import IMPUTE_TARGET

IMPUTE_BESIDE = "numeric_imputation_exogenous"
"""Argument of PyCaret's ``setup()`` that fills gaps of the columns beside the target."""
DEFAULT_FOLDS = 3
"""Number of folds of a time series where none is given: PyCaret's."""
LEAST_WINDOW = 2
"""Number of rows that the first fold has to learn from, at least."""
_TRUTHS = {"True": 1.0, "False": 0.0}
_MOST_NAMED = 5


def usable_beside(frame: pd.DataFrame, config: RunConfig, findings: Findings) -> pd.DataFrame:
    """Return a series with the columns that forecasters take, which are numbers; truths become 0 and 1.

    Args:
        frame: the series; not changed.
        config: target, and ``ignore_features`` of ``setup``, which may be anything.
        findings: gets one about columns that were left out, and one about columns that were converted.
    """
    beside = _beside(frame, config)
    truths = [name for name in beside if _holds_truths(frame[name])]
    other = [name for name in beside if name not in truths and not pd.api.types.is_numeric_dtype(frame[name])]
    if other:
        sentence = (
            f"Left out {_listed(other)}: forecasters take numbers beside a series, and no texts, categories or dates, "
            "so give a column of 0 and 1 for each value that matters."
        )
        findings.add(FindingKind.LEFT_OUT, sentence, columns=other)
    if truths:
        sentence = f"Took {_listed(truths)} as 1 for true and 0 for false."
        findings.add(FindingKind.CONVERTED, sentence, columns=truths)
    converted = {
        name: frame[name].map(lambda value: _TRUTHS.get(value, value), na_action="ignore").astype(float)
        for name in truths
    }
    return frame.assign(**converted).drop(columns=other) if other or truths else frame


def check_series(frame: pd.DataFrame, config: RunConfig) -> None:
    """Refuse a series for which every forecaster would fail.

    Args:
        frame: the series, indexed by time.
        config: target, folds, horizon and ``setup``.

    Raises:
        SourceError: A column has infinite values or gaps that nothing fills.
        ConfigError: There are too few rows for so many folds of such a horizon, or for the seasonal period.
    """
    beside = _beside(frame, config)
    endless = [name for name in beside if np.isinf(frame[name].to_numpy(dtype=float, na_value=np.nan)).any()]
    if endless:
        raise SourceError(
            f"{_listed(endless)} of {config.source} holds infinite values, which no forecaster takes: correct them, or "
            "leave the column out."
        )
    _check_gaps(frame, [config.target], IMPUTE_TARGET, config)
    _check_gaps(frame, beside, IMPUTE_BESIDE, config)
    _check_length(len(frame), config)


def _beside(frame: pd.DataFrame, config: RunConfig) -> list[str]:
    """Return the columns besides the target that are not ignored."""
    ignored = config.setup.get("ignore_features")
    ignored = ignored if isinstance(ignored, list | tuple) else []
    return [str(name) for name in frame.columns if name not in {config.target, config.time_col, *ignored}]


def _holds_truths(column: pd.Series[Any]) -> bool:
    """Whether a column holds truth values, which are texts where some of them are missing."""
    if pd.api.types.is_bool_dtype(column):
        return True
    return column.dtype == object and set(column.dropna().unique()) <= {True, False, *_TRUTHS}


def _check_gaps(frame: pd.DataFrame, columns: Sequence[str], imputation: str, config: RunConfig) -> None:
    with_gaps = [name for name in columns if frame[name].isna().any()]
    if not with_gaps or config.setup.get(imputation) is not None:
        return
    first = frame.index[frame[with_gaps[0]].isna()][0]
    n_gaps = int(frame[with_gaps].isna().to_numpy().sum())
    raise SourceError(
        f"{_listed(with_gaps)} of {config.source} has no value at {n_gaps} of {len(frame)} times (the first: {first}), "
        f'and forecasters take no gaps: fill them in, or have it done by --setup \'{{"{imputation}": "ffill"}}\'.'
    )


def _check_length(n_rows: int, config: RunConfig) -> None:
    """Refuse a series that leaves too few rows to learn from, by PyCaret's own arithmetic."""
    if not isinstance(config.setup.get("fold_strategy", "expanding"), str):
        return  # a splitter of the user's own
    folds, steps = config.fold or DEFAULT_FOLDS, _steps(config.fh)
    needed = _rows_needed(folds, steps)
    if n_rows >= needed:
        return
    fewer_folds = next((n for n in range(folds - 1, 1, -1) if n_rows >= _rows_needed(n, steps)), None)
    nearer = next((n for n in range(len(steps) - 1, 0, -1) if n_rows >= _rows_needed(folds, range(1, n + 1))), None)
    ways = " or ".join([f"--fold {fewer_folds}"] * bool(fewer_folds) + [f"--fh {nearer}"] * bool(nearer))
    raise ConfigError(
        f"The series has {n_rows} rows, and {folds} folds of {len(steps)} {'step' if len(steps) == 1 else 'steps'} up "
        f"to {max(steps)} ahead need {needed}, with those that are kept for the end: "
        f"{f'use {ways}' if ways else 'give more rows than --fold and --fh ask for'}."
    )


def _rows_needed(folds: int, steps: Sequence[int]) -> int:
    """Return the rows that the folds need: a test part, the folds, and what the first of them learns from."""
    return 2 * max(steps) + (folds - 1) * len(steps) + LEAST_WINDOW


def _steps(horizon: int | tuple[int, ...] | None) -> Sequence[int]:
    return horizon if isinstance(horizon, tuple) else range(1, (horizon or 1) + 1)


def _listed(names: Sequence[str]) -> str:
    return first_of(map(repr, names), _MOST_NAMED)
