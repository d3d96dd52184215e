"""A blend of forecasts in PyCaret code: one more forecaster, with the scores that PyCaret gives it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycaret.time_series import TSForecastingExperiment

from bakeoff import FugueBackend
from bakeoff.errors import BlendError
from bakeoff.pycaret3 import blending
from support.datasets import drifting_sales

MODELS = ["snaive", "theta", "exp_smooth", "lr_cds_dt"]


def compared(models: Sequence[str] = MODELS, setup: Any = None, **options: Any) -> tuple[Any, FugueBackend]:
    experiment = TSForecastingExperiment()
    experiment.setup(drifting_sales(), fh=6, fold=4, session_id=1, verbose=False, **(setup or {}))
    backend = FugueBackend("native", **options)
    experiment.compare_models(list(models), parallel=backend, verbose=False)
    return experiment, backend


@pytest.fixture(scope="module")
def offered() -> tuple[Any, FugueBackend]:
    return compared(blend="offer")


def test_a_blend_of_one_forecast_has_the_scores_of_that_model(offered: tuple[Any, FugueBackend]) -> None:
    _, backend = offered
    said = blending._said(backend.compared.comparison, backend.board, backend.compared.predictions)
    assert sorted(said.pool.model_ids) == sorted(MODELS)
    for outcome in backend.board.outcomes:
        again = said.outcome(outcome.fold, {outcome.model_id: 1.0}, []).metrics
        assert {key: again[key] for key in again if key != "coverage"} == pytest.approx(
            {key: value for key, value in outcome.metrics.items() if key != "coverage"}
        )


def test_a_blend_forecasts_the_mean_of_its_members_and_is_taken_by_pycaret(
    offered: tuple[Any, FugueBackend], tmp_path: Path
) -> None:
    experiment, backend = offered
    blend = backend.blended
    assert blend is not None
    value = float(np.mean([outcome.metrics["mase"] for outcome in blend.outcomes]))
    assert value < backend.board.best.primary_value
    model = backend.blend()
    assert list(dict(model.forecasters)) == list(blend.shares)
    forecast = experiment.predict_model(model, verbose=False)["y_pred"]
    of_members = [
        experiment.predict_model(backend.compared.fitted[each], verbose=False)["y_pred"] for each in blend.shares
    ]
    np.testing.assert_allclose(forecast, np.average(of_members, axis=0, weights=model.weights), atol=2e-4)
    final = experiment.finalize_model(model)
    experiment.save_model(final, str(tmp_path / "blend"), verbose=False)
    loaded = experiment.load_model(str(tmp_path / "blend"), verbose=False)
    ahead = loaded.predict(fh=[1, 2, 3])
    assert ahead.index[0] == drifting_sales().index[-1] + 1
    np.testing.assert_allclose(ahead, experiment.predict_model(final, fh=[1, 2, 3], verbose=False)["y_pred"], atol=2e-4)


def test_a_metric_that_is_called_a_forecast_keeps_its_value() -> None:
    def distance(y_true: Any, y_pred: Any) -> float:
        return float(np.abs(np.ravel(y_true) - np.ravel(y_pred)).mean())

    experiment = TSForecastingExperiment()
    experiment.setup(drifting_sales(), fh=6, fold=2, session_id=1, verbose=False)
    experiment.add_metric("forecast", "Forecast", distance, greater_is_better=False)
    backend = FugueBackend("native")
    experiment.compare_models(["snaive"], parallel=backend, verbose=False)
    for outcome in backend.board.outcomes:
        assert outcome.metrics["forecast"] == pytest.approx(outcome.metrics["mae"])


@pytest.mark.parametrize(
    ("setup", "why"),
    [({"transform_target": "log"}, "a transformed target"), ({"point_alpha": 0.5}, "no quantiles")],
)
def test_forecasts_that_have_no_mean_of_their_own_are_not_blended(setup: dict[str, Any], why: str) -> None:
    _, backend = compared(["snaive", "theta"], setup)
    with pytest.raises(BlendError, match=why):
        backend.blend()
