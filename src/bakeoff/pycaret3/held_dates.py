"""Parts of dates that are the same columns on every fold. Workers load this, so it imports little of PyCaret."""

from __future__ import annotations

from typing import Any

from pycaret.internal.preprocess.transformers import ExtractDateTimeFeatures, TransformerWrapper
from sklearn.base import clone

from bakeoff._utils.dates import date_format
from bakeoff.pycaret3.pipeline_steps import MOST_MISSING, DateParts


def holding_steps(experiment: Any) -> list[tuple[str, Any]]:
    """Return unfitted copies of an experiment's preprocessing steps, which make the same columns on every fold.

    The experiment may be the user's own, made by PyCaret's classes; it is not changed.
    """
    steps = [(name, clone(step, safe=False)) for name, step in experiment.pipeline.steps]  # PyCaret has an empty one
    hold_dates(steps, experiment.X_train, fill=False)
    return steps


def hold_dates(steps: list[tuple[str, Any]], rows: Any, *, fill: bool) -> None:
    """Replace PyCaret's extraction of dates by one whose columns are decided by these rows alone.

    The share of gaps among these rows lies between those of a fold's two sides, so where PyCaret makes the same columns
    on both of them, these are the ones.
    """
    for at, (name, step) in enumerate(steps):
        if isinstance(getattr(step, "transformer", None), ExtractDateTimeFeatures):
            kept = [column for column in step.include if rows[column].isna().mean() <= MOST_MISSING]
            texts = [column for column in kept if rows[column].dtype.kind != "M"]
            formats = {column: written for column in texts if (written := date_format(rows[column]))}
            parts = DateParts(list(step.transformer.features), kept, fill=fill, formats=formats or None)
            steps[at] = (name, TransformerWrapper(parts, step.include))
