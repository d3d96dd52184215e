"""Thread parameters are capped while a model is fitted, and are afterwards what they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
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


def test_catboost_is_capped_writes_no_files_and_gives_back_what_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catboost = pytest.importorskip("catboost")
    monkeypatch.chdir(tmp_path)
    X = np.random.default_rng(1).random((60, 3))
    y = (X[:, 0] > 0.5).astype(int)
    for given in ({"thread_count": -1}, {"thread_count": 2, "allow_writing_files": False}, {}):
        model = catboost.CatBoostClassifier(iterations=3, verbose=False, **given)
        asked = model.get_params()
        before = cap_threads(model, 1)
        assert (model.get_params()["thread_count"], model.get_params()["allow_writing_files"]) == (1, False)
        model.fit(X, y)
        restore_threads(model, before)
        assert model.get_params() == asked
        assert model.predict(X).shape == (60,)
        assert not list(tmp_path.iterdir())
    inside = BaggingClassifier(catboost.CatBoostClassifier(iterations=3, verbose=False))
    before = cap_threads(inside, 1)
    assert inside.estimator.get_params()["thread_count"] == 1
    restore_threads(inside, before)
    assert inside.estimator.get_params() == {"iterations": 3, "verbose": False}
