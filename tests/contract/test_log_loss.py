"""Models ranked by the log-loss of their probabilities, which PyCaret has no metric for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import log_loss

from bakeoff import FugueBackend
from bakeoff.comparison.blend import weighted
from bakeoff.comparison.blend_goals import MeasuredGoal
from bakeoff.comparison.trial import Trial
from bakeoff.pycaret3 import blending
from bakeoff.pycaret3.scoring.log_loss import LOG_LOSS, add_log_loss
from support.datasets import breast_cancer, experiment, wine

MODELS = ["lr", "ridge", "rf", "knn"]


@pytest.fixture(params=["two classes", "three classes"])
def ranked(request: pytest.FixtureRequest) -> tuple[Any, FugueBackend]:
    frame = breast_cancer() if request.param == "two classes" else wine()
    made = experiment(frame, "target", fold=3)
    add_log_loss(made)
    backend = FugueBackend("native", blend="offer")
    made.compare_models(MODELS, sort=LOG_LOSS, parallel=backend, verbose=False)
    return made, backend


def test_models_are_ranked_by_it_and_one_without_probabilities_is_last(ranked: tuple[Any, FugueBackend]) -> None:
    made, backend = ranked
    rows = backend.board.rows
    values = [row.primary_value for row in rows[:-1]]
    assert values == sorted(values)
    assert rows[-1].model_id == "ridge"
    assert np.isnan(rows[-1].primary_value)
    assert made.pull().index.tolist() == [row.model_id for row in rows]


def test_its_value_is_that_of_what_the_models_predicted(ranked: tuple[Any, FugueBackend]) -> None:
    _, backend = ranked
    compared = backend.compared
    frozen, classes = compared.comparison.frozen, np.unique(compared.comparison.frozen.y)
    for outcome in backend.board.outcomes:
        if outcome.model_id != "ridge":
            said = compared.predictions.of(Trial(outcome.model_id, outcome.fold)).values.astype(float)
            truth = frozen.y.iloc[frozen.splits[outcome.fold][1]]
            said = said / said.sum(axis=1, keepdims=True)
            assert outcome.metrics[LOG_LOSS] == pytest.approx(log_loss(truth, said, labels=classes), rel=1e-4)


def test_a_blend_is_made_for_it(ranked: tuple[Any, FugueBackend]) -> None:
    _, backend = ranked
    said = blending._said(backend.compared.comparison, backend.board, backend.compared.predictions)
    assert isinstance(said.goal(backend.board), MeasuredGoal)
    assert backend.blended is not None
    shares = backend.blended.shares
    loss = -np.mean([said.score(fold, weighted(said.pool, fold, shares)) for fold in range(3)])
    assert loss <= backend.board.best.primary_value
    assert "ridge" not in shares
