"""Setting up a PyCaret experiment for a job, and asking it what a run needs to know."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bakeoff.errors import ConfigError, UserError
from bakeoff.pycaret3.runners.quiet import hushed

_QUIET = {"verbose": False, "html": False, "system_log": False, "log_experiment": False}
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
    arguments: Mapping[str, Any] | None = None,
) -> Any:
    """Run PyCaret's ``setup()`` on a table.

    Nothing is logged by PyCaret, printed, or written to a cache folder.

    Args:
        task: ``classification``, ``regression`` or ``time_series``.
        frame: the rows; indexed by period for a time series.
        target: the column to predict.
        seed: PyCaret's ``session_id``.
        fold: how many folds, if not PyCaret's own number.
        fh: the horizon of a time series.
        arguments: anything else that ``setup()`` takes.

    Returns:
        The experiment.

    Raises:
        UserError: ``setup()`` refused; the sentence says why.
    """
    experiment = _experiment_class(task)()
    known = inspect.signature(experiment.setup).parameters
    given = {"memory": False, **(arguments or {}), **_QUIET, "target": target, "session_id": seed, "data": frame}
    if fold is not None:
        given["fold"] = fold
    if fh is not None:
        given["fh"] = list(fh) if isinstance(fh, tuple) else fh
    unknown = [name for name in (arguments or {}) if name not in known]
    if unknown:
        raise UserError(f"PyCaret's setup() for {task} has no argument {unknown[0]!r}: it has {', '.join(known)}.")
    try:
        with hushed():  # what it fits to select features talks, too
            experiment.setup(**{name: value for name, value in given.items() if name in known})
    except Exception as error:
        reason = str(error).strip().splitlines()
        raise UserError(
            f"PyCaret's setup() does not take this table with these arguments "
            f"({type(error).__name__}: {reason[0] if reason else 'no reason given'}): change --setup or the source."
        ) from error
    _check_features(experiment, target, arguments or {})
    return experiment


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
    """How many columns a fitted pipeline leaves; ``None`` where it cannot be asked, which trials then find out."""
    try:
        with hushed(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            transformed = pipeline.transform(rows)
    except Exception:
        return None
    return int((transformed[0] if isinstance(transformed, tuple) else transformed).shape[1])


def default_sort(experiment: Any) -> str:
    """The metric that PyCaret ranks by when it is not told."""
    default: str = inspect.signature(experiment.compare_models).parameters["sort"].default
    return default


def training_rows(experiment: Any, frame: pd.DataFrame, target: str) -> pd.DataFrame:
    """The training rows as they came from the source, without the target and what ``ignore_features`` leaves out."""
    # PyCaret leaves those out before its pipeline is fitted, so the pipeline would not know what to do with them.
    ignored = getattr(experiment, "_fxs", {}).get("Ignore") or []
    return frame.loc[frame.index.isin(experiment.train.index)].drop(columns=[target, *ignored])


def _experiment_class(task: str) -> Any:
    if task == "classification":
        from pycaret.classification import ClassificationExperiment

        return ClassificationExperiment
    if task == "regression":
        from pycaret.regression import RegressionExperiment

        return RegressionExperiment
    from pycaret.time_series import TSForecastingExperiment

    return TSForecastingExperiment
