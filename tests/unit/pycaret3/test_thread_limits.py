"""Thread parameters are capped while a model is fitted, and are afterwards what they were."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sktime.forecasting.compose import make_reduction

from bakeoff.pycaret3.runners.thread_limits import cap_threads, restore_threads


def test_every_thread_parameter_is_capped_and_restored() -> None:
    model = BaggingClassifier(RandomForestClassifier(n_jobs=4), n_jobs=-1)

    before = cap_threads(model, 1)

    assert (model.n_jobs, model.estimator.n_jobs) == (1, 1)
    restore_threads(model, before)
    assert (model.n_jobs, model.estimator.n_jobs) == (-1, 4)


def test_a_forecaster_stays_fitted_when_its_parameters_are_restored() -> None:
    series = pd.Series(np.arange(24.0), index=pd.period_range("2024-01", periods=24, freq="M"))
    model = make_reduction(LinearRegression(n_jobs=-1), window_length=3)
    before = cap_threads(model, 1)
    model.fit(series, fh=[1, 2])

    restore_threads(model, before)

    assert model.estimator.n_jobs == -1
    assert model.predict([1, 2]).round(6).tolist() == [24.0, 25.0]
