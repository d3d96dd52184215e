"""Tuning through the backend: candidates of the best families, scored as PyCaret scores them."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

import pandas as pd
import pytest
from sklearn.naive_bayes import GaussianNB

from bakeoff import FugueBackend
from bakeoff.comparison.search_space import Choice, Range
from bakeoff.comparison.tuning import GENERATION
from bakeoff.errors import ConfigError
from bakeoff.pycaret3.request import make_estimator, read_request
from bakeoff.pycaret3.search_spaces import search_spaces
from support.datasets import airline, breast_cancer, experiment, series_experiment
from support.pycaret_parity import through

pytest.importorskip("optuna")
N_FOLDS = 4


@pytest.fixture(scope="module")
def exp() -> Any:
    return experiment(breast_cancer(200), "target", fold=N_FOLDS)


def seen(compared: Any) -> Any:
    """What tuning gave, but for times."""
    backend = compared.backend
    trials = backend.trials.sort_values(["model_id", "fold"]).set_index(["model_id", "fold"])
    scores = trials["metrics"].map(lambda metrics: sorted(metrics.items()))
    board = backend.leaderboard[["rank", "model_id", "model_name", "params", "primary_value"]]
    return scores.to_dict(), trials["params"].fillna("").to_dict(), board.fillna("").to_dict("records")


@pytest.mark.everywhere
def test_the_best_candidate_is_a_model_with_pycarets_scores(engine: Any, exp: Any) -> None:
    tuned = through(engine, exp, ["nb", "dummy"], options={"tune": 1})
    (family,) = tuned.backend.tuned.families
    assert family.family == family.untuned == "nb"
    assert family.n_candidates >= GENERATION
    row = tuned.backend.leaderboard.set_index("model_id").loc[family.tuned]
    assert row.model_name == "Naive Bayes (tuned)"
    params = json.loads(row.params)
    plain = exp.create_model("nb", **params, verbose=False)
    mean = exp.pull().loc["Mean"]
    assert tuned.grid.loc[family.tuned, "Accuracy"] == pytest.approx(mean["Accuracy"], abs=1e-4)
    assert tuned.grid.loc[family.tuned, "MCC"] == pytest.approx(mean["MCC"], abs=1e-4)
    if tuned.grid.index[0] == family.tuned:
        assert tuned.models.get_params() == plain.get_params()
        assert tuned.models.var_smoothing == params["var_smoothing"]
    assert len(tuned.container) == 3


def test_an_engine_tries_the_same_with_any_number_of_slots(engine: Any, exp: Any) -> None:
    tuned = through(engine, exp, ["nb", "dummy"], options={"tune": 1})
    assert seen(through(engine, exp, ["nb", "dummy"], options={"tune": 1, "n_slots": 3})) == seen(tuned)


@pytest.mark.slow
def test_workers_try_what_one_process_does(exp: Any) -> None:
    native = through("native", exp, ["nb", "dt", "dummy"], options={"tune": 2})
    local = through("local", exp, ["nb", "dt", "dummy"], options={"tune": 2, "n_slots": 2})
    assert seen(local) == seen(native)


@pytest.mark.slow
def test_a_tuned_model_can_be_returned_blended_and_held_out(exp: Any) -> None:
    tuned = through(
        "native",
        exp,
        ["lr", "nb", "dummy"],
        options={"tune": 2, "blend": "on", "fit_tied": True, "race": 1},
        n_select=4,
    )
    backend = tuned.backend
    best = [family.tuned for family in backend.tuned.families if family.tuned]
    assert best
    assert len(tuned.models) == 4
    held = backend.holdout_values(exp)
    assert held.keys() >= set(backend.tuned.model_ids)
    if backend.blended is not None:
        assert hasattr(backend.blend(), "estimators_")


def test_a_threshold_is_that_of_the_candidates_too(exp: Any) -> None:
    tuned = through("native", exp, ["nb", "dummy"], options={"tune": 1}, probability_threshold=0.3, n_select=3)
    (family,) = tuned.backend.tuned.families
    model = tuned.models[list(tuned.grid.index).index(family.tuned)]
    assert model.probability_threshold == 0.3
    assert (
        model.classifier.var_smoothing
        == json.loads(tuned.backend.leaderboard.set_index("model_id").loc[family.tuned].params)["var_smoothing"]
    )


@pytest.mark.slow
def test_forecasters_are_tuned_too() -> None:
    made = series_experiment(airline())
    tuned = through("native", made, ["ridge_cds_dt", "naive"], options={"tune": 1}, fold=3)
    (family,) = tuned.backend.tuned.families
    assert family.n_candidates >= GENERATION
    assert family.tuned in tuned.grid.index
    assert not tuned.backend.trials.query("status == 'ok' and model_id == @family.tuned").empty


def test_a_model_of_ones_own_is_named_and_not_tuned(exp: Any) -> None:
    tuned = through("native", exp, [GaussianNB(), "dt"], options={"tune": 1})
    assert [family.family for family in tuned.backend.tuned.families] == ["dt"]
    assert all(model_id == "0" for model_id in tuned.backend.tuned.untunable)
    assert {model_id.partition("-")[0] for model_id in tuned.backend.trials["model_id"]} == {"0", "1"}
    assert pd.notna(tuned.grid["Accuracy"]).all()


def test_a_space_has_what_can_be_chosen_under_the_names_that_an_estimator_knows(exp: Any) -> None:
    request = read_request(exp, {"include": ["lightgbm", "mlp", "lda", "dummy"], "sort": "Accuracy"})
    spaces = search_spaces(exp, request)
    assert spaces.keys() == {"lightgbm", "mlp", "lda"}
    for family, space in spaces.items():
        assert space.keys() <= make_estimator(exp, request, family).get_params().keys()
        assert all(len(each.values) > 1 for each in space.values() if isinstance(each, Choice))
        assert all(each.low < each.high for each in space.values() if isinstance(each, Range))
    assert {"subsample", "subsample_freq", "colsample_bytree", "num_leaves"} <= spaces["lightgbm"].keys()
    assert spaces["lda"]["shrinkage"] == Range(0.0001, 1, log=True)


@pytest.mark.parametrize(
    ("models", "more", "said"),
    [
        (["nb", "dt"], {"n_select": -1}, "n_select=-1 asks for the worst"),
        (["nb", "dt"], {"cross_validation": False}, "cross_validation=False has none"),
        (["nb", "dt"], {"sort": "TT"}, r"sorted by time \(TT\)"),
        ([GaussianNB(), "dummy"], {}, r"None of the models can be tuned \(0, 1\): PyCaret has no search space"),
    ],
)
def test_what_cannot_be_tuned_is_refused_before_anything_runs(exp: Any, models: Any, more: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        through("native", exp, models, options={"tune": 1}, **more)


def test_what_is_no_number_of_families_is_refused_and_optuna_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in (-1, "many", 1.5):
        with pytest.raises(ConfigError, match="tune must be no, or the number of families"):
            FugueBackend("native", tune=wrong)
    with pytest.raises(ConfigError, match="tune_minutes must be more than 0"):
        FugueBackend("native", tune=1, tune_minutes=0)
    monkeypatch.setattr("bakeoff._options.limits.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"tune needs Optuna, which is not installed: pip install 'bakeoff\[tune\]'"):
        FugueBackend("native", tune=1)
    assert importlib.util.find_spec("optuna")
