"""Infer the task from the column to predict, and check that it can be learned."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from bakeoff.config import RunConfig
from bakeoff.errors import SourceError
from bakeoff.source.findings import FindingKind, Findings

MOST_FREQUENT = 0.9
"""Share of rows above which one class makes the accuracy of any model look good."""
_MOST_WHOLE = 2**53
"""Numbers below this one are whole numbers exactly, as floats too."""
_LOOKS_LIKE_NUMBER = re.compile(r"[^\d\w]*[+-]?\d[\d\s.,'\u2019\u00a0\u202f]*(?:[^\d\w]+|\s*[A-Za-z]{3})?")
_MOSTLY = 0.9
"""Share of a target's values that look like numbers, from which on it is taken for numbers that are written as text."""
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
    is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    other = "regression" if task == "classification" and is_number else None
    other = "classification" if task == "regression" else other
    hint = f" (--task {other} to have it otherwise)" if other else ""
    return task, f"The task is {task}: the target {target.name!r} holds {content}{hint}."


def plain_target(target: pd.Series[Any], *, had_gaps: bool) -> pd.Series[Any]:
    """Return a target as it would be without gaps and without a list of its categories.

    Args:
        target: column to predict, without the rows that have no value.
        had_gaps: whether there were such rows, which turn whole numbers into fractions, and booleans into objects.
    """
    if isinstance(target.dtype, pd.CategoricalDtype):
        target = target.astype(target.cat.categories.dtype)
    if target.dtype == object and len(target) and target.map(lambda value: isinstance(value, bool | np.bool_)).all():
        return target.astype(bool)
    if had_gaps and target.dtype.kind == "f" and len(target) and _is_whole(target) and target.abs().max() < _MOST_WHOLE:
        return target.astype("int64")
    return target


def named_classes(target: pd.Series[Any], findings: Findings) -> tuple[pd.Series[Any], dict[str, Any]]:
    """Return a target with names for its classes, and their values by name, where scikit-learn refuses the values.

    It takes fractions for measurements. Other targets are returned as they are, without names.

    Args:
        target: column to predict, whose values are classes.
        findings: gets one if there are names.
    """
    if target.dtype.kind != "f" or _is_whole(target):
        return target, {}
    values = sorted(target.dropna().unique())
    sentence = (
        f"The classes of the target {target.name!r} are fractions such as {values[0]!s}: "
        "they are compared as names, and the model answers the numbers."
    )
    findings.add(FindingKind.CONVERTED, sentence, columns=[str(target.name)])
    return target.map({value: str(value) for value in values}), {str(value): value for value in values}


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
    if task in {None, "regression"}:
        _check_written_numbers(values, config)
    if pd.api.types.is_datetime64_any_dtype(values):
        raise SourceError(f"The target {name!r} is a date, which cannot be predicted: choose another --target.")
    if task is None:
        task, reason = infer_task(target)
        findings.add(FindingKind.TASK, reason, columns=[str(name)])
    if task == "classification":
        _check_classes(values, config)
        _report_classes(values, config, findings)
    elif not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        raise SourceError(
            f"The target {name!r} holds {type(values.iloc[0]).__name__} values such as {values.iloc[0]!r}, "
            f"and {task} predicts numbers: use --task classification, or choose another --target."
        )
    if pd.api.types.is_float_dtype(values) and not np.isfinite(values.to_numpy(dtype=float)).all():
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


def _check_written_numbers(values: pd.Series[Any], config: RunConfig) -> None:
    """Raise a `SourceError` if a target holds many numbers that are written as text, such as ``1,234``."""
    if values.dtype != object:
        return
    distinct = [value for value in values.unique() if isinstance(value, str)]
    looks = [value for value in distinct if _LOOKS_LIKE_NUMBER.fullmatch(value)]
    if len(distinct) > FEW_VALUES and len(looks) >= _MOSTLY * len(distinct):
        raise SourceError(
            f"The target {values.name!r} holds numbers that are written as text, such as {looks[0]!r}: make "
            f"them numbers in {config.source}, or use --task classification to take each of its {len(distinct)} values "
            "for a class."
        )


def _report_classes(values: pd.Series[Any], config: RunConfig, findings: Findings) -> None:
    """Add a finding on classes that are probably the same one, and one on a class that hides all others."""
    counts = values.value_counts()
    name, columns = values.name, [str(values.name)]
    if values.dtype == object:
        alike: dict[str, list[str]] = {}
        for value in counts.index:
            alike.setdefault(" ".join(str(value).split()).casefold(), []).append(value)
        same = [group for group in alike.values() if len(group) > 1]
        if same:
            listed = "; ".join(" and ".join(map(repr, sorted(map(str, group)))) for group in same[:3])
            sentence = f"The target {name!r} has classes that differ in blanks or capitals only: {listed}."
            findings.add(FindingKind.SUSPICIOUS, sentence, columns=columns, n_affected=len(same))
    share = float(counts.iloc[0]) / len(values)
    if share > MOST_FREQUENT and (config.sort or "accuracy").casefold() == "accuracy":
        sentence = (
            f"{share:.1%} of the rows are of the class {counts.index[0]!r} of {name!r}, and a model that always "
            "answers it has that Accuracy: MCC shows what the others have learned (--sort MCC)."
        )
        findings.add(FindingKind.SUSPICIOUS, sentence, columns=columns, n_affected=int(counts.iloc[0]))


def _is_whole(values: pd.Series[Any]) -> bool:
    numbers = values.to_numpy(dtype=float)
    return bool(np.isfinite(numbers).all() and (numbers == np.round(numbers)).all())
