"""The frame that ``pull()`` returns is plain PyCaret's: columns, index, order and rounded values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.naive_bayes import GaussianNB

from support.datasets import experiment, longley, series_experiment, shared, wine
from support.pycaret_parity import native, same_scores, through

FEW = {
    "binary": (["dt", "ridge", "nb", "lda", "dummy"], "Accuracy"),
    "multiclass": (["nb", "dummy", "qda", "dt"], "F1"),
    "regression": (["lr", "dt", "dummy", "en"], "R2"),
    "series": (["snaive", "naive", "polytrend"], "MASE"),
}


@pytest.mark.everywhere
@pytest.mark.parametrize("name", list(FEW))
def test_a_few_models_of_each_kind(engine: Any, name: str) -> None:
    models, sort = FEW[name]
    same_scores(through(engine, shared(name), models, sort=sort), native(shared(name), models, sort=sort))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["binary", "multiclass", "regression", "diabetes", "series"])
def test_every_model_of_the_list(engine: Any, name: str) -> None:
    mine, plain = through(engine, shared(name)), native(shared(name))
    assert len(mine.grid) >= 14
    # A model that plain PyCaret leaves out of its grid has no score here either, and a reason.
    lost = {row["model_id"] for _, row in mine.backend.leaderboard.iterrows() if row["status"] == "failed"}
    assert set(mine.grid.index) | lost == {model.id for model in mine.backend.plan.models}
    same_scores(mine, plain)


@pytest.mark.parametrize("n_slots", [1, 3])
def test_the_number_of_slots_changes_nothing(engine: Any, n_slots: int) -> None:
    models = ["rf", "nb", "dt", "ada", "dummy"]
    usual = through(engine, shared("binary"), models)
    assert usual.backend.summary.slots >= 1
    pd.testing.assert_frame_equal(
        through(engine, shared("binary"), models, options={"n_slots": n_slots}).scores, usual.scores, check_exact=True
    )


def test_the_global_generator_of_the_driver_changes_nothing(engine: Any) -> None:
    first = through(engine, shared("binary"), ["rf", "et", "nb"])
    np.random.seed(7)
    pd.testing.assert_frame_equal(
        through(engine, shared("binary"), ["rf", "et", "nb"]).scores, first.scores, check_exact=True
    )


def test_ties_keep_the_order_given(engine: Any) -> None:
    same = [GaussianNB(var_smoothing=value) for value in (1.2e-9, 1e-9, 1.1e-9)]
    won = [through(engine, shared("binary"), same).models.var_smoothing for _ in range(2)]
    assert won == [1.2e-9] * 2
    assert native(shared("binary"), same).models.var_smoothing == 1.2e-9


def test_a_resampled_experiment(engine: Any) -> None:
    made = experiment(wine(), "target", normalize=True, fix_imbalance=True, remove_outliers=True, fold=2)
    models = ["nb", "dt", "lda", "dummy"]
    same_scores(through(engine, made, models), native(made, models))


@pytest.mark.parametrize(
    "arguments",
    [
        {"fh": 3, "fold": 3},
        {"fh": [2, 3], "fold": 2, "fold_strategy": "sliding"},
        {"fh": 6, "fold": 2, "transform_target": "log", "numeric_imputation_target": "mean"},
    ],
)
def test_series_however_they_are_cut(engine: Any, arguments: Any) -> None:
    made = series_experiment(shared("series").data, **arguments)
    models = ["naive", "polytrend", "snaive"]
    same_scores(through(engine, made, models), native(made, models))


def test_a_series_with_exogenous_columns(engine: Any) -> None:
    made = series_experiment(longley(), target="TOTEMP", fh=2, fold=2, seasonal_period=1)
    models = ["arima", "lr_cds_dt", "dt_cds_dt"]
    same_scores(through(engine, made, models), native(made, models))


def test_one_step_ahead_has_no_r2(engine: Any) -> None:
    made = series_experiment(shared("series").data, fh=1, fold=3)
    mine = through(engine, made, ["naive", "snaive"])
    assert "R2" not in mine.grid.columns
    same_scores(mine, native(made, ["naive", "snaive"]))
