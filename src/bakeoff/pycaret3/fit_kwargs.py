"""The ``fit_kwargs`` of a comparison: which of them hold a value for each row, and how they are cut to a fold.

Plain PyCaret fails on them for classification and regression. Here they reach the estimator's ``fit``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

_STEP_PREFIX = "actual_estimator__"
"""Prefix for the model's step in PyCaret's pipelines."""


def read_fit_kwargs(experiment: Any, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the arguments under the estimator's names, with per-row values in the order of the training rows.

    A Series or DataFrame whose index holds the label of every training row is brought into their order; any other value
    of the same length as the training rows is assumed to be in their order already (that of ``get_config("X_train")``).

    Raises:
        ValueError: There are values for each row, and the preprocessing drops or adds rows.
    """
    if not given:
        return {}
    X, y = experiment._create_model_get_train_X_y(None, None)
    kwargs = {name.removeprefix(_STEP_PREFIX): _align(value, y.index) for name, value in given.items()}
    rows = per_row(kwargs, len(y))
    changing = [name for name, step in experiment.pipeline.steps if _changes_rows(step)] if X is not None else []
    if rows and changing:
        raise ValueError(
            f"fit_kwargs {', '.join(rows)} hold a value for each training row, and {', '.join(changing)} drops or adds "
            "rows: set the experiment up without it, or leave them out."
        )
    return kwargs


def per_row(kwargs: Mapping[str, Any], n_rows: int) -> list[str]:
    """Return the names of the arguments that hold one value for each training row.

    Example:
        >>> per_row({"sample_weight": [1.0, 2.0, 1.0], "verbose": 0, "eval_metric": "auc"}, 3)
        ['sample_weight']
    """
    return [name for name, value in kwargs.items() if _length(value) == n_rows]


def select_rows(kwargs: Mapping[str, Any], positions: np.ndarray[Any, Any], n_rows: int) -> dict[str, Any]:
    """Return the arguments for some of the training rows: per-row values at these positions, the rest unchanged.

    Example:
        >>> select_rows({"sample_weight": [1.0, 2.0, 3.0], "verbose": 0}, np.array([0, 2]), 3)
        {'sample_weight': [1.0, 3.0], 'verbose': 0}
    """
    per_row_names = per_row(kwargs, n_rows)
    return {name: _take(value, positions) if name in per_row_names else value for name, value in kwargs.items()}


def _align(value: Any, index: pd.Index[Any]) -> Any:
    if isinstance(value, pd.Series | pd.DataFrame) and value.index.is_unique and index.isin(value.index).all():
        return value.loc[index]
    return value


def _take(value: Any, positions: np.ndarray[Any, Any]) -> Any:
    if isinstance(value, pd.Series | pd.DataFrame):
        return value.iloc[positions]
    return value[positions] if isinstance(value, np.ndarray) else [value[n] for n in positions]


def _length(value: Any) -> int | None:
    if isinstance(value, str | bytes | Mapping) or not hasattr(value, "__len__"):
        return None
    return len(value)


def _changes_rows(step: Any) -> bool:
    """Return whether a step may drop or add rows: samplers, and PyCaret's steps for outliers and missing values."""
    inner = getattr(step, "transformer", step)
    return hasattr(inner, "fit_resample") or type(inner).__name__ in ("RemoveOutliers", "DropImputer")
