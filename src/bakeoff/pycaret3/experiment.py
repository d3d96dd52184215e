"""Setup of a PyCaret experiment for a job, and access to its defaults and training rows."""

from __future__ import annotations

import difflib
import inspect
import re
import warnings
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bakeoff._utils.own_process import uncollected
from bakeoff._utils.text import one_line
from bakeoff.errors import ConfigError, SourceError
from bakeoff.pycaret3.lean_import import import_lean
from bakeoff.pycaret3.runners.quiet import hushed

_QUIET = {"verbose": False, "html": False, "system_log": False, "log_experiment": False}
_BOOSTERS = ("xgboost", "catboost")
"""Families that come with the extra ``boost``."""
_A_FEW = 5
"""Rows that tell how many columns the preprocessing leaves."""


def set_up(  # noqa: PLR0913 - what PyCaret needs to know, one by one
    task: str,
    frame: pd.DataFrame,
    target: str,
    *,
    seed: int,
    fold: int | None = None,
    fh: int | tuple[int, ...] | None = None,
    n_held: int | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Any:
    """Run PyCaret's ``setup()`` on a table.

    PyCaret logs nothing, prints nothing and writes no cache folder.

    Args:
        task: ``classification``, ``regression`` or ``time_series``.
        frame: the rows; indexed by period for a time series.
        target: the column to predict.
        seed: PyCaret's ``session_id``.
        fold: number of folds; ``None`` for PyCaret's default.
        fh: the horizon of a time series.
        n_held: number of rows, the last ones, that are the hold-out; ``None`` if PyCaret is to draw it. It shuffles the
            other rows only where it draws, so they are shuffled here, unless ``data_split_shuffle`` is false.
        arguments: further arguments of ``setup()``.

    Returns:
        The experiment.

    Raises:
        ConfigError: ``setup()`` has no such argument.
        SourceError: ``setup()`` failed on this table with these arguments; the message gives the reason.
    """
    experiment = import_experiments(task)()
    accepted = inspect.signature(experiment.setup).parameters
    kwargs = {"memory": False, **(arguments or {}), **_QUIET, "target": target, "session_id": seed, "data": frame}
    if fold is not None:
        kwargs["fold"] = fold
    if fh is not None:
        kwargs["fh"] = list(fh) if isinstance(fh, tuple) else fh
    if n_held is not None:
        learned, held = frame.iloc[:-n_held], frame.iloc[-n_held:]
        shuffles = kwargs.get("data_split_shuffle") is not False
        kwargs |= {"data": learned.sample(frac=1, random_state=seed) if shuffles else learned, "test_data": held}
    unknown = [name for name in (arguments or {}) if name not in accepted]
    if unknown:
        similar = difflib.get_close_matches(unknown[0], accepted, n=1)
        hint = f"the nearest is {similar[0]!r}" if similar else f"it has {', '.join(accepted)}"
        raise ConfigError(f"--setup: PyCaret's setup() for {task} has no argument {unknown[0]!r}: {hint}.")
    try:
        with hushed():  # what it fits to select features talks, too
            experiment.setup(**{name: value for name, value in kwargs.items() if name in accepted})
    except Exception as error:
        raise SourceError(_why_not(error, target, arguments or {})) from error
    _check_features(experiment, target, arguments or {})
    return experiment


def _why_not(error: Exception, target: str, arguments: Mapping[str, Any]) -> str:
    """Return a sentence on an error of ``setup()`` that names the argument which it is probably about."""
    reason = one_line(error) or "no reason given"
    if match := re.search(r"y contains previously unseen labels: (.*)", reason):
        return (
            f"The target {target!r} has classes with no row among the training rows ({match.group(1).strip('[]')}): "
            "leave their rows out, or let --setup keep 'data_split_stratify'."
        )
    if "n_neighbors" in reason and arguments.get("fix_imbalance"):
        return (
            f"--setup: 'fix_imbalance' has too few rows of a class of {target!r} to make others from: "
            'add "fix_imbalance_method": "RandomOverSampler".'
        )
    named = [name for name in arguments if re.search(rf"\b{name}\b", reason)] or list(arguments)
    if "test_size" in reason and "train_size" in arguments:
        named = ["train_size"]
    setting = f" ({', '.join(map(repr, named))})" if named else ""
    return (
        f"PyCaret's setup() does not take this table with these arguments ({type(error).__name__}: {reason}): "
        f"change --setup{setting} or the source."
    )


def _check_features(experiment: Any, target: str, arguments: Mapping[str, Any]) -> None:
    """Refuse an experiment whose models would have nothing to learn from; a time series needs no features."""
    if not hasattr(experiment.pipeline, "transform"):
        return
    rows = experiment.X_train.head(_A_FEW)
    if rows.shape[1] and _width_after(experiment.pipeline, rows) != 0:
        return
    if not rows.shape[1]:
        raise ConfigError(
            f"--setup leaves no feature to learn from: 'ignore_features' names every column but the target {target!r}, "
            "so take some out of it."
        )
    asked = ", ".join(map(repr, arguments)) or "nothing"
    raise ConfigError(
        f"After PyCaret's setup() no feature is left of the {rows.shape[1]} columns besides the target {target!r}: "
        f"change --setup (it sets {asked}), or give columns that hold values."
    )


def _width_after(pipeline: Any, rows: pd.DataFrame) -> int | None:
    """Return the number of columns that a fitted pipeline leaves; ``None`` where only trials find that out."""
    try:
        with hushed(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            transformed = pipeline.transform(rows)
    except Exception:
        return None
    return int((transformed[0] if isinstance(transformed, tuple) else transformed).shape[1])


def default_sort(experiment: Any) -> str:
    """Return the metric that PyCaret ranks by if ``sort`` is not given."""
    default: str = inspect.signature(experiment.compare_models).parameters["sort"].default
    return default


def missing_boosters(experiment: Any) -> list[str]:
    """Return the ids of the boosters that PyCaret would compare if they were installed; none for a time series."""
    models = getattr(experiment, "_all_models", {})
    return [] if "lightgbm" not in models else [name for name in _BOOSTERS if name not in models]


def training_rows(experiment: Any, frame: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return the training rows as they came from the source, without the target and the ignored features."""
    # PyCaret drops ignored features before its pipeline is fitted, so the pipeline does not know them.
    ignored = getattr(experiment, "_fxs", {}).get("Ignore") or []
    return frame.loc[frame.index.isin(experiment.train.index)].drop(columns=[target, *ignored])


def import_experiments(task: str) -> Any:
    """Import PyCaret, which takes seconds the first time, and return its class for a task."""
    import_lean()
    with uncollected():
        if task == "time_series":
            from pycaret.time_series import TSForecastingExperiment

            return TSForecastingExperiment
        from bakeoff.pycaret3.fold_safe import FoldSafeClassification, FoldSafeRegression

    return FoldSafeClassification if task == "classification" else FoldSafeRegression
