"""Findings on dates, folds and classes once PyCaret has set a table up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bakeoff._utils.text import first_of
from bakeoff.errors import ConfigError
from bakeoff.pycaret3.folds import draw_splits, drawn_splits, find_unseen
from bakeoff.pycaret3.pipeline_steps import MOST_MISSING, DateParts
from bakeoff.pycaret3.request import Request
from bakeoff.source import SourceTable
from bakeoff.source.findings import Finding, FindingKind

_MOST_NAMED = 3


def with_findings(source: SourceTable, target: str, experiment: Any, request: Request) -> SourceTable:
    """Return the table with what was noticed about it while it was set up, and check that its folds can be compared on.

    Args:
        source: the table.
        target: the column to predict.
        experiment: the experiment after ``setup()``.
        request: what is to be compared.

    Raises:
        ConfigError: The folds cannot be drawn, or keep models from learning a class.
    """
    found = [*_about_dates(source, experiment), *_about_folds(source, target, experiment, request)]
    return replace(source, findings=(*source.findings, *found)) if found else source


def _about_dates(source: SourceTable, experiment: Any) -> Iterator[Finding]:
    """Say which columns of dates are not learned from, and what stands in for missing dates."""
    shown = {source.preparation.inside(str(name)): str(name) for name in source.frame.columns}
    for _, step in getattr(experiment.pipeline, "steps", ()):
        parts = getattr(step, "transformer", None)
        if not isinstance(parts, DateParts):
            continue
        n_missing = experiment.X_train[list(step.include)].isna().sum().rename(shown)
        dropped = [shown[name] for name in step.include if name not in parts.kept]
        if dropped:
            sentence = (
                f"Left out {_listed(dropped)}: more than {MOST_MISSING:.0%} of the dates are missing, "
                "and PyCaret makes no features of such columns."
            )
            yield Finding(FindingKind.LEFT_OUT, sentence, tuple(dropped), int(n_missing[dropped].sum()))
        filled = [shown[name] for name in parts.kept if n_missing[shown[name]]] if parts.fill else []
        if filled:
            n_cells = int(n_missing[filled].sum())
            sentence = (
                f"{n_cells} {'date is' if n_cells == 1 else 'dates are'} missing in {_listed(filled)}: "
                f"the middle {_words(parts.features)} of the other rows fill the gaps."
            )
            yield Finding(FindingKind.GAPS, sentence, tuple(filled), n_cells)


def _about_folds(source: SourceTable, target: str, experiment: Any, request: Request) -> Iterator[Finding]:
    """Say which rows are always trained on, and refuse folds in which models could not learn a class."""
    try:
        splits = draw_splits(experiment, request)
    except ValueError as error:
        raise ConfigError(_why_no_folds(source, request, str(error))) from error
    if request.task != "classification":
        return
    if left := find_unseen(experiment, request, splits):
        first = left[0]
        raise ConfigError(
            f"The class {first.label!r} of the target {target!r} is only among the test rows of "
            f"fold {first.fold + 1}, where no model can have learned it: leave its rows out, or set another "
            "'fold_strategy' in --setup."
        )
    _check_balancing(source, experiment, splits)
    moved = find_unseen(experiment, request, drawn_splits(experiment, request))
    if moved:
        labels = list(dict.fromkeys(unseen.label for unseen in moved))
        n_rows = sum(len(unseen.rows) for unseen in moved)
        sentence = (
            f"{n_rows} {'row' if n_rows == 1 else 'rows'} of the {'class' if len(labels) == 1 else 'classes'} "
            f"{_listed(labels)} of {target!r} {'is' if n_rows == 1 else 'are'} trained on "
            f"in every fold, as there are no others to learn from: no model is scored on "
            f"{'it' if n_rows == 1 else 'them'}."
        )
        yield Finding(FindingKind.SUSPICIOUS, sentence, (target,), n_rows)


def _check_balancing(source: SourceTable, experiment: Any, splits: Any) -> None:
    """Raise a `ConfigError` if a class has too few rows in a fold for the method that balances classes."""
    step = dict(experiment.pipeline.steps).get("balance")
    neighbours = getattr(getattr(getattr(step, "transformer", None), "estimator", None), "k_neighbors", None)
    if not isinstance(neighbours, int):
        return
    y = experiment.y_train.to_numpy()
    for number, (train, _) in enumerate(splits):
        labels, counts = np.unique(y[train].astype(str), return_counts=True)
        if counts.min() <= neighbours:
            raise ConfigError(
                f"--setup: 'fix_imbalance' needs {neighbours + 1} rows of each class to make others from, "
                f"and fold {number + 1} has {counts.min()} of {str(labels[counts.argmin()])!r} in {source.name}: "
                'add "fix_imbalance_method": "RandomOverSampler".'
            )


def _why_no_folds(source: SourceTable, request: Request, reason: str) -> str:
    """Return a sentence on a splitter that cannot split these rows."""
    if "number of groups" in reason and request.groups is not None:
        n_groups = len(set(request.groups))
        return (
            f"--setup: 'fold_groups' has {n_groups} groups among the training rows: set --fold to {n_groups} or less."
        )
    return f"{source.name} cannot be split into folds ({reason.rstrip('.')}): set another --fold."


def _words(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _listed(names: Sequence[Any]) -> str:
    return first_of(map(repr, names), _MOST_NAMED)
