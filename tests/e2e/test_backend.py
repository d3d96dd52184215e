"""What a user of ``compare_models`` relies on, on Fugue's native engine and on Spark."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from data import breast_cancer, experiment
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.naive_bayes import GaussianNB

from bakeoff import FugueBackend
from bakeoff.comparison.events import BatchDone, PlanMade, RunDone, TrialDone
from bakeoff.errors import UserError
from bakeoff.fugue_backend import _DisplayUtil, _get_context_lock


class Raises(ClassifierMixin, BaseEstimator):
    """Fails in every fit."""

    def fit(self, X: Any, y: Any) -> Any:
        raise ValueError("it was not to be")

    def predict(self, X: Any) -> Any:
        return np.zeros(len(X))


class RaisesOnce(GaussianNB):
    """Fails on the one fold whose training rows start otherwise than the others'."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        if float(np.asarray(X)[0, 0]) != self.usual_:
            raise ValueError("not this fold")
        return super().fit(X, y)

    usual_ = 0.0


class RaisesInRefit(GaussianNB):
    """Fits folds, and fails on all training rows."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        if len(X) > 100:
            raise ValueError("too many rows")
        return super().fit(X, y)


class WritesIntoItsInput(GaussianNB):
    """Spoils the rows that it is given."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        super().fit(X, y)
        X.iloc[:, :] = 0.0
        return self


class CannotBePickled(GaussianNB):
    def __reduce__(self) -> Any:
        raise TypeError("not to be pickled")


@pytest.fixture(scope="module")
def exp() -> Any:
    return experiment(breast_cancer(200), "target")


@pytest.fixture(params=["native", "spark"])
def engine(request: pytest.FixtureRequest) -> Any:
    return "native" if request.param == "native" else request.getfixturevalue("spark")


def test_a_model_that_raises_costs_only_itself(exp: Any, engine: Any) -> None:
    backend = FugueBackend(engine)
    best = exp.compare_models(["nb", Raises(), "dummy"], parallel=backend, verbose=False)
    assert list(exp.pull().index) == ["0", "2"]
    assert type(best).__name__ == "GaussianNB"
    assert list(backend.leaderboard["status"]) == ["ok", "ok", "failed"]
    assert len(backend.failures) == 3
    first = backend.failures.iloc[0]
    assert (first["model"], first["error_type"], first["error_message"]) == ("1", "ValueError", "it was not to be")
    assert "in fit" in first["traceback"]


def test_a_failed_fold_puts_a_model_below_the_complete_ones(exp: Any) -> None:
    backend = FugueBackend("native")
    model = RaisesOnce()
    firsts = []
    exp.compare_models(["dummy"], parallel=backend, verbose=False)
    for train, _ in backend._frozen.splits:
        firsts.append(float(backend._frozen.X.iloc[train].iloc[0, 0]))
    RaisesOnce.usual_ = np.float32(max(set(firsts), key=firsts.count))
    exp.compare_models([model, "dummy"], parallel=backend, verbose=False)
    assert list(backend.leaderboard["model_id"]) == ["1", "0"]
    partial = backend.leaderboard.iloc[1]
    assert (partial["status"], partial["n_folds_ok"]) == ("partial", 2)
    assert list(exp.pull().index) == ["1", "0"]
    assert partial["primary_value"] > backend.leaderboard.iloc[0]["primary_value"]
    assert len(exp._master_model_container[-1]["scores"]) == 5  # the complete one only: three folds, mean and deviation


def test_when_all_fail_the_answer_is_empty_and_pull_is_new(exp: Any, engine: Any) -> None:
    exp.compare_models(["nb"], parallel=FugueBackend("native"), verbose=False)
    backend = FugueBackend(engine)
    assert exp.compare_models([Raises()], parallel=backend, verbose=False) == []
    assert exp.pull().shape == (0, 0)
    assert len(backend.failures) == 3


def test_a_winner_that_cannot_be_refitted_is_left_out(exp: Any) -> None:
    backend = FugueBackend("native")
    models = exp.compare_models([RaisesInRefit(), "nb", "dummy"], n_select=3, parallel=backend, verbose=False)
    assert [type(model).__name__ for model in models] == ["GaussianNB", "DummyClassifier"]
    assert "0" in exp.pull().index
    assert list(backend.failures["fold"]) == ["refit"]


def test_a_model_that_cannot_be_sent_fails_with_its_reason(exp: Any, engine: Any) -> None:
    backend = FugueBackend(engine)
    exp.compare_models(["nb", CannotBePickled()], parallel=backend, verbose=False)
    assert list(exp.pull().index) == ["0"]
    assert set(backend.failures["error_message"]) == {"not to be pickled"}


def test_a_model_that_writes_into_its_input_spoils_no_other(exp: Any) -> None:
    exp.compare_models(["lr", "dt"], parallel=FugueBackend("native"), verbose=False)
    alone = exp.pull().reset_index(drop=True).drop(columns="TT (Sec)")
    exp.compare_models([WritesIntoItsInput(), "lr", "dt"], parallel=FugueBackend("native"), verbose=False)
    together = exp.pull()
    pd.testing.assert_frame_equal(
        together[together.index != "0"].reset_index(drop=True).drop(columns="TT (Sec)"), alone
    )


@pytest.mark.parametrize(
    ("n_select", "names"),
    [
        (0, []),
        (1, "GaussianNB"),
        (2, ["GaussianNB", "DecisionTreeClassifier"]),
        (99, ["GaussianNB", "DecisionTreeClassifier", "DummyClassifier"]),
        (-2, ["DecisionTreeClassifier", "DummyClassifier"]),
    ],
)
def test_n_select(exp: Any, n_select: int, names: Any) -> None:
    got = exp.compare_models(["nb", "dt", "dummy"], n_select=n_select, parallel=FugueBackend("native"), verbose=False)
    native = exp.compare_models(["nb", "dt", "dummy"], n_select=n_select, verbose=False)
    shown = [type(model).__name__ for model in got] if isinstance(got, list) else type(got).__name__
    assert shown == names
    assert str(got) == str(native)


def test_ties_keep_the_order_given(exp: Any, engine: Any) -> None:
    same = [GaussianNB(var_smoothing=value) for value in (1.2e-9, 1e-9, 1.1e-9)]
    winners = {exp.compare_models(same, parallel=FugueBackend(engine), verbose=False).var_smoothing for _ in range(2)}
    assert winners == {1.2e-9}


def test_exclude_takes_from_the_usual_models(exp: Any) -> None:
    usual = list(exp.models().query("Turbo").index)
    left = ["nb", "dummy"]
    exp.compare_models(
        exclude=[model for model in usual if model not in left], parallel=FugueBackend("native"), verbose=False
    )
    assert set(exp.pull().index) == set(left)


def test_errors_raise_shows_what_happened_on_the_worker(exp: Any, engine: Any) -> None:
    with pytest.raises(RuntimeError, match=r"failed for model 1\. ValueError: it was not to be[\s\S]*in fit"):
        exp.compare_models(["nb", Raises()], errors="raise", parallel=FugueBackend(engine), verbose=False)


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


def test_an_engine_that_is_not_known_is_refused(exp: Any) -> None:
    with pytest.raises(UserError, match="cannot run on 'ray'"):
        exp.compare_models(["nb"], parallel=FugueBackend("ray"), verbose=False)


def test_a_budget_that_is_over_leaves_what_is_finished(exp: Any) -> None:
    backend = FugueBackend("native")
    assert exp.compare_models(["nb", "dt"], budget_time=1e-9, parallel=backend, verbose=False) == []
    assert set(backend.failures["status"]) <= {"cancelled"}


def test_the_experiment_goes_on_as_if_it_had_compared_itself(exp: Any, engine: Any) -> None:
    exp._master_model_container.clear()
    best = exp.compare_models(["nb", "dt", "dummy"], parallel=FugueBackend(engine), verbose=False)
    assert type(exp.automl(optimize="Accuracy")).__name__ == type(best).__name__
    assert list(exp.get_leaderboard(verbose=False)["Model Name"]) == [
        "Naive Bayes",
        "Decision Tree Classifier",
        "Dummy Classifier",
    ]
    assert len(exp.predict_model(exp.finalize_model(best), verbose=False)) == 60


def test_returned_models_carry_the_parameters_of_the_driver(engine: Any) -> None:
    own = experiment(breast_cancer(200), "target", n_jobs=-1)
    best = own.compare_models(["rf"], parallel=FugueBackend(engine), verbose=False)
    assert best.n_jobs == -1


def test_the_global_generator_is_left_alone_by_the_trials(exp: Any) -> None:
    backend = FugueBackend("native")
    exp.compare_models(["nb"], parallel=backend, verbose=False)
    runner_state = np.random.get_state()[1].copy()
    backend._remote_compare_models([[0]])
    assert (np.random.get_state()[1] == runner_state).all()


def test_a_spark_session_is_used_and_left_as_it_is(exp: Any, spark: Any) -> None:
    settings = {row.key: row.value for row in spark.sql("SET").collect()}  # first: Spark completes its own settings
    before = dict(spark.sparkContext.getConf().getAll())
    tracker = spark.sparkContext.statusTracker()
    backend = FugueBackend(spark)
    exp.compare_models(["nb", "dt"], parallel=backend, verbose=False)
    assert backend.summary.slots == 2
    assert spark.range(3).count() == 3
    assert dict(spark.sparkContext.getConf().getAll()) == before
    assert {row.key: row.value for row in spark.sql("SET").collect()} == settings
    assert not tracker.getActiveJobsIds()
    assert spark.sparkContext.getLocalProperty("spark.job.description") is None


def test_no_engine_means_the_active_session(exp: Any, spark: Any) -> None:
    backend = FugueBackend()
    exp.compare_models(["nb"], parallel=backend, verbose=False)
    assert backend.summary.slots == spark.sparkContext.defaultParallelism


def test_listeners_hear_everything_in_order(exp: Any) -> None:
    class Ear:
        def __init__(self) -> None:
            self.heard: list[Any] = []

        def handle(self, event: Any) -> None:
            self.heard.append(event)

    ear = Ear()
    exp.compare_models(["nb", "dt", "dummy"], parallel=FugueBackend("native", batch_size=2, listeners=[ear]))
    kinds = [type(event) for event in ear.heard]
    assert kinds[0] is PlanMade
    assert kinds[-1] is RunDone
    assert kinds.count(TrialDone) == 9
    assert [event.batch.model_ids for event in ear.heard if isinstance(event, BatchDone)] == [("nb", "dt"), ("dummy",)]


def test_a_listener_that_fails_changes_nothing(exp: Any) -> None:
    class Grumpy:
        def handle(self, event: Any) -> None:
            raise OSError("no disk")

    backend = FugueBackend("native", listeners=[Grumpy()])
    exp.compare_models(["nb"], parallel=backend, verbose=False)
    assert list(exp.pull().index) == ["nb"]
    assert "no disk" in backend.listener_problems[0]


def test_a_backend_travels_without_its_engine(exp: Any, spark: Any) -> None:
    backend = FugueBackend(spark, listeners=[object()])
    exp.compare_models(["nb", "dummy"], parallel=FugueBackend("native"), verbose=False)
    assert "_engine" not in backend.__getstate__()
    assert pickle.loads(pickle.dumps(backend))._engine is None


def test_a_worker_can_do_a_whole_batch(exp: Any) -> None:
    backend = FugueBackend("native")
    exp.compare_models(["nb", "dt"], parallel=backend, verbose=False)
    reports: list[pd.DataFrame] = []
    rows = pickle.loads(pickle.dumps(backend))._remote_compare_models([[1], [0]], report=reports.append)
    outcomes = [pickle.loads(row[0]) for row in rows]
    assert [outcome.model_id for outcome in outcomes[0]] == ["dt"] * 3
    assert [list(report.index) for report in reports] == [["dt"], ["nb"]]
    known = {outcome.trial: outcome.metrics for outcome in backend.board.outcomes}
    assert all(known[outcome.trial] == outcome.metrics for model in outcomes for outcome in model)


def test_a_remote_setup_is_refused_with_the_reason() -> None:
    with pytest.raises(NotImplementedError, match="frozen experiment"):
        FugueBackend("native").remote_setup()


def test_the_display_grows_sorted_and_ends_with_the_ranking() -> None:
    class Screen:
        can_update_text = True

        def __init__(self) -> None:
            self.shown: list[Any] = []
            self.steps = 0

        def move_progress(self, value: int = 1) -> None:
            self.steps += value

        def display(self, df: Any, *, final_display: bool = True) -> None:
            self.shown.append((df, final_display))

    screen = Screen()
    util = _DisplayUtil(screen, progress=3, verbose=True, sort="Accuracy", asc=False)
    util.update(pd.DataFrame({"Accuracy": [0.7]}, index=["nb"]))
    util.update(pd.DataFrame({"Accuracy": [0.9, 0.7]}, index=["lr", "dt"]))
    util.finish()
    assert [list(df.index) for df, _ in screen.shown] == [["nb"], ["lr", "nb", "dt"], ["lr", "nb", "dt"]]
    assert [final for _, final in screen.shown] == [False, False, True]
    assert screen.steps == 3
    assert _get_context_lock() is _get_context_lock()


def test_verbose_shows_the_ranking_on_the_screen(exp: Any, capsys: pytest.CaptureFixture[str]) -> None:
    exp.compare_models(["nb", "dummy"], parallel=FugueBackend("native", display_remote=True), verbose=True)
    assert "Naive Bayes" in capsys.readouterr().out
    exp.compare_models(["nb", "dummy"], parallel=FugueBackend("native", display_remote=True), verbose=False)
    assert capsys.readouterr().out == ""
