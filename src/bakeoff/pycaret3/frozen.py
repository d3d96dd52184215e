"""The experiment as it is sent to the workers: plain parts, no session, no logger, no replay of ``setup()``."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from bakeoff._utils import pickling
from bakeoff.comparison.trial import Metric, Outcome, Status, Trial, failed_outcomes
from bakeoff.pycaret3.folds import Split, draw_splits
from bakeoff.pycaret3.held_dates import holding_steps
from bakeoff.pycaret3.request import Request, make_estimator
from bakeoff.pycaret3.row_order import keep_row_order
from bakeoff.pycaret3.scoring.scorers import check_custom_metrics, scorers_of

keep_row_order()  # on the driver and on workers, which all import this

_MOST_ENCODED = 25
"""``setup()``'s ``max_encoding_ohe``: a column with more categories stays a single column."""


@dataclass(frozen=True)
class Broken:
    """Reason why a model cannot be sent to a worker."""

    error_type: str
    message: str
    traceback: str


@dataclass(frozen=True)
class FrozenExperiment:
    """Everything that a worker needs to run any trial of one comparison.

    Attributes:
        pipeline: PyCaret's preprocessing, unfitted, without a cache.
        X: training rows (``None`` for a time series without exogenous columns).
        y: training target.
        splits: positions of the train and test rows of each fold, fixed on the driver.
        estimators: unfitted estimators by model id, each pickled separately, so that a broken pickle
            costs only its own model.
        scorers: by metric key; their values are multiplied by -1 if smaller is better.
        extra: values for forecasting only (``fh``, ``alpha``, ``coverage``, scorer arguments).
        holdout: the pickled experiment, for a comparison without cross-validation; ``None`` for one with folds.
        n_jobs: number of threads that one trial may use.
        keeps_predictions: whether trials bring home what they predict for their test rows.
    """

    task: str
    pipeline: Any
    X: pd.DataFrame | None
    y: pd.Series[Any]
    splits: tuple[Split, ...]
    estimators: Mapping[str, bytes]
    metrics: tuple[Metric, ...]
    scorers: Mapping[str, Any]
    seed: int
    fit_kwargs: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    holdout: bytes | None = None
    n_jobs: int = 1
    keeps_predictions: bool = False

    @property
    def width(self) -> int:
        """Approximate number of columns after preprocessing."""
        return width_of(self.X)

    @property
    def n_bytes(self) -> int:
        """Memory of the training rows in bytes, without the contents of text columns."""
        return 0 if self.X is None else int(self.X.memory_usage().sum())

    @property
    def test_ratio(self) -> float | None:
        """Test rows per training row, mean over folds; ``None`` for a hold-out."""
        ratios = [len(test) / len(train) for train, test in self.splits if len(test) and len(train)]
        return float(np.mean(ratios)) if ratios else None


def width_of(X: pd.DataFrame | None) -> int:
    """Return about how many columns are left after preprocessing, which encodes columns with few categories one-hot."""
    if X is None:
        return 1
    texts = X.select_dtypes(["object", "category"])
    few = texts.nunique().clip(upper=_MOST_ENCODED)
    return int(X.shape[1] - texts.shape[1] + few.sum())


def freeze(experiment: Any, request: Request) -> tuple[FrozenExperiment, dict[str, Broken]]:
    """Extract from an experiment what its trials need.

    Returns:
        The frozen experiment, and the reason for each model that could not be built or pickled, by model id.
    """
    X, y = experiment._create_model_get_train_X_y(None, None)
    check_custom_metrics(experiment, request, y)
    estimators, broken = _pickle_estimators(experiment, request)
    splits = draw_splits(experiment, request)
    if request.task == "time_series":
        pipeline = experiment.pipeline
        extra = {
            "fh": request.cv.fh,
            "alpha": experiment.point_alpha,
            "coverage": experiment.coverage,
            "scorer_kwargs": experiment.get_additional_scorer_kwargs(),
        }
    else:
        pipeline = type(experiment.pipeline)(holding_steps(experiment))
        extra = {}
    frozen = FrozenExperiment(
        task=request.task,
        pipeline=pipeline,
        X=X,
        y=y,
        splits=splits,
        estimators=estimators,
        metrics=request.metrics,
        scorers=scorers_of(experiment, request),
        seed=experiment.seed,
        fit_kwargs=request.fit_kwargs,
        extra=extra,
        holdout=None if request.cross_validation else travelling_copy(experiment),
    )
    return frozen, broken


def _pickle_estimators(experiment: Any, request: Request) -> tuple[dict[str, bytes], dict[str, Broken]]:
    estimators: dict[str, bytes] = {}
    broken: dict[str, Broken] = {}
    own = pickling.own_modules()
    for model in request.models:
        try:
            estimators[model.id] = pickling.dumps(make_estimator(experiment, request, model.id), own)
        except Exception as error:
            broken[model.id] = Broken(type(error).__name__, str(error), traceback.format_exc())
    return estimators, broken


def outcomes_of_broken(broken: Mapping[str, Broken], n_folds: int) -> list[Outcome]:
    """Return a failed outcome on every fold for each model that could not be built or pickled."""
    outcomes: list[Outcome] = []
    for model_id, reason in broken.items():
        trials = [Trial(model_id, fold) for fold in range(n_folds)]
        failed = failed_outcomes(trials, Status.FAILED, reason.error_type, reason.message)
        outcomes += [replace(outcome, traceback=reason.traceback) for outcome in failed]
    return outcomes


def travelling_copy(experiment: Any) -> bytes:
    """Pickle the experiment with its rows, but without what belongs to the driver: logs, results, caches."""
    driver_only = {"logger": None, "logging_param": None, "_setup_params": None, "data_func": None, "verbose": False}
    state = {**experiment.__dict__, **driver_only, "_display_container": [], "_master_model_container": []}
    state["pipeline"] = copy(experiment.pipeline)
    state["pipeline"].memory = None  # a cache folder of this machine
    # PyCaret leaves the data out when it pickles itself: it is saved for longer than its data lives.
    return pickling.dumps((type(experiment), state))
