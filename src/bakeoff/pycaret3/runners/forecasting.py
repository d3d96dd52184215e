"""Runner for time series: PyCaret's own fit and score, fold by fold.

No transform is shared: a forecasting pipeline transforms the target too, and differently for every fold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from pycaret.utils.time_series.forecasting.model_selection import _fit_and_score
from pycaret.utils.time_series.forecasting.pipeline import _add_model_to_pipeline
from sklearn.base import clone

from bakeoff.comparison.predictions import Kind, Predictions
from bakeoff.comparison.trial import Trial
from bakeoff.pycaret3.runners.base import Scored, TrialRunner

_LISTENER = "listens to the forecast"
"""Name of the listener among the scorers; the key of a metric has no blanks."""


class _ForecastListener:
    """A scorer that scores nothing and keeps the forecast that PyCaret shows it."""

    def __init__(self) -> None:
        self.packed: bytes | None = None
        self._kwargs: dict[str, Any] = {}

    def _score_func(self, y_true: Any, y_pred: Any) -> float:
        del y_true
        self.packed = Predictions(Kind.VALUES, np.asarray(y_pred, dtype=float).ravel()).pack()
        return 0.0


class ForecastRunner(TrialRunner):
    """Runner for time series trials."""

    def _score(self, trial: Trial) -> Scored:
        estimator, _ = self._estimator(trial.model_id)
        pipeline = clone(_add_model_to_pipeline(pipeline=self._frozen.pipeline, model=estimator))
        listener = _ForecastListener()
        scorers = self._frozen.scorers
        scored = self.fit_and_score(
            pipeline, trial.fold, {**scorers, _LISTENER: listener} if self._frozen.keeps_predictions else scorers
        )
        if len(scored.metric_errors) == len(scored.metrics):
            raise ValueError("No metric could be computed: every one of them is NaN.")
        return replace(scored, predictions=listener.packed)

    def fit_and_score(self, pipeline: Any, fold: int, scorers: Mapping[str, Any]) -> Scored:
        """Fit a pipeline on the training rows of a fold and score its forecast, as PyCaret does.

        Args:
            pipeline: preprocessing and model.
            fold: number of the fold.
            scorers: by metric key; metrics without a scorer are not computed.
        """
        frozen = self._frozen
        train, test = frozen.splits[fold]
        scores, fit_seconds, score_seconds, _cutoff = _fit_and_score(
            pipeline=pipeline,
            y=frozen.y,
            X=frozen.X,
            scoring=dict(scorers),
            train=train,
            test=test,
            parameters=None,
            fit_params=self._fit_kwargs(),
            return_train_score=False,
            alpha=frozen.extra["alpha"],
            coverage=frozen.extra["coverage"],
            error_score="raise",
            **frozen.extra["scorer_kwargs"],
        )
        metrics = {metric.key: float(scores[metric.key]) for metric in frozen.metrics if metric.key in scores}
        errors = {key: "The metric could not be computed." for key, value in metrics.items() if math.isnan(value)}
        return Scored(metrics, fit_seconds, score_seconds, metric_errors=errors)

    def _refit(self, estimator: Any) -> Any:
        pipeline = _add_model_to_pipeline(pipeline=self._frozen.pipeline, model=estimator)
        pipeline.fit(self._frozen.y, self._frozen.X, **self._fit_kwargs())
        model = pipeline.steps_[-1][1].steps_[-1][1]
        model.check_is_fitted()
        return model

    def _fit_kwargs(self) -> dict[str, Any]:
        return {**self._frozen.fit_kwargs, "fh": self._frozen.extra["fh"]}
