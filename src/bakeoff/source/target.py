"""The column to predict: which task it suggests, and whether it can be learned at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bakeoff.config import RunConfig
from bakeoff.errors import UserError

FEW_VALUES = 20
"""A target of whole numbers is taken for classes when it has at most so many, each of them often enough."""
ROWS_PER_VALUE = 10


def infer_task(target: pd.Series[Any]) -> tuple[str, str]:
    """Classification or regression, and a sentence that says why.

    Example:
        >>> infer_task(pd.Series(["no", "yes"], name="bought"))[0]
        'classification'
        >>> infer_task(pd.Series([0.5, 1.25, 8.0], name="price"))[0]
        'regression'
    """
    values = target.dropna()
    n_distinct = values.nunique()
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        task, what = "classification", "classes, not numbers"
    elif n_distinct == 2 and _whole(values):  # noqa: PLR2004
        task, what = "classification", "two distinct whole numbers"
    elif n_distinct <= min(FEW_VALUES, len(values) / ROWS_PER_VALUE) and _whole(values):
        task, what = "classification", f"only {n_distinct} distinct whole numbers"
    else:
        task, what = "regression", f"{n_distinct} distinct numbers"
    other = "regression" if task == "classification" and pd.api.types.is_numeric_dtype(values) else None
    other = "classification" if task == "regression" else other
    hint = f" (--task {other} to have it otherwise)" if other else ""
    return task, f"The task is {task}: the target {target.name!r} holds {what}{hint}."


def check_target(target: pd.Series[Any], config: RunConfig, notes: list[str]) -> str:
    """The task, once it is sure that the target can be learned.

    Raises:
        UserError: it cannot; the sentence says why.
    """
    name = target.name
    values = target.dropna()
    if values.empty:
        raise UserError(f"The target {name!r} is empty in every row: choose another --target.")
    if (values == values.iloc[0]).all():
        where = " of the sample (raise --max-rows, or choose another --target)" if config.max_rows else ""
        raise UserError(f"The target {name!r} is {values.iloc[0]!r} in every row{where}: there is nothing to predict.")
    task = config.task
    if task is None:
        if pd.api.types.is_datetime64_any_dtype(values):
            raise UserError(f"The target {name!r} is a date, which cannot be predicted: choose another --target.")
        task, why = infer_task(target)
        notes.append(why)
    if task == "classification":
        _check_classes(values, config)
    elif not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        raise UserError(
            f"The target {name!r} holds {type(values.iloc[0]).__name__} values such as {values.iloc[0]!r}, "
            f"and {task} predicts numbers: use --task classification, or choose another --target."
        )
    elif not np.isfinite(values.to_numpy(dtype=float)).all():
        raise UserError(f"The target {name!r} holds infinite values: remove those rows from the source.")
    return task


def _check_classes(values: pd.Series[Any], config: RunConfig) -> None:
    """Rows are split so that each part has every class: a class needs a row for both."""
    counts = values.value_counts()
    single = counts[counts == 1].index
    if len(single) and config.setup.get("data_split_stratify", True) is True:
        some = "a class" if len(single) == 1 else f"{len(single)} classes"
        numbers = "use --task regression, " if pd.api.types.is_numeric_dtype(values) else ""
        raise UserError(
            f"The target {values.name!r} has {some} with a single row (such as {single[0]!r}), and a class needs at "
            f"least 2: remove those rows, {numbers}or choose another --target."
        )


def _whole(values: pd.Series[Any]) -> bool:
    numbers = values.to_numpy(dtype=float)
    return bool(np.isfinite(numbers).all() and (numbers == np.round(numbers)).all())
