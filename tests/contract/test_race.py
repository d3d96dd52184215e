"""A race through the backend: the grid's scores for who comes through, and the others stopped."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from bakeoff import FugueBackend
from bakeoff.errors import ConfigError
from support.datasets import airline, breast_cancer, experiment, series_experiment
from support.fake_models import Raises
from support.pycaret_parity import through

MODELS = ["lda", "nb", "dt", "dummy", "ridge"]
N_FOLDS = 6


@pytest.fixture(scope="module")
def exp() -> Any:
    return experiment(breast_cancer(200), "target", fold=N_FOLDS)


def statuses(compared: Any) -> dict[str, tuple[str, int]]:
    board = compared.backend.leaderboard
    return {row.model_id: (row.status, row.n_folds_ok) for row in board.itertuples()}


@pytest.mark.everywhere
def test_the_winner_has_the_grids_scores_and_none_is_certainly_better(engine: Any, exp: Any) -> None:
    race = through(engine, exp, MODELS, options={"race": True})
    grid = through(engine, exp, MODELS)
    found = statuses(race)
    assert found["dummy"] == ("stopped", 2)
    assert {folds for _, folds in found.values()} <= {2, 3, N_FOLDS}
    whole = [model_id for model_id, (status, _) in found.items() if status == "ok"]
    assert grid.backend.verdict.ties_with_best(race.grid.index[0])
    assert list(race.grid.index[: len(whole)]) == [model_id for model_id in grid.grid.index if model_id in whole]
    pd.testing.assert_frame_equal(race.scores.loc[whole], grid.scores.loc[whole], check_exact=True)
    assert hasattr(race.models, "classes_")
    assert len(race.container) == len(whole)
    assert race.backend.failures.empty
    assert len(race.backend.trials) == sum(folds for _, folds in found.values())
    again = through(engine, exp, MODELS, options={"race": True, "n_slots": 3})
    assert statuses(again) == found
    pd.testing.assert_frame_equal(again.scores, race.scores, check_exact=True)


def test_as_many_run_on_all_folds_as_are_asked_for(exp: Any) -> None:
    for options, n_select in (({"race": 4}, 1), ({"race": True}, 4)):
        found = statuses(through("native", exp, MODELS, options=options, n_select=n_select))
        assert [status for status, _ in found.values()].count("ok") >= 4
    models = [GaussianNB(), DecisionTreeClassifier(random_state=1), DummyClassifier()]
    assert statuses(through("native", exp, models, options={"race": 2}))["2"] == ("stopped", 2)


def test_a_model_that_fails_is_no_stopped_one(exp: Any) -> None:
    found = statuses(through("native", exp, [GaussianNB(), Raises()], options={"race": True}))
    assert found == {"0": ("ok", N_FOLDS), "1": ("failed", 0)}


def test_a_hold_out_and_two_folds_are_compared_as_ever(exp: Any) -> None:
    race = through("native", exp, ["nb", "dummy"], options={"race": True}, cross_validation=False)
    assert set(statuses(race).values()) == {("ok", 1)}
    race = through("native", exp, ["nb", "dummy"], options={"race": True}, fold=2)
    assert set(statuses(race).values()) == {("ok", 2)}


def test_forecasters_race_too() -> None:
    made = series_experiment(airline())
    race = through("native", made, ["snaive", "naive", "grand_means"], options={"race": 1}, fold=3)
    assert race.grid.index[0] == "snaive"
    assert statuses(race)["grand_means"] == ("stopped", 2)


def test_the_worst_models_are_not_found_by_a_race(exp: Any) -> None:
    with pytest.raises(ValueError, match="race finds the best models, and n_select=-1 asks for the worst"):
        through("native", exp, ["nb", "dt"], options={"race": True}, n_select=-1)


@pytest.mark.parametrize("race", [-1, "yes", 0.5])
def test_what_is_no_number_of_models_is_refused(race: Any) -> None:
    with pytest.raises(ConfigError, match="race must be True, False or the number of families"):
        FugueBackend("native", race=race)
