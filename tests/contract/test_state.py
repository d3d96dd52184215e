"""After a comparison the experiment goes on as if it had compared the models itself."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bakeoff import FugueBackend
from bakeoff.fugue_backend import _get_context_lock
from support.datasets import airline, breast_cancer, experiment, series_experiment, shared
from support.fake_models import CountsThreads
from support.pycaret_parity import native, native_again, through

QUICK = ["nb", "dt", "dummy"]


@pytest.fixture
def exp() -> Any:
    return shared("binary")


def test_what_follows_a_comparison_follows(engine: Any, exp: Any, tmp_path: Path) -> None:
    mine = through(engine, exp, QUICK)
    best = mine.models
    assert type(exp.automl(optimize="Accuracy")).__name__ == type(best).__name__
    board = exp.get_leaderboard(verbose=False)
    assert list(board["Model Name"]) == ["Naive Bayes", "Decision Tree Classifier", "Dummy Classifier"]
    final = exp.finalize_model(best)
    assert len(exp.predict_model(final, verbose=False)) == 60
    tuned = exp.tune_model(best, n_iter=1, fold=2, verbose=False, tuner_verbose=False)
    assert type(tuned).__name__ == "GaussianNB"
    exp.save_model(final, str(tmp_path / "model"), verbose=False)
    loaded = exp.load_model(str(tmp_path / "model"), verbose=False)
    pd.testing.assert_frame_equal(
        exp.predict_model(loaded, data=exp.X_test, verbose=False),
        exp.predict_model(final, data=exp.X_test, verbose=False),
    )


def test_automl_chooses_as_after_a_native_comparison(engine: Any, exp: Any) -> None:
    models = ["dt", "nb", "knn", "dummy"]
    for metric in ("Accuracy", "AUC", "Recall"):
        through(engine, exp, models)
        chosen = exp.automl(optimize=metric)
        native_again(exp, models)
        assert str(chosen) == str(exp.automl(optimize=metric))


def test_the_container_has_fold_scores_and_the_fold_generator(engine: Any, exp: Any) -> None:
    mine, plain = through(engine, exp, QUICK), native(exp, QUICK)
    assert [str(entry["model"]) for entry in mine.container] == [str(entry["model"]) for entry in plain.container]
    assert all(entry["cv"] is exp.fold_generator for entry in mine.container)
    scores = mine.container[0]["scores"]
    assert list(scores.index) == [0, 1, 2, "Mean", "Std"]
    assert scores.index.name == "Fold"


def test_a_series_goes_on_too(engine: Any) -> None:
    made = series_experiment(airline())
    mine, plain = through(engine, made, ["naive", "snaive"]), native(made, ["naive", "snaive"])
    for one, other in zip(mine.container, plain.container, strict=True):
        assert list(one["scores"].index) == list(other["scores"].index)
        assert list(one["scores"]["cutoff"])[:2] == list(other["scores"]["cutoff"])[:2]
    through(engine, made, ["naive", "snaive"])
    assert str(made.automl(optimize="MASE")) == str(mine.models)
    assert len(made.predict_model(made.finalize_model(mine.models), fh=3, verbose=False)) == 3


def test_returned_models_carry_the_parameters_of_the_driver(engine: Any) -> None:
    made = experiment(breast_cancer(200), "target", n_jobs=-1)
    mine = through(engine, made, ["rf", CountsThreads(n_jobs=4)], n_select=2)
    assert [model.n_jobs for model in mine.models] == [-1, 4]
    assert len(mine.backend.failures) == 0  # on the worker it was one thread for each, as asked for


def test_the_returned_model_fits_the_drivers_pipeline(engine: Any, exp: Any) -> None:
    mine, plain = through(engine, exp, ["dt"]), native(exp, ["dt"])
    np.testing.assert_array_equal(
        exp.predict_model(mine.models, verbose=False)["prediction_score"],
        exp.predict_model(plain.models, verbose=False)["prediction_score"],
    )


def test_the_backend_tells_how_it_went(engine: Any, exp: Any) -> None:
    backend = through(engine, exp, QUICK).backend
    assert list(backend.leaderboard["status"]) == ["ok"] * 3
    assert list(backend.leaderboard["n_folds_ok"]) == [3] * 3
    assert len(backend.trials) == 9
    assert set(backend.failures.columns) >= {"model", "fold", "error_type", "traceback", "seconds_lost", "attempts"}
    summary = backend.summary
    assert summary.wall_seconds >= summary.ideal_seconds > 0
    assert 0 < summary.efficiency <= 1
    assert summary.slots >= 1


def test_one_backend_compares_again_and_again(engine: Any, exp: Any) -> None:
    backend = FugueBackend(engine)
    exp.compare_models(["nb"], parallel=backend, verbose=False)
    first = exp.pull()
    exp.compare_models(["dt", "dummy"], parallel=backend, verbose=False)
    assert list(backend.leaderboard["model_id"]) == list(exp.pull().index) == ["dt", "dummy"]
    assert list(first.index) == ["nb"]


def test_a_backend_travels_without_its_engine(engine: Any, exp: Any) -> None:
    backend = FugueBackend(engine, listeners=[object()])
    assert not {"_engine", "_listeners"} & set(backend.__getstate__())
    assert pickle.loads(pickle.dumps(backend)).engine is None


def test_a_worker_can_do_a_whole_batch(exp: Any) -> None:
    backend = through("native", exp, ["nb", "dt"]).backend
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


def test_the_global_generator_is_left_alone_by_the_trials(exp: Any) -> None:
    backend = through("native", exp, ["nb"]).backend
    before = np.random.get_state()[1].copy()
    backend._remote_compare_models([[0]])
    assert (np.random.get_state()[1] == before).all()


def test_there_is_one_lock_for_the_process() -> None:
    assert _get_context_lock() is _get_context_lock()
