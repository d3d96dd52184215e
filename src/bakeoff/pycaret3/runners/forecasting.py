"""Runner for time series: PyCaret's own fit and score, fold by fold.

No transform is shared: a forecasting pipeline transforms the target too, and differently for every fold.
"""

from __future__ import annotations

import math
from typing import Any

from pycaret.utils.time_series.forecasting.model_selection import _fit_and_score
from pycaret.utils.time_series.forecasting.pipeline import _add_model_to_pipeline
from sklearn.base import clone

from bakeoff.comparison.trial import Trial
from bakeoff.pycaret3.runners.base import Scored, TrialRunner


class ForecastRunner(TrialRunner):
    """Runner for time series trials."""

    def _score(self, trial: Trial) -> Scored:
        frozen = self._frozen
        estimator, _ = self._estimator(trial.model_id)
        train, test = frozen.splits[trial.fold]
        scores, fit_seconds, score_seconds, _cutoff = _fit_and_score(
            pipeline=clone(_add_model_to_pipeline(pipeline=frozen.pipeline, model=estimator)),
            y=frozen.y,
            X=frozen.X,
            scoring=dict(frozen.scorers),
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
        metrics = {metric.key: float(scores[metric.key]) for metric in frozen.metrics}
        errors = {key: "The metric could not be computed." for key, value in metrics.items() if math.isnan(value)}
        if len(errors) == len(metrics):
            raise ValueError("No metric could be computed: every one of them is NaN.")
        return Scored(metrics, fit_seconds, score_seconds, metric_errors=errors)

    def _refit(self, estimator: Any) -> Any:
        pipeline = _add_model_to_pipeline(pipeline=self._frozen.pipeline, model=estimator)
        pipeline.fit(self._frozen.y, self._frozen.X, **self._fit_kwargs())
        model = pipeline.steps_[-1][1].steps_[-1][1]
        model.check_is_fitted()
        return model

    def _fit_kwargs(self) -> dict[str, Any]:
        return {**self._frozen.fit_kwargs, "fh": self._frozen.extra["fh"]}
