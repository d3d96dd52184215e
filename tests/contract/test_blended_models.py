"""A blend in PyCaret code: one more estimator, which changes nothing of what a comparison returns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from pycaret.classification import ClassificationExperiment
from pycaret.regression import RegressionExperiment
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import VotingClassifier, VotingRegressor

from bakeoff import FugueBackend
from bakeoff.comparison.trial import Trial
from bakeoff.errors import BlendError, ConfigError
from bakeoff.pycaret3 import blending

MODELS = {"cancer": ["lr", "knn", "nb", "dt", "ridge"], "wine": ["lr", "knn", "dt"], "diabetes": ["lr", "knn", "dt"]}


def experiment_on(name: str, **options: Any) -> Any:
    load = {"cancer": load_breast_cancer, "wine": load_wine, "diabetes": load_diabetes}[name]
    data = load(as_frame=True).frame
    if name != "diabetes":
        data["target"] = data["target"].map({0: "bad", 1: "good", 2: "ugly"})
    experiment = (RegressionExperiment if name == "diabetes" else ClassificationExperiment)()
    return experiment.setup(data, target="target", session_id=1, fold=4, verbose=False, html=False, **options)


def compared(name: str, setup: dict[str, Any] | None = None, **options: Any) -> tuple[Any, FugueBackend, Any]:
    experiment = experiment_on(name, **(setup or {}))
    backend = FugueBackend("native", **options)
    sort = "R2" if name == "diabetes" else "AUC"
    best = experiment.compare_models(MODELS[name], sort=sort, parallel=backend, verbose=False)
    return experiment, backend, best


@pytest.mark.parametrize("name", ["cancer", "diabetes"])
def test_a_comparison_returns_the_same_with_a_blend_as_without(name: str) -> None:
    with_blend, backend, best = compared(name, blend="on")
    without, _, plain = compared(name, keep_predictions="no")
    assert backend.blended is not None
    assert type(best) is type(plain)
    scores, same = with_blend.pull(), without.pull()
    assert_frame_equal(scores.drop(columns="TT (Sec)"), same.drop(columns="TT (Sec)"))


@pytest.mark.parametrize(("name", "kind"), [("cancer", VotingClassifier), ("diabetes", VotingRegressor)])
def test_a_blend_predicts_the_mean_of_its_members_and_is_taken_by_pycaret(
    name: str, kind: type, tmp_path: Path
) -> None:
    experiment, backend, _ = compared(name)
    model = backend.blend()
    assert type(model) is kind
    assert list(model.named_estimators_) == list(backend.blended.shares)
    assert len(model.estimators_) >= 2
    rows = experiment.get_config("X_test_transformed")
    answers = (model.predict if name == "diabetes" else model.predict_proba)(rows)
    of_members = [(m.predict if name == "diabetes" else m.predict_proba)(rows) for m in model.estimators_]
    np.testing.assert_allclose(answers, np.average(of_members, axis=0, weights=model.weights), rtol=1e-6)
    predicted = experiment.predict_model(model, verbose=False)
    final = experiment.finalize_model(model)
    experiment.save_model(final, str(tmp_path / "blend"), verbose=False)
    loaded = experiment.load_model(str(tmp_path / "blend"), verbose=False)
    assert len(loaded.predict(experiment.get_config("X_test"))) == len(predicted)
    values = backend.holdout_values(experiment)
    shown = experiment.predict_model(model, verbose=False) is not None and experiment.pull().iloc[0]
    assert values["blend"] == pytest.approx(float(shown["R2" if name == "diabetes" else "AUC"]), abs=1e-4)


@pytest.mark.parametrize("name", ["cancer", "wine", "diabetes"])
def test_a_blend_of_one_model_has_the_scores_of_that_model(name: str) -> None:
    _, backend, _ = compared(name)
    said = blending._said(backend.compared.comparison, backend.board, backend.compared.predictions)
    assert "ridge" not in said.pool.model_ids  # it has no probabilities
    for outcome in backend.board.outcomes:
        if outcome.model_id in said.pool.model_ids:
            again = said.outcome(outcome.fold, {outcome.model_id: 1.0}, [])
            assert set(again.metrics) == set(outcome.metrics)
            for key, value in outcome.metrics.items():
                if not (key == "auc" and name == "wine" and value == 0.0):  # PyCaret has none of decision values
                    assert again.metrics[key] == pytest.approx(value, rel=1e-5, abs=1e-6), (outcome.trial, key)


def test_a_metric_of_the_user_ranks_a_blend_as_well() -> None:
    def hits(y_true: Any, y_pred: Any) -> float:
        return float(np.mean(np.asarray(y_true) == np.asarray(y_pred)))

    experiment = experiment_on("cancer")
    experiment.add_metric("hits", "Hits", hits, greater_is_better=True)
    backend = FugueBackend("native")
    experiment.compare_models(["knn", "nb", "dt"], sort="Hits", parallel=backend, verbose=False)
    blend = blending.blend_of(backend.compared.comparison, backend.board, backend.compared.predictions)
    assert blend is not None
    assert all(outcome.metrics["hits"] == outcome.metrics["accuracy"] for outcome in blend.outcomes)


def test_a_model_whose_predictions_are_gone_is_left_out_and_named() -> None:
    _, backend, _ = compared("cancer")
    del backend.compared.predictions._packed[Trial("lr", 2)]
    blend = blending.blend_of(backend.compared.comparison, backend.board, backend.compared.predictions)
    assert blend is not None
    assert blend.left_out == ("lr",)
    assert "lr" not in blend.shares


@pytest.mark.parametrize(
    ("name", "setup", "options", "why"),
    [
        ("cancer", {}, {"keep_predictions": "no"}, "was not kept"),
        ("diabetes", {"transform_target": True}, {}, "transformed target"),
    ],
)
def test_why_there_is_no_blend_is_said(name: str, setup: Any, options: Any, why: str) -> None:
    _, backend, _ = compared(name, setup, **options)
    with pytest.raises(BlendError, match=f"There is no blend: .*{why}"):
        backend.blend()


def test_there_is_no_blend_before_a_comparison() -> None:
    with pytest.raises(BlendError, match="compare_models"):
        FugueBackend("native").blend()
    with pytest.raises(ConfigError, match='blend must be "off", "offer" or "on"'):
        FugueBackend("native", blend="maybe")


def test_a_blend_of_one_model_alone_is_none() -> None:
    experiment = experiment_on("cancer")
    backend = FugueBackend("native")
    experiment.compare_models(["nb", "dummy"], parallel=backend, verbose=False)
    assert isinstance(backend.trials, pd.DataFrame)
    with pytest.raises(BlendError, match="no mean of several models is better"):
        backend.blend()
