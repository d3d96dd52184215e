"""What goes wrong costs only itself, and is told."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from sklearn.naive_bayes import GaussianNB

from support.datasets import diabetes, experiment, shared
from support.fake_models import (
    AlmostRight,
    CannotBePickled,
    Exits,
    Raises,
    RaisesInPredict,
    RaisesInRefit,
    RaisesWithoutRow,
    WritesIntoItsInput,
)
from support.pycaret_parity import TT, native, through


@pytest.fixture
def exp() -> Any:
    return shared("binary")


def _in_all_folds_but_one(experiment: Any) -> float:
    """A value of the first column that one fold has among its test rows."""
    rows = experiment.X_train_transformed.iloc[:, 0]
    _, test = next(iter(experiment.fold_generator.split(experiment.X_train, experiment.y_train)))
    lonely = rows.iloc[test][~rows.iloc[test].isin(rows.drop(rows.index[test]))]
    return float(lonely.iloc[0])


@pytest.mark.everywhere
def test_a_model_that_raises_costs_only_itself(engine: Any, exp: Any) -> None:
    mine = through(engine, exp, ["nb", Raises(), "dummy"])
    assert list(mine.grid.index) == ["0", "2"]
    assert type(mine.models).__name__ == "GaussianNB"
    assert list(mine.backend.leaderboard["status"]) == ["ok", "ok", "failed"]
    assert len(mine.backend.failures) == 3
    first = mine.backend.failures.iloc[0]
    assert (first["model"], first["error_type"], first["error_message"]) == ("1", "ValueError", "it was not to be")
    assert "in fit" in first["traceback"]
    assert first["attempts"] == 1  # an exception is final: the model is not fitted twice
    alone = through(engine, exp, ["nb", "dummy"])
    assert mine.scores.reset_index(drop=True).equals(alone.scores.reset_index(drop=True))


@pytest.mark.parametrize("first", [True, False])
def test_the_columns_stay_whatever_fails_first(engine: Any, exp: Any, first: bool) -> None:  # noqa: FBT001
    models = [Raises(), "nb", "dt"] if first else ["nb", "dt", Raises()]
    mine = through(engine, exp, models)
    assert list(mine.grid.columns) == list(native(exp, ["nb"]).grid.columns)
    assert mine.grid.columns[-1] == TT


def test_a_failed_fold_puts_a_model_below_the_complete_ones(engine: Any, exp: Any) -> None:
    mine = through(engine, exp, [RaisesWithoutRow(_in_all_folds_but_one(exp)), "dummy"])
    partial = mine.backend.leaderboard.iloc[1]
    assert (partial["model_id"], partial["status"], partial["n_folds_ok"]) == ("0", "partial", 2)
    assert partial["primary_value"] > mine.backend.leaderboard.iloc[0]["primary_value"]
    assert list(mine.grid.index) == ["1", "0"]
    assert len(mine.container) == 1  # only the complete one: automl() would choose wrongly


def test_a_failed_fold_is_no_perfect_score(engine: Any) -> None:
    made = experiment(diabetes(), "target", fold=3)
    broken = AlmostRight(_in_all_folds_but_one(made))
    mine = through(engine, made, ["lr", "dummy", broken], sort="MAE")
    assert list(mine.grid.index)[-1] == "2"
    whole = through(engine, made, ["dummy"], sort="MAE").grid.loc["dummy", "MAE"]
    assert mine.grid.loc["2", "MAE"] == pytest.approx(whole, rel=0.2)  # the mean of the folds that are there


def test_when_all_fail_the_answer_is_empty_and_pull_is_new(engine: Any, exp: Any) -> None:
    through("native", exp, ["nb"])
    mine = through(engine, exp, [Raises()])
    assert mine.models == []
    assert mine.grid.shape == native(exp, [Raises()]).grid.shape == (0, 0)
    assert len(mine.backend.failures) == 3


def test_a_winner_that_cannot_be_refitted_is_left_out(engine: Any, exp: Any) -> None:
    models = [RaisesInRefit(), "nb", "dummy"]
    mine, plain = through(engine, exp, models, n_select=3), native(exp, models, n_select=3)
    assert str(mine.models) == str(plain.models)
    assert [type(model).__name__ for model in mine.models] == ["GaussianNB", "DummyClassifier"]
    pd.testing.assert_frame_equal(mine.scores, plain.scores)
    assert list(mine.backend.failures["fold"]) == ["refit"]
    with pytest.raises(RuntimeError, match="too many rows"):
        through(engine, exp, models, n_select=3, errors="raise")


def test_a_model_that_cannot_predict_has_failed(engine: Any, exp: Any) -> None:
    mine = through(engine, exp, ["nb", RaisesInPredict()])
    assert list(mine.grid.index) == ["0"]
    assert set(mine.backend.failures["error_message"]) == {"no prediction"}


def test_a_model_that_cannot_be_sent_fails_with_its_reason(engine: Any, exp: Any) -> None:
    mine = through(engine, exp, ["nb", CannotBePickled()])
    assert list(mine.grid.index) == ["0"]
    assert set(mine.backend.failures["error_message"]) == {"not to be pickled"}


def test_a_model_that_exits_ends_its_trial_and_nothing_else(engine: Any, exp: Any) -> None:
    mine = through(engine, exp, ["nb", Exits()])
    assert list(mine.grid.index) == ["0"]
    assert set(mine.backend.failures["status"]) == {"crashed"}
    assert set(mine.backend.failures["error_type"]) == {"SystemExit"}


def test_a_model_that_writes_into_its_input_spoils_no_other(engine: Any, exp: Any) -> None:
    alone = through(engine, exp, ["lr", "dt"]).scores.reset_index(drop=True)
    together = through(engine, exp, [WritesIntoItsInput(), "lr", "dt"]).scores
    pd.testing.assert_frame_equal(together[together.index != "0"].reset_index(drop=True), alone)


def test_a_metric_that_cannot_be_computed_is_told_and_loses_nothing(engine: Any, exp: Any) -> None:
    mine, plain = through(engine, exp, ["ridge", "nb"]), native(exp, ["ridge", "nb"])
    pd.testing.assert_frame_equal(mine.scores, plain.scores)
    made = shared("multiclass")
    mine, plain = through(engine, made, ["ridge", "nb"]), native(made, ["ridge", "nb"])
    assert mine.grid.loc["ridge", "AUC"] == plain.grid.loc["ridge", "AUC"] == 0.0
    assert list(mine.backend.leaderboard["status"]) == ["ok", "ok"]
    errors = mine.backend.trials.query("model_id == 'ridge'")["metric_errors"]
    assert all("auc" in each for each in errors)


def test_a_series_fails_with_its_reason(engine: Any) -> None:
    made = shared("series")
    mine = through(engine, made, ["naive", "ets"], fit_kwargs={})
    assert sorted(mine.grid.index) == ["ets", "naive"]  # the bounds of sktime and statsmodels are for this
    mine = through(engine, made, ["naive"], fit_kwargs={"nonsense": 1})
    assert mine.models == []
    assert all(mine.backend.failures["error_message"])
    assert set(mine.backend.failures["error_type"]) == {"TypeError"}
    with pytest.raises(RuntimeError, match=r"failed for model naive\. TypeError: .*nonsense"):
        through(engine, made, ["naive"], fit_kwargs={"nonsense": 1}, errors="raise")


def test_many_failures_among_many_models(engine: Any, exp: Any) -> None:
    models = [Raises() if n % 2 else GaussianNB(var_smoothing=10.0**-n) for n in range(10)]
    mine = through(engine, exp, models, n_select=99, options={"batch_size": 3})
    assert len(mine.models) == 5
    assert sorted(mine.grid.index) == ["0", "2", "4", "6", "8"]
    assert len(mine.backend.failures) == 15
