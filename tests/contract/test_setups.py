"""Whatever ``setup()`` was told, and whatever was changed after it, is what workers see."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import PowerTransformer

from support.datasets import QUIET, SHARED, breast_cancer, diabetes, experiment, mixed, tips, wine
from support.pycaret_parity import native, same_scores, through

QUICK = ["nb", "dt", "dummy"]


class AddsSum(TransformerMixin, BaseEstimator):
    """A transformer of the user's own."""

    def fit(self, X: Any, y: Any = None) -> Any:
        return self

    def transform(self, X: Any) -> Any:
        return X.assign(total=X.sum(axis=1))


def share_of_hits(y_true: Any, y_pred: Any, **kwargs: Any) -> float:
    return float(np.mean(np.asarray(y_true) == np.asarray(y_pred)))


def share_of_hits_alone(y_true: Any, y_pred: Any) -> float:
    return share_of_hits(y_true, y_pred)


def mean_of_chances(y_true: Any, chances: Any, **kwargs: Any) -> float:
    return float(np.mean(chances))


def worst_error(y_true: Any, y_pred: Any) -> float:
    return float(np.max(np.abs(np.asarray(y_true) - np.asarray(y_pred))))


def share_beyond(y_true: Any, y_pred: Any, limit: float) -> float:
    return float(np.mean(np.abs(np.asarray(y_true) - np.asarray(y_pred)) > limit))


def raises(y_true: Any, y_pred: Any, **kwargs: Any) -> float:
    raise ZeroDivisionError("nothing to divide by")


SETUPS = {
    "none": ("target", breast_cancer, {"imputation_type": None, "n_jobs": None}, QUICK),
    "custom pipeline": (
        "target",
        breast_cancer,
        {"custom_pipeline": [("sum", AddsSum()), ("power", PowerTransformer())]},
        QUICK,
    ),
    "text, dates and categories": ("answer", mixed, {}, ["dt", "dummy", "lr"]),
    "multiclass with polynomials": (
        "target",
        wine,
        {"polynomial_features": True, "normalize": True, "pca": True, "pca_components": 5},
        ["nb", "dt", "lda"],
    ),
    "imbalance and outliers": (
        "target",
        lambda: breast_cancer(200),
        {"fix_imbalance": True, "remove_outliers": True},
        QUICK,
    ),
    "transformed target": (
        "target",
        diabetes,
        {"transform_target": True, "transformation": True},
        ["lr", "dt", "dummy"],
    ),
    "selection and bins": (
        "tip",
        tips,
        {"feature_selection": True, "bin_numeric_features": ["total_bill"], "normalize": True},
        ["lr", "dt", "dummy"],
    ),
    "no preprocessing": ("target", wine, {"preprocess": False}, ["nb", "dt", "dummy"]),
    "in the order of time": (
        "target",
        wine,
        {"data_split_shuffle": False, "data_split_stratify": False, "fold_strategy": "timeseries"},
        ["nb", "dummy"],
    ),
}


@lru_cache
def _made(name: str) -> Any:
    target, table, arguments, _ = SETUPS[name]
    SHARED.append(experiment(table(), target, fold=2, **arguments))
    return SHARED[-1]


@pytest.mark.parametrize("name", list(SETUPS))
def test_scores_are_those_of_this_setup(engine: Any, name: str) -> None:
    made, models = _made(name), SETUPS[name][-1]
    same_scores(through(engine, made, models), native(made, models))


def test_a_pipeline_of_the_users_own_is_used_on_workers(engine: Any) -> None:
    made = experiment(breast_cancer(200), "target", custom_pipeline=[("sum", AddsSum())], fold=2)
    best = through(engine, made, ["dt"]).models
    assert "total" in made.get_config("pipeline")[:-1].transform(made.X_train).columns or best.n_features_in_ == 31


def test_what_was_set_after_setup_counts(engine: Any) -> None:
    made = experiment(breast_cancer(200), "target", fold=2)
    before = through(engine, made, QUICK)
    made.set_config("seed", 7)
    made.set_config("fold_generator", StratifiedKFold(4, shuffle=True, random_state=9))
    mine = through(engine, made, QUICK)
    assert len(mine.backend.trials) == 12
    assert not mine.scores.equals(before.scores)
    same_scores(mine, native(made, QUICK))


def test_custom_metrics_with_and_without_keywords(engine: Any) -> None:
    made = experiment(breast_cancer(200), "target", fold=2)
    made.add_metric("hits", "Hits", share_of_hits)
    made.add_metric("chances", "Chances", mean_of_chances, target="pred_proba")
    mine, plain = through(engine, made, QUICK, sort="Hits"), native(made, QUICK, sort="Hits")
    same_scores(mine, plain)
    made.add_metric("alone", "Alone", share_of_hits_alone)
    mine, plain = through(engine, made, QUICK), native(made, QUICK)
    # Plain PyCaret enters 0.0 without a word for a metric that takes no keywords: here it is computed.
    assert set(plain.grid["Alone"]) == {0.0}
    assert list(mine.grid["Alone"]) == list(mine.grid["Hits"]) == list(plain.grid["Hits"])


def test_custom_metrics_of_the_other_kinds(engine: Any) -> None:
    made = experiment(tips(), "tip", fold=2)
    made.add_metric("worst", "Worst", worst_error, greater_is_better=False)
    made.add_metric("beyond", "Beyond", share_beyond, greater_is_better=False, limit=1.0)
    mine = through(engine, made, ["lr", "dummy"], sort="Worst")
    assert mine.grid["Beyond"].between(0.01, 0.99).all()  # its argument has reached it
    assert mine.grid["Worst"].is_monotonic_increasing
    assert (mine.grid["Worst"] > 0).all()


def test_a_custom_metric_of_a_series(engine: Any) -> None:
    from support.datasets import airline, series_experiment

    made = series_experiment(airline())
    made.add_metric("worst", "WORST", worst_error, greater_is_better=False)
    mine, plain = (each(made, ["naive", "snaive"], sort="WORST") for each in (_on(engine), native))
    same_scores(mine, plain)
    assert (mine.grid["WORST"] > 0).all()


def _on(engine: Any) -> Any:
    return lambda *args, **kwargs: through(engine, *args, **kwargs)


@pytest.mark.parametrize("target", ["pred", "pred_proba"])
def test_a_metric_that_raises_is_named_before_work_starts(engine: Any, target: str) -> None:
    made = experiment(breast_cancer(200), "target", fold=2)
    made.add_metric("broken", "My Metric", raises, target=target)
    with pytest.raises(
        ValueError,
        match=r"'My Metric' cannot be computed, it raised ZeroDivisionError: nothing .*remove_metric\('broken'\)",
    ):
        through(engine, made, QUICK)
    made.remove_metric("broken")
    made.add_metric("words", "Words", lambda *_, **__: "good")
    with pytest.raises(ValueError, match="'Words' returned 'good', which is no number"):
        through(engine, made, QUICK)


def test_labels_of_words_with_every_metric(engine: Any) -> None:
    made = experiment(breast_cancer(200), "target", fold=2)
    made.add_metric("hits", "Hits", share_of_hits)
    assert set(made.y_train) == {"malignant", "benign"}
    mine = through(engine, made, QUICK)
    assert list(mine.grid["Hits"]) == list(mine.grid["Accuracy"])


def test_an_experiment_from_a_function(engine: Any) -> None:
    calls: list[int] = []

    def load() -> pd.DataFrame:
        calls.append(1)
        return breast_cancer(200)

    from pycaret.classification import ClassificationExperiment

    made = ClassificationExperiment().setup(data_func=load, target="target", **{**QUIET, "fold": 2})
    same_scores(through(engine, made, QUICK), native(made, QUICK))
    assert len(calls) == 1  # on the driver, once


def test_an_experiment_that_was_saved_and_loaded(engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pycaret.classification import ClassificationExperiment

    monkeypatch.chdir(tmp_path)  # where PyCaret writes its log, without which an experiment cannot be saved
    quiet = {**QUIET, "system_log": True}
    made = ClassificationExperiment().setup(breast_cancer(200), target="target", **{**quiet, "fold": 2})
    made.save_experiment(str(tmp_path / "experiment.pkl"))
    again = ClassificationExperiment.load_experiment(
        str(tmp_path / "experiment.pkl"), data=made.data, preprocess_data=False
    )
    same_scores(through(engine, again, QUICK), native(made, QUICK))


def test_a_model_that_is_in_nobodys_list(engine: Any) -> None:
    made = experiment(breast_cancer(200), "target", normalize=True, fold=2)
    models = [SGDClassifier(random_state=1), made.create_model("dt", max_depth=3, verbose=False), "nb"]
    mine = through(engine, made, models)
    assert len(mine.grid) == 3
    same_scores(mine, native(made, models))


def test_tuned_bagged_and_blended_models(engine: Any) -> None:
    made = experiment(breast_cancer(200), "target", fold=2)
    tree = made.create_model("dt", verbose=False)
    models = [
        made.ensemble_model(tree, n_estimators=3, verbose=False),
        made.blend_models([tree, made.create_model("nb", verbose=False)], verbose=False),
        made.calibrate_model(tree, verbose=False),
        tree,
    ]
    same_scores(through(engine, made, models), native(made, models))
