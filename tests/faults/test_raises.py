"""Models that raise: on some folds or all, in the refit, in predict_proba, in pickling. The others do not notice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

from support.fake_models import (
    CannotBePickled,
    CannotBeRead,
    CannotBeSentBack,
    Raises,
    RaisesInProba,
    RaisesInRefit,
    RaisesWithoutRows,
)
from support.pycaret_parity import Compared, through


@pytest.mark.slow
@pytest.mark.parametrize("n_bad", [1, 10, 20])
def test_of_twenty_models_some_raise(engine: Any, exp: Any, n_bad: int) -> None:
    models = [Raises() if n < n_bad else GaussianNB(var_smoothing=10.0**-n) for n in range(20)]
    mine = through(engine, exp, models, fold=2, n_select=0)
    assert len(mine.backend.failures) == 2 * n_bad
    assert set(mine.backend.failures["attempts"]) == {1}
    well = through(engine, exp, models[n_bad:], fold=2, n_select=0) if n_bad < 20 else None
    scores = mine.backend.trials.query("status == 'ok'")
    expected = [] if well is None else list(well.backend.trials["metrics"])
    assert list(scores["metrics"]) == expected
    assert len(mine.grid) == 20 - n_bad


def _tested_once(exp: Any, n_folds: int) -> list[float]:
    """For each fold a value of the first column that only its test rows have."""
    rows = np.asarray(exp.X_train_transformed.iloc[:, 0], dtype=float)
    from sklearn.model_selection import StratifiedKFold

    lonely = []
    for train, test in StratifiedKFold(n_folds).split(rows, exp.y_train):
        found = [value for value in rows[test] if not np.isclose(rows[train], value).any()]
        lonely.append(found[0])
    return lonely


@pytest.mark.slow
def test_on_some_of_ten_folds(engine: Any, exp: Any) -> None:
    values = _tested_once(exp, 10)
    models = ["nb", *[RaisesWithoutRows(values[:n]) for n in (1, 5, 9)]]
    mine = through(engine, exp, models, fold=10, n_select=0)
    board = mine.backend.leaderboard.set_index("model_id")
    assert list(board.loc[["0", "1", "2", "3"], "n_folds_ok"]) == [10, 9, 5, 1]
    assert list(board.loc[["0", "1", "2", "3"], "status"]) == ["ok", "partial", "partial", "partial"]
    well = mine.backend.trials.query("status == 'ok'").set_index(["model_id", "fold"])["metrics"]
    for (model_id, fold), metrics in well.items():
        assert metrics == well["0", fold], model_id  # all of them are naive Bayes


@pytest.mark.slow
def test_in_the_refit_in_probabilities_and_in_pickling(engine: Any, exp: Any, beside: Callable[..., Compared]) -> None:
    bad = [RaisesInRefit(), RaisesInProba(), CannotBePickled(), CannotBeSentBack(), CannotBeRead()]
    mine = beside(bad)
    trials = mine.backend.trials.set_index("model_id")
    assert set(trials.loc[["1", "2", "4"], "status"]) == {"ok"}
    assert "no probabilities" in trials.loc["2", "metric_errors"].iloc[0]["auc"]
    assert set(trials.loc[["3"], "error_message"]) == {"not to be pickled"}
    assert set(trials.loc[["5"], "error_message"]) == {"not to be read"}
    refitted = through(engine, exp, [*bad, "dummy"], fold=2, n_select=4)
    lost = refitted.backend.failures.query("fold == 'refit'").set_index("model")["error_message"]
    assert dict(lost) == {"0": "too many rows", "3": "not to be sent back"}
    assert [type(model).__name__ for model in refitted.models] == ["RaisesInProba", "DummyClassifier"]
