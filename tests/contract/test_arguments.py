"""Every argument of ``compare_models`` means what it means to plain PyCaret."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, TimeSeriesSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from bakeoff import FugueBackend
from bakeoff.errors import UserError
from support.datasets import breast_cancer, experiment, shared, tips
from support.fake_models import Raises, Sleeps
from support.pycaret_parity import native, same_scores, through

QUICK = ["nb", "dt", "dummy"]


@pytest.fixture
def exp() -> Any:
    return shared("binary")


def test_objects_and_ids_mixed(engine: Any, exp: Any) -> None:
    mixed = [GaussianNB(), DecisionTreeClassifier(max_depth=2, random_state=1), "dummy"]
    mine, plain = through(engine, exp, mixed), native(exp, mixed)
    assert sorted(mine.grid.index) == ["0", "1", "2"]
    same_scores(mine, plain)


def test_a_pipeline_is_a_model_too(engine: Any, exp: Any) -> None:
    given = [make_pipeline(StandardScaler(), LogisticRegression()), "nb"]
    same_scores(through(engine, exp, given), native(exp, given))


def test_exclude_takes_from_the_usual_models(engine: Any, exp: Any) -> None:
    left_out = [model for model in exp.models().query("Turbo").index if model not in QUICK]
    mine = through(engine, exp, exclude=left_out)
    assert set(mine.grid.index) == set(QUICK)
    same_scores(mine, native(exp, exclude=left_out))


@pytest.mark.parametrize("turbo", [True, False])
def test_turbo_leaves_the_slow_models_out(engine: Any, exp: Any, turbo: bool) -> None:  # noqa: FBT001
    left_out = [model for model in exp.models().index if model not in ("rbfsvm", "nb", "dt")]
    mine = through(engine, exp, exclude=left_out, turbo=turbo)
    assert ("rbfsvm" in mine.grid.index) is not turbo
    same_scores(mine, native(exp, exclude=left_out, turbo=turbo))


@pytest.mark.parametrize(
    "fold",
    [2, KFold(4, shuffle=True, random_state=3), StratifiedKFold(2), TimeSeriesSplit(2)],
    ids=lambda fold: type(fold).__name__,
)
def test_fold(engine: Any, exp: Any, fold: Any) -> None:
    mine = through(engine, exp, QUICK, fold=fold)
    same_scores(mine, native(exp, QUICK, fold=fold))
    assert mine.container[0]["cv"].get_n_splits() == (fold if isinstance(fold, int) else fold.get_n_splits())


@pytest.mark.parametrize("decimals", [2, 6])
def test_round(engine: Any, exp: Any, decimals: int) -> None:
    mine, plain = through(engine, exp, QUICK, round=decimals), native(exp, QUICK, round=decimals)
    pd.testing.assert_frame_equal(mine.scores, plain.scores, check_exact=True)


def test_without_cross_validation(engine: Any, exp: Any) -> None:
    mine, plain = through(engine, exp, QUICK, cross_validation=False), native(exp, QUICK, cross_validation=False)
    same_scores(mine, plain)
    assert mine.container == []
    assert str(mine.models) == str(plain.models)
    assert mine.backend.leaderboard["n_folds_ok"].tolist() == [1, 1, 1]


@pytest.mark.parametrize("name", ["regression", "series"])
def test_without_cross_validation_in_the_other_kinds(engine: Any, name: str) -> None:
    models = {"regression": ["lr", "dt", "dummy"], "series": ["naive", "snaive"]}[name]
    same_scores(
        through(engine, shared(name), models, cross_validation=False),
        native(shared(name), models, cross_validation=False),
    )


@pytest.mark.parametrize(
    ("name", "sort"), [("binary", "AUC"), ("binary", "acc"), ("binary", "Prec."), ("regression", "MAE")]
)
def test_sort(engine: Any, name: str, sort: str) -> None:
    models = ["dt", "dummy", "lr"]
    same_scores(through(engine, shared(name), models, sort=sort), native(shared(name), models, sort=sort))


@pytest.mark.parametrize("sort", ["TT", "TT (Sec)"])
def test_sort_by_time(engine: Any, exp: Any, sort: str) -> None:
    grid = through(engine, exp, ["rf", "dummy", "nb"], sort=sort).grid
    assert grid["TT (Sec)"].is_monotonic_increasing
    assert grid.index[-1] == "rf"


@pytest.mark.parametrize("n_select", [0, 1, 2, 99, -1, -2])
def test_n_select(engine: Any, exp: Any, n_select: int) -> None:
    mine, plain = through(engine, exp, QUICK, n_select=n_select), native(exp, QUICK, n_select=n_select)
    assert isinstance(mine.models, list) is isinstance(plain.models, list)
    assert str(mine.models) == str(plain.models)
    rows = exp.X_test
    for one, other in zip(
        *([m.models] if not isinstance(m.models, list) else m.models for m in (mine, plain)), strict=True
    ):
        pd.testing.assert_frame_equal(
            exp.predict_model(one, data=rows, verbose=False), exp.predict_model(other, data=rows, verbose=False)
        )


@pytest.mark.parametrize("top_only", [True, False])
def test_only_the_best_models_are_returned(engine: Any, exp: Any, top_only: bool) -> None:  # noqa: FBT001
    mine = through(engine, exp, QUICK, n_select=2, options={"top_only": top_only, "batch_size": 2})
    assert [type(model).__name__ for model in mine.models] == ["GaussianNB", "DecisionTreeClassifier"]
    assert len(mine.grid) == 3


def test_a_budget_that_is_over_before_it_began(engine: Any, exp: Any) -> None:
    mine = through(engine, exp, QUICK, budget_time=1e-9)
    assert mine.models == []
    assert set(mine.backend.failures["status"]) == {"cancelled"}
    assert native(exp, QUICK, budget_time=1e-9).models == []


def test_a_budget_is_one_deadline_for_the_whole_run(engine: Any, exp: Any) -> None:
    sleepers = [Sleeps(0.5) for _ in range(60)]
    through(engine, exp, ["dummy"])  # workers are there
    started = time.monotonic()
    through(engine, exp, ["dummy"], budget_time=5)
    starting = time.monotonic() - started  # the process that enforces a budget has to import PyCaret first
    started = time.monotonic()
    mine = through(engine, exp, ["dummy", *sleepers], budget_time=(starting + 5) / 60, n_select=0)
    assert time.monotonic() - started < starting + 30  # 90 s of sleep were asked for, by one slot or two
    assert "cancelled" in set(mine.backend.failures["status"])
    assert 0 < len(mine.grid) < 61  # what has been scored in time is ranked


def test_a_budget_that_is_long_enough(engine: Any, exp: Any) -> None:
    same_scores(through(engine, exp, QUICK, budget_time=60), native(exp, QUICK))


def test_errors_raise_shows_what_happened_on_the_worker(engine: Any, exp: Any) -> None:
    with pytest.raises(RuntimeError, match=r"failed for model 1\. ValueError: it was not to be[\s\S]*in fit"):
        through(engine, exp, ["nb", Raises()], errors="raise")
    with pytest.raises(RuntimeError, match="it was not to be"):
        native(exp, ["nb", Raises()], errors="raise")


def test_sample_weights_are_cut_with_the_folds(engine: Any, exp: Any) -> None:
    X, y = exp.X_train, exp.y_train
    weights = np.linspace(0.1, 3.0, len(y))
    mine = through(engine, exp, ["dt"], fit_kwargs={"sample_weight": weights})
    by_hand = []
    ready = exp.X_train_transformed.to_numpy()
    labels = exp.y_train_transformed
    estimator = exp.create_model("dt", verbose=False, cross_validation=False)
    for train, test in exp.fold_generator.split(X, y):
        model = clone(estimator).fit(ready[train], labels.iloc[train], sample_weight=weights[train])
        by_hand.append(accuracy_score(labels.iloc[test], model.predict(ready[test])))
    got = mine.backend.trials["metrics"].map(lambda metrics: metrics["accuracy"])
    np.testing.assert_allclose(got, by_hand, rtol=1e-9)
    refit = clone(estimator).fit(ready, labels, sample_weight=weights)
    np.testing.assert_array_equal(mine.models.tree_.value, refit.tree_.value)
    # By label, in any order, and more than is needed; and with the prefix that PyCaret knows.
    labelled = pd.Series(weights, index=y.index).sample(frac=1, random_state=1)
    again = through(engine, exp, ["dt"], fit_kwargs={"actual_estimator__sample_weight": labelled})
    pd.testing.assert_frame_equal(again.scores, mine.scores, check_exact=True)
    assert not through(engine, exp, ["dt"]).scores.equals(mine.scores)


def test_plain_fit_kwargs_reach_the_estimator(engine: Any, exp: Any) -> None:
    mine = through(engine, exp, ["dt", "nb"], fit_kwargs={"check_input": True})
    assert list(mine.grid.index) == ["dt"]
    assert set(mine.backend.failures["error_type"]) == {"TypeError"}


def test_weights_and_steps_that_change_rows_are_refused() -> None:
    made = experiment(tips(), "tip", remove_outliers=True)
    weights = np.ones(len(made.y_train))
    with pytest.raises(ValueError, match=r"sample_weight hold a value .* remove_outliers drops or adds rows"):
        through("native", made, ["lr"], fit_kwargs={"sample_weight": weights})


@pytest.mark.parametrize("as_name", [True, False])
def test_groups(engine: Any, as_name: bool) -> None:  # noqa: FBT001
    data = tips()
    made = experiment(data, "tip", fold_strategy="groupkfold", fold_groups="day", fold=2, data_split_shuffle=False)
    groups = None if as_name else made.X_train["day"].astype(str)
    mine = through(engine, made, ["lr", "dt"], groups=groups)
    same_scores(mine, native(made, ["lr", "dt"], groups=groups))
    same_scores(
        through(engine, made, ["lr", "dt"], fold=GroupKFold(2), groups="day"),
        native(made, ["lr", "dt"], fold=GroupKFold(2), groups="day"),
    )


def test_probability_threshold(engine: Any, exp: Any) -> None:
    mine = through(engine, exp, ["nb", "dt"], probability_threshold=0.9)
    plain = native(exp, ["nb", "dt"], probability_threshold=0.9)
    same_scores(mine, plain)
    assert mine.models.probability_threshold == 0.9


def test_engine_of_a_model_is_used_and_put_back(engine: Any, exp: Any) -> None:
    before = dict(exp.exp_model_engines)
    mine = through(engine, exp, ["lr", "nb"], engine={"lr": "sklearn"})
    same_scores(mine, native(exp, ["lr", "nb"], engine={"lr": "sklearn"}))
    assert exp.exp_model_engines == before
    with pytest.raises(ValueError, match="nope"):
        through(engine, exp, ["lr"], engine={"lr": "nope"})


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"include": ["nb", "nope"]}, ValueError, r"no model 'nope': choose from lr"),
        ({"sort": "nope"}, ValueError, r"no metric 'nope': choose from Accuracy"),
        ({"include": ["nb"], "exclude": ["lr"]}, TypeError, "cannot be used together"),
        ({"include": ["nb"], "fold": "many"}, TypeError, "fold must be"),
        ({"include": ["nb"], "round": 2.5}, TypeError, "round must be"),
        ({"include": ["nb"], "errors": "hide"}, ValueError, "errors must be"),
        ({"include": ["nb"], "budget_time": "soon"}, TypeError, "minutes"),
        ({"include": [object()]}, ValueError, "no fit"),
    ],
)
def test_arguments_are_checked_before_anything_runs(exp: Any, arguments: Any, error: Any, message: str) -> None:
    backend = FugueBackend("native")
    with pytest.raises(error, match=message):
        exp.compare_models(**arguments, parallel=backend, verbose=False)
    assert backend.board is None
    with pytest.raises(error):
        native(exp, arguments.get("include"), **{k: v for k, v in arguments.items() if k != "include"})


def test_cross_validation_is_true_or_false(exp: Any) -> None:
    # Plain PyCaret says so too, but to its log, and leaves every model out.
    with pytest.raises(TypeError, match="cross_validation must be True or False"):
        through("native", exp, ["nb"], cross_validation=1)


def test_an_empty_include_compares_nothing(engine: Any, exp: Any) -> None:
    mine = through(engine, exp, [])
    assert mine.models == []
    assert mine.grid.shape == (0, 0)


def test_multiclass_sorts_by_what_it_can(engine: Any) -> None:
    made = shared("multiclass")
    made.add_metric("binary_only", "Binary Only", _binary_only, multiclass=False)
    try:
        with pytest.raises(TypeError, match="more than two classes"):
            through(engine, made, ["nb"], sort="Binary Only")
    finally:
        made.remove_metric("binary_only")


def _binary_only(y_true: Any, y_pred: Any, **_: Any) -> float:
    return float(np.mean(np.asarray(y_true) == np.asarray(y_pred)))


def test_an_engine_that_is_not_known_is_refused(exp: Any) -> None:
    with pytest.raises(UserError, match="cannot run on 'ray'"):
        through("ray", exp, ["nb"])


@pytest.mark.parametrize("kind", ["clustering", "anomaly"])
def test_experiments_without_folds_are_refused(kind: str) -> None:
    import importlib

    module = importlib.import_module(f"pycaret.{kind}")
    name = {"clustering": "ClusteringExperiment", "anomaly": "AnomalyExperiment"}[kind]
    made = getattr(module, name)().setup(
        breast_cancer(50).drop(columns="target"), verbose=False, html=False, system_log=False, session_id=1
    )
    backend = FugueBackend("native")
    backend.attach(made)
    with pytest.raises(TypeError, match=f"{name} has no compare_models: use a classification"):
        backend.compare_models(made, {})


def test_sample_weights_without_cross_validation(engine: Any, exp: Any) -> None:
    weights = np.linspace(0.1, 3.0, len(exp.y_train))
    mine = through(engine, exp, ["dt", "nb"], cross_validation=False, fit_kwargs={"sample_weight": weights})
    assert sorted(mine.grid.index) == ["dt", "nb"]
    assert not mine.scores.equals(through(engine, exp, ["dt", "nb"], cross_validation=False).scores)
