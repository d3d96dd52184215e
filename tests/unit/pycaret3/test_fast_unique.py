"""Counting labels instead of sorting them changes no result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import AdaBoostClassifier, ExtraTreesClassifier, RandomForestClassifier

from bakeoff import FugueBackend
from bakeoff.pycaret3.scoring import fast_unique
from bakeoff.pycaret3.scoring.fast_unique import quick_unique
from support.datasets import breast_cancer, experiment

_kinds = st.sampled_from(["int64", "int8", "uint8", "uint64", "float64", "float32", "bool", "object", "U3"])
_numbers = st.lists(
    st.one_of(
        st.integers(-3, 3),
        st.sampled_from([0.0, -0.0, 0.5, float("nan"), float("inf"), -float("inf"), 1e15, 2.0**53, -(2.0**63), 1_100]),
    ),
    min_size=1,
    max_size=5,
)


@st.composite
def _labels(draw: Any) -> np.ndarray[Any, Any]:
    """Few different numbers, in many or few rows, of some type and shape."""
    few, kind = draw(_numbers), draw(_kinds)
    with np.errstate(all="ignore"):
        values = np.array([not each for each in few] if kind == "bool" else few).astype(kind)
    length = draw(st.sampled_from([0, 10, 1_000, 2_000]))
    order = np.random.default_rng(draw(st.integers(0, 9))).integers(0, len(values), length)
    labels = values[order]
    return labels.reshape(draw(st.sampled_from([(-1,), (-1, 1), (2, -1), (-1, 1)]))) if length else labels


def _same(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    assert one.dtype == other.dtype
    assert one.shape == other.shape
    if one.dtype == object:
        assert repr(one.tolist()) == repr(other.tolist())  # NaN is not equal to itself
    else:
        assert one.tobytes() == other.tobytes()


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
@settings(deadline=None)  # the machine may be busy
@given(_labels())
def test_the_result_is_numpys_to_the_last_bit(labels: Any) -> None:
    wanted = [{}, {"return_inverse": True}, {"return_counts": True}, {"return_index": True}, {"axis": 0}]
    for asked in wanted[: 4 if labels.dtype == object else 5]:
        usual = np.unique(labels, **asked)
        with quick_unique():
            quick = np.unique(labels, **asked)
        if isinstance(usual, tuple):
            for one, other in zip(quick, usual, strict=True):
                _same(one, other)
        else:
            _same(quick, usual)


@pytest.mark.parametrize("kind", ["int64", "int8", "uint64", "float32", ">f8"])
def test_few_whole_numbers_are_counted(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.repeat([3, 1, 3], 1_000).astype(kind)
    wanted = np.unique(labels, return_inverse=True)
    monkeypatch.setattr(fast_unique, "NUMPY_UNIQUE", None)
    for one, other in zip(fast_unique.unique(labels, return_inverse=True), wanted, strict=True):
        _same(one, other)
    _same(fast_unique.unique(labels[:, None]), wanted[0])
    _same(fast_unique.unique(np.repeat(labels, 2)[::2]), wanted[0])


def test_numbers_at_the_end_of_their_kind_are_left_to_numpy() -> None:
    most = np.iinfo(np.int64).max
    labels = np.repeat([most, most - 5], 1_000)
    with quick_unique():
        assert np.unique(labels).tolist() == [most - 5, most]


def test_trials_look_for_labels_that_way(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr(
        fast_unique, "unique", lambda ar, *args, **more: seen.append(len(ar)) or np_unique(ar, *args, **more)
    )
    np_unique = np.unique
    exp = experiment(breast_cancer(200), "target", fold=2)
    exp.compare_models(["dt"], parallel=FugueBackend("native"), verbose=False)
    assert len(seen) >= 2


def test_other_kinds_of_labels_are_numpys_matter() -> None:
    many = np.arange(4_000) % 3
    masked = np.ma.masked_equal(many, 1)
    with quick_unique():
        assert isinstance(np.unique(masked), np.ma.MaskedArray)
        assert np.unique(many.tolist()).tolist() == [0, 1, 2]
        with pytest.raises(ValueError, match="axis 3 is out of bounds"):
            np.unique(many, axis=3)


def test_numpy_is_itself_again_also_after_an_error() -> None:
    usual = np.unique
    with pytest.raises(ZeroDivisionError), quick_unique():
        1 / 0  # noqa: B018 - for what it raises
    assert np.unique is usual
    with quick_unique(), quick_unique():
        assert np.unique is not usual
    assert np.unique is usual


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(5, random_state=0),
        ExtraTreesClassifier(5, random_state=0),
        AdaBoostClassifier(n_estimators=5, random_state=0),
    ],
)
@pytest.mark.filterwarnings("ignore:The SAMME.R algorithm:FutureWarning")
@pytest.mark.filterwarnings("ignore:The parameter 'algorithm' is deprecated:FutureWarning")
def test_models_come_out_the_same(model: Any) -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(1_500, 4))
    labels = np.where(rows[:, 0] > 1, 2, np.where(rows[:, 0] + rows[:, 1] > 0, 1, 0))
    usual = model.fit(rows, labels).predict_proba(rows)
    with quick_unique():
        quick = model.fit(rows, labels).predict_proba(rows)
    assert quick.tobytes() == usual.tobytes()
