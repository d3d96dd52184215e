"""What makes scoring quick changes no score."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from bakeoff.pycaret3.scoring.label_counts import QuickLabelsScoreFunc, count_pairs, quick_labels
from bakeoff.pycaret3.scoring.prediction_cache import cached_predictions

_WEIGHTED: dict[str, Any] = {"average": "weighted", "zero_division": 0}
_SCORES: tuple[tuple[Any, dict[str, Any]], ...] = (
    (metrics.accuracy_score, {}),
    (metrics.precision_score, _WEIGHTED),
    (metrics.recall_score, _WEIGHTED),
    (metrics.f1_score, _WEIGHTED),
    (metrics.cohen_kappa_score, {}),
    (metrics.matthews_corrcoef, {}),
)
_labels = st.lists(st.text(max_size=40), min_size=1, max_size=4, unique=True)


@st.composite
def _answers(draw: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """What was true and what was said, as Python strings."""
    one = st.sampled_from(draw(_labels))
    n = draw(st.integers(1, 30))
    true, said = (draw(st.lists(one, min_size=n, max_size=n)) for _ in range(2))
    return np.array(true, dtype=object), np.array(said, dtype=object)


@pytest.mark.filterwarnings("ignore:A single label was found")
@settings(deadline=None)  # the machine may be busy
@given(_answers(), st.sampled_from(["object", "category"]))
def test_scores_of_quick_labels_are_the_same_to_the_last_bit(answers: Any, dtype: str) -> None:
    true, said = pd.Series(answers[0], dtype=dtype), answers[1]  # pandas takes labels for one that differ after a NUL
    for score, more in _SCORES:
        with np.errstate(all="ignore"):
            usual = score(true, said, **more)
            quick = QuickLabelsScoreFunc(score)(true, said, **more)
        np.testing.assert_array_equal(quick, usual)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.one_of(st.text(max_size=40), st.none(), st.integers()), max_size=20))
def test_labels_stay_what_they_are(values: list[Any]) -> None:
    labels = np.array([*values, None], dtype=object)[:-1]
    quick = quick_labels(labels)
    assert list(quick) == values
    if values and all(isinstance(value, str) and len(value) <= 32 and "\0" not in value for value in values):
        assert quick.dtype.kind == "U"
    else:
        assert quick is labels


@pytest.mark.parametrize(
    "labels", [pd.Series([0, 1]), pd.Series([0, 1], dtype="category"), [0, 1], np.eye(2, dtype=object)]
)
def test_labels_of_other_kinds_are_left_alone(labels: Any) -> None:
    assert quick_labels(labels) is labels


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        (KNeighborsClassifier(3), "kneighbors"),
        (KNeighborsClassifier(3, weights="distance"), "kneighbors"),
        (KNeighborsClassifier(3, algorithm="brute"), "kneighbors"),
        (RandomForestClassifier(5, random_state=0), "predict_proba"),
        (ExtraTreesClassifier(5, random_state=0), "predict_proba"),
        (LogisticRegression(), "decision_function"),
        (LogisticRegression(multi_class="ovr"), "decision_function"),
        (LinearDiscriminantAnalysis(), "decision_function"),
        (QuadraticDiscriminantAnalysis(), "_decision_function"),
        (GradientBoostingClassifier(n_estimators=3), "decision_function"),
        (AdaBoostClassifier(n_estimators=3, algorithm="SAMME"), "decision_function"),
    ],
)
# Newer releases of scikit-learn complain of arguments that PyCaret gives.
@pytest.mark.filterwarnings("ignore:.*(deprecated|no effect):FutureWarning")
def test_a_model_is_asked_once_and_answers_the_same(model: Any, asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    rows, others = pd.DataFrame(random.normal(size=(80, 4))), pd.DataFrame(random.normal(size=(80, 4)))
    model.fit(rows, np.where(rows[0] > 1, "most", np.where(rows[0] + rows[1] > 0, "yes", "no")))
    usual = [(model.predict(each), model.predict_proba(each)) for each in (rows, others)]
    times = []
    ask = getattr(type(model), asked)
    monkeypatch.setattr(type(model), asked, lambda *args, **more: times.append(1) or ask(*args, **more))
    with cached_predictions(model):
        once = [(model.predict(each), model.predict_proba(each)) for each in (rows, others)]
    assert len(times) == 2
    for (labels, chances), (same_labels, same_chances) in zip(usual, once, strict=True):
        np.testing.assert_array_equal(labels, same_labels)
        np.testing.assert_array_equal(chances, same_chances)
    assert asked not in vars(model)


class _Mine(KNeighborsClassifier):
    """Somebody's own kind of model."""


def _in_place(distances: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.divide(1, distances + 1, out=distances)


@pytest.mark.parametrize("model", [_Mine(3), KNeighborsClassifier(3, weights=_in_place), RandomForestRegressor(2)])
def test_models_that_may_do_more_are_left_alone(model: Any) -> None:
    with cached_predictions(model):
        assert not {"kneighbors", "predict_proba"} & set(vars(model))


def test_a_model_is_itself_again_when_scoring_fails() -> None:
    model = KNeighborsClassifier(1).fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ZeroDivisionError), cached_predictions(model):
        1 / 0  # noqa: B018 - for what it raises
    assert "kneighbors" not in vars(model)


@settings(deadline=None)  # the machine may be busy
@given(_answers())
def test_scores_that_name_the_labels_are_the_same(answers: Any) -> None:
    true, said = answers
    labels = tuple(sorted({*true, *said}))
    more = {"labels": labels, "pos_label": labels[-1], "average": "binary" if len(labels) == 2 else "macro"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for score in (metrics.precision_score, metrics.recall_score, metrics.f1_score):
            usual = score(true, said, zero_division=0, **more)
            assert QuickLabelsScoreFunc(score)(true, said, zero_division=0, **more) == usual
        if len(labels) == 2 and len(set(true)) == 2:
            chances = (said == labels[-1]).astype(float)
            assert QuickLabelsScoreFunc(metrics.roc_auc_score)(true, chances) == metrics.roc_auc_score(true, chances)


@pytest.mark.parametrize("score", [metrics.precision_score, metrics.recall_score, metrics.f1_score])
def test_labels_that_a_score_cannot_do_with_are_refused_as_before(score: Any) -> None:
    true, said = np.array(["a", "b", "a"], dtype=object), np.array(["a", "b", "b"], dtype=object)
    with pytest.raises(ValueError, match="pos_label=1 is not a valid label"):
        score(true, said)
    with pytest.raises(ValueError, match="pos_label=1 is not a valid label"):
        QuickLabelsScoreFunc(score)(true, said)


@st.composite
def _numbers(draw: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """What was true and what was said of many rows, as whole numbers or truth values."""
    n, n_classes = draw(st.integers(1, 400)), draw(st.integers(1, 5))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    true, said = (random.integers(0, n_classes, n) * draw(st.sampled_from([1, 3])) for _ in range(2))
    if n_classes <= 2 and draw(st.booleans()):
        return true.astype(bool), said.astype(bool)
    return true, said


@pytest.mark.filterwarnings("ignore:A single label was found")
@settings(deadline=None)  # the machine may be busy
@given(_numbers())
def test_scores_of_counted_pairs_are_the_same_to_the_last_bit(answers: Any) -> None:
    true, said = answers
    for score, more in _SCORES:
        with np.errstate(all="ignore"):
            usual = score(pd.Series(true), said, **more)
            quick = QuickLabelsScoreFunc(score)(pd.Series(true), said, sample_weight=None, **more)
        np.testing.assert_array_equal(quick, usual)


def test_only_functions_that_count_are_given_counted_pairs() -> None:
    seen: list[Any] = []

    def look(y_true: Any, y_pred: Any, **more: Any) -> float:
        seen.append((list(y_true), list(y_pred), more))
        return 0.0

    true, said = pd.Series(["no", "yes", "no"], dtype="category"), np.array(["yes", "yes", "yes"], dtype=object)
    QuickLabelsScoreFunc(look)(true, said, sample_weight=None)
    assert seen == [(["no", "yes", "no"], ["yes", "yes", "yes"], {"sample_weight": None})]
    weights = np.array([1.0, 2.0, 4.0])
    mine = QuickLabelsScoreFunc(metrics.accuracy_score)(true, said, sample_weight=weights)
    assert mine == metrics.accuracy_score(true, said, sample_weight=weights)


@pytest.mark.parametrize(
    ("true", "said"),
    [
        ([1.5, 2.5], [1, 2]),
        ([[1, 0]], [[1, 0]]),
        ([], []),
        ([1, 0], [1]),
        (np.array(["a", None], dtype=object), [1, 2]),
    ],
)
def test_what_cannot_be_counted_is_left_alone(true: Any, said: Any) -> None:
    assert count_pairs(np.asarray(true), np.asarray(said)) is None
