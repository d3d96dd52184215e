"""Infer the task from the column to predict, and check that it can be learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bakeoff.config import RunConfig
from bakeoff.errors import SourceError
from bakeoff.source.findings import FindingKind, Findings

FEW_VALUES = 20
"""Number of distinct whole numbers up to which a target is taken for classes."""
ROWS_PER_VALUE = 10
"""Number of rows that each of them needs on average, for the target to be taken for classes."""


def infer_task(target: pd.Series[Any]) -> tuple[str, str]:
    """Return the task that a target suggests, classification or regression, and a sentence that says why.

    Example:
        >>> infer_task(pd.Series(["no", "yes"], name="bought"))[0]
        'classification'
        >>> infer_task(pd.Series([0.5, 1.25, 8.0], name="price"))[0]
        'regression'
    """
    values = target.dropna()
    n_distinct = values.nunique()
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        task, content = "classification", "classes, not numbers"
    elif n_distinct == 2 and _is_whole(values):  # noqa: PLR2004
        task, content = "classification", "two distinct whole numbers"
    elif n_distinct <= min(FEW_VALUES, len(values) / ROWS_PER_VALUE) and _is_whole(values):
        task, content = "classification", f"only {n_distinct} distinct whole numbers"
    else:
        task, content = "regression", f"{n_distinct} distinct numbers"
    other = "regression" if task == "classification" and pd.api.types.is_numeric_dtype(values) else None
    other = "classification" if task == "regression" else other
    hint = f" (--task {other} to have it otherwise)" if other else ""
    return task, f"The task is {task}: the target {target.name!r} holds {content}{hint}."


def check_target(target: pd.Series[Any], config: RunConfig, findings: Findings) -> str:
    """Check that a target can be learned, and return the task.

    Args:
        target: column to predict.
        config: task, if it is given.
        findings: gets one about an inferred task.

    Raises:
        SourceError: The target cannot be learned; the sentence says why.
    """
    name = target.name
    values = target.dropna()
    if values.empty:
        raise SourceError(f"The target {name!r} is empty in every row: choose another --target.")
    if (values == values.iloc[0]).all():
        hint = " of the sample (raise --max-rows, or choose another --target)" if config.max_rows else ""
        raise SourceError(f"The target {name!r} is {values.iloc[0]!r} in every row{hint}: there is nothing to predict.")
    task = config.task
    if task is None:
        if pd.api.types.is_datetime64_any_dtype(values):
            raise SourceError(f"The target {name!r} is a date, which cannot be predicted: choose another --target.")
        task, reason = infer_task(target)
        findings.add(FindingKind.TASK, reason, columns=[str(name)])
    if task == "classification":
        _check_classes(values, config)
    elif not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        raise SourceError(
            f"The target {name!r} holds {type(values.iloc[0]).__name__} values such as {values.iloc[0]!r}, "
            f"and {task} predicts numbers: use --task classification, or choose another --target."
        )
    elif not np.isfinite(values.to_numpy(dtype=float)).all():
        raise SourceError(f"The target {name!r} holds infinite values: remove those rows from the source.")
    return task


def _check_classes(values: pd.Series[Any], config: RunConfig) -> None:
    """Raise a `SourceError` if a class has a single row, since rows are split so that both parts have every class."""
    counts = values.value_counts()
    singletons = counts[counts == 1].index
    if len(singletons) and config.setup.get("data_split_stratify", True) is True:
        classes = "a class" if len(singletons) == 1 else f"{len(singletons)} classes"
        numbers = "use --task regression, " if pd.api.types.is_numeric_dtype(values) else ""
        raise SourceError(
            f"The target {values.name!r} has {classes} with a single row (such as {singletons[0]!r}), and a class "
            f"needs at least 2: remove those rows, {numbers}or choose another --target."
        )


def _is_whole(values: pd.Series[Any]) -> bool:
    numbers = values.to_numpy(dtype=float)
    return bool(np.isfinite(numbers).all() and (numbers == np.round(numbers)).all())
