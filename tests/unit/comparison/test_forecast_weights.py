from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff.comparison.blend import Pool, weighted
from bakeoff.comparison.forecast_weights import shares_by_error, weights_by_error

IDS = ("a", "b", "c")


def asked(truths: Any, said: Any) -> tuple[Pool, dict[str, list[float]], Any]:
    """The question of a blend: forecasts, their errors and their score, by the mean absolute error."""
    pool = Pool(IDS, tuple(np.asarray(each) for each in said))
    errors = {
        name: [float(np.abs(s[n] - t).mean()) for s, t in zip(pool.folds, truths, strict=True)]
        for n, name in enumerate(IDS)
    }
    return pool, errors, lambda fold, forecast: -float(np.abs(forecast - truths[fold]).mean())


def random_question(seed: int, n_folds: int = 4) -> tuple[Pool, dict[str, list[float]], Any]:
    random = np.random.default_rng(seed)
    truths = random.normal(size=(n_folds, 6))
    return asked(truths, truths[:, None] + random.normal(size=(n_folds, 3, 6)) * [[1.0], [1.2], [3.0]])


def test_errors_that_cancel_each_other_make_a_blend() -> None:
    truths = np.zeros((3, 4))
    weights = weights_by_error(
        *asked(truths, np.stack([np.stack([truths[0] + 1, truths[0] - 1, truths[0] + 9])] * 3)), 12
    )
    assert weights is not None
    assert weights.shares == {"a": 0.5, "b": 0.5}
    assert weights.by_fold == ({"a": 0.5, "b": 0.5},) * 3


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_a_blend_is_never_worse_on_its_own_folds_than_the_best_model(seed: int) -> None:
    pool, errors, score = random_question(seed)
    weights = weights_by_error(pool, errors, score, 24)
    best = min(np.mean(each) for each in errors.values())
    if weights is not None:
        assert sum(weights.shares.values()) == pytest.approx(1.0)
        assert np.mean([-score(fold, weighted(pool, fold, weights.shares)) for fold in range(4)]) <= best


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 3))
def test_the_weights_for_a_fold_do_not_depend_on_it(seed: int, fold: int) -> None:
    pool, errors, score = random_question(seed)
    changed = {name: [9.0 * (n == fold) + each for n, each in enumerate(values)] for name, values in errors.items()}
    changed["a"][fold] = 0.0
    before, after = weights_by_error(pool, errors, score, 24), weights_by_error(pool, changed, score, 24)
    if before is not None and after is not None:
        assert before.by_fold[fold] == after.by_fold[fold]


@pytest.mark.parametrize(("n_folds", "ids"), [(1, IDS), (4, ("a",))])
def test_there_is_none_of_one_fold_or_one_model(n_folds: int, ids: tuple[str, ...]) -> None:
    pool, errors, score = random_question(0, n_folds)
    alone = Pool(ids, tuple(each[: len(ids)] for each in pool.folds))
    assert weights_by_error(alone, errors, score, 24) is None


def test_a_model_without_an_error_has_nearly_all_of_the_weight() -> None:
    assert shares_by_error({"a": 0.0, "b": 1.0}, 2)["a"] == pytest.approx(1.0)
    assert shares_by_error({"a": 0.0, "b": 0.0}, 2) == {"a": 0.5, "b": 0.5}
