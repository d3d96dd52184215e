"""What trials bring home is what their scores were computed from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pycaret.classification import ClassificationExperiment
from pycaret.regression import RegressionExperiment
from sklearn.datasets import load_diabetes, load_iris
from sklearn.metrics import accuracy_score, mean_absolute_error

from bakeoff import FugueBackend
from bakeoff.comparison.predictions import Kind
from bakeoff.comparison.trial import Trial
from bakeoff.errors import ConfigError


def compared(task: str, models: list[str], **options: Any) -> FugueBackend:
    data = (load_iris if task == "classification" else load_diabetes)(as_frame=True).frame
    if task == "classification":
        data["target"] = data["target"].map({0: "setosa", 1: "versicolor", 2: "virginica"})
    experiment = (ClassificationExperiment if task == "classification" else RegressionExperiment)()
    experiment.setup(data, target="target", session_id=1, fold=3, verbose=False, html=False)
    backend = FugueBackend("native", **options)
    experiment.compare_models(models, parallel=backend, verbose=False)
    return backend


def test_probabilities_of_each_class_are_those_that_were_scored() -> None:
    backend = compared("classification", ["lr", "knn", "dt", "qda", "ridge"])
    frozen = backend.compared.comparison.frozen
    classes = np.unique(frozen.y)
    for outcome in backend.board.outcomes:
        said = backend.compared.predictions.of(outcome.trial)
        truth = np.asarray(frozen.y.iloc[frozen.splits[outcome.fold][1]])
        assert said.values.shape == (len(truth), 3)
        assert said.kind is (Kind.DECISIONS if outcome.model_id == "ridge" else Kind.PROBABILITIES)
        assert accuracy_score(truth, classes[said.values.argmax(axis=1)]) == outcome.metrics["accuracy"]


def test_numbers_are_those_that_were_scored() -> None:
    backend = compared("regression", ["lr", "dt"])
    frozen = backend.compared.comparison.frozen
    for outcome in backend.board.outcomes:
        said = backend.compared.predictions.of(outcome.trial)
        truth = frozen.y.iloc[frozen.splits[outcome.fold][1]]
        assert said.kind is Kind.VALUES
        assert mean_absolute_error(truth, said.values) == pytest.approx(outcome.metrics["mae"], rel=1e-6)


def test_rows_of_what_was_predicted_give_the_scores_that_were_ranked_by() -> None:
    for task, models in (("classification", ["lr", "ridge"]), ("regression", ["lr", "dt"])):
        backend = compared(task, models)
        truth = backend.compared.comparison.frozen.y
        parts = list(backend.compared.prediction_rows())
        assert backend.compared.without_predictions == []
        assert sum(map(len, parts)) == len(models) * len(truth)
        outcomes = {(outcome.model_id, outcome.fold): outcome for outcome in backend.board.outcomes}
        for part in parts:
            outcome = outcomes.pop((part[0]["model_id"], part[0]["fold"]))
            real, said = ([row[name] for row in part] for name in ("truth", "prediction"))
            assert real == truth.loc[[row["row_number"] for row in part]].astype(str).tolist()
            if task == "regression":
                error = mean_absolute_error(np.array(real, dtype=float), np.array(said, dtype=float))
                assert error == pytest.approx(outcome.metrics["mae"], rel=1e-6)
            else:
                assert accuracy_score(real, said) == outcome.metrics["accuracy"]
                assert {row["probabilities"] is None for row in part} == {outcome.model_id == "ridge"}
        assert outcomes == {}


def test_rows_of_predictions_call_classes_as_they_are_told_and_name_what_was_not_kept() -> None:
    backend = compared("classification", ["dt"])
    parts = list(backend.compared.prediction_rows({"setosa": 0.5}))
    said = {row[name] for part in parts for row in part for name in ("truth", "prediction")}
    assert said == {"0.5", "versicolor", "virginica"}
    unkept = compared("classification", ["dt"], keep_predictions="no")
    assert list(unkept.compared.prediction_rows()) == []
    assert unkept.compared.without_predictions == ["dt"]


def test_nothing_is_kept_where_nothing_is_wanted() -> None:
    backend = compared("classification", ["dt"], keep_predictions="no")
    assert backend.compared.predictions.of(Trial("dt", 0)) is None


def test_a_word_that_means_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match='keep_predictions must be "auto", "yes" or "no"'):
        FugueBackend("native", keep_predictions="maybe")
