"""Blends of forecasts in PyCaret and sktime: their scores on a fold, and one forecaster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from pycaret.utils.time_series.forecasting.pipeline import _add_model_to_pipeline
from sklearn.base import clone
from sktime.forecasting.compose import EnsembleForecaster
from sktime.forecasting.naive import NaiveForecaster
from sktime.transformations.series.impute import Imputer

from bakeoff.comparison.blend import Array
from bakeoff.pycaret3.frozen import FrozenExperiment
from bakeoff.pycaret3.runners.base import Scored
from bakeoff.pycaret3.runners.forecasting import ForecastRunner

TRANSFORMED = "the models predict a transformed target, whose mean is not that of the target"
"""Reason why there is no blend, as the end of a sentence."""


def why_no_forecast_blend(frozen: FrozenExperiment) -> str | None:
    """Return why forecasts cannot be blended, as the end of a sentence; ``None`` if they can."""
    if frozen.extra["alpha"] is not None:
        return "a blend forecasts no quantiles (point_alpha)"
    steps = getattr(frozen.pipeline.steps[-1][1].steps[0][1], "steps", [])
    if any(not isinstance(step, Imputer) for _, step in steps):
        return TRANSFORMED
    return None


def scored_forecast(frozen: FrozenExperiment, fold: int, predicted: Array, scorers: Mapping[str, Any]) -> Scored:
    """Score a forecast for a fold.

    Metrics of intervals have no value, as for any model of PyCaret's that forecasts none.
    """
    test = frozen.splits[fold][1]
    answers = _Answers(frozen, pd.Series(predicted, index=frozen.y.index[test]))
    return ForecastRunner(frozen).fit_and_score(answers, fold, scorers)


def ensemble_of(frozen: FrozenExperiment, shares: Mapping[str, float], models: Mapping[str, Any]) -> EnsembleForecaster:
    """Return sktime's ensemble of fitted forecasters, itself fitted.

    Args:
        frozen: what was compared.
        shares: share of each member.
        models: the members, fitted on all training rows.
    """
    members = [(model_id, models[model_id]) for model_id in shares]
    # What a fitted ensemble knows of the series comes from fitting it, with quick members that then give way.
    ensemble = EnsembleForecaster([(name, NaiveForecaster()) for name, _ in members], weights=list(shares.values()))
    ensemble.fit(members[0][1]._y, members[0][1]._X, fh=frozen.extra["fh"])
    named = isinstance(ensemble.forecasters_[0], tuple)  # by newer releases of sktime
    ensemble.forecasters_ = members if named else [model for _, model in members]
    unfitted = [(name, clone(model)) for name, model in members]
    ensemble.forecasters = ensemble._forecasters = unfitted
    return ensemble


class _Answers:
    """A fitted pipeline to PyCaret's scoring, which answers the same forecast whatever it is asked."""

    is_fitted = True
    cutoff = (None,)

    def __init__(self, frozen: FrozenExperiment, forecast: pd.Series[Any]) -> None:
        whole = _add_model_to_pipeline(pipeline=frozen.pipeline, model=NaiveForecaster())
        self.steps, self.steps_ = whole.steps, whole.steps_  # by which PyCaret fills gaps of the truth
        self.forecast = forecast

    def fit(self, *_: Any, **__: Any) -> None:
        """Do nothing."""

    def get_tag(self, name: str) -> bool:
        """Say no to what a forecaster may be able to: intervals above all."""
        del name
        return False

    def predict(self, **_: Any) -> pd.Series[Any]:
        """Return the forecast."""
        return self.forecast
