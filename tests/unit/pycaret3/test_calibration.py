"""Calibration: what is right stays, what is not gets better on folds that nothing was learned from."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss

from bakeoff.comparison.out_of_fold import OutOfFold
from bakeoff.pycaret3.calibration import choose_calibration, cross_calibrated, learn, log_odds


def said(sharpness: float, n_rows: int = 2_000, n_folds: int = 5) -> OutOfFold:
    """Probabilities of two classes whose log-odds are so many times as large as they should be."""
    random = np.random.default_rng(2)
    right = random.beta(1, 2, n_rows)
    truth = (random.uniform(size=n_rows) < right).astype(int)
    chances = 1 / (1 + np.exp(-sharpness * log_odds(right)))
    return OutOfFold(("no", "yes"), truth, chances, np.arange(n_rows) % n_folds, np.arange(n_rows))


def of_three(sharpness: float, n_rows: int = 3_000) -> OutOfFold:
    random = np.random.default_rng(4)
    right = random.dirichlet([1, 1, 1], n_rows)
    truth = (random.uniform(size=n_rows)[:, None] > right.cumsum(axis=1)).sum(axis=1)
    chances = right**sharpness
    return OutOfFold(
        "abc", truth, chances / chances.sum(axis=1, keepdims=True), np.arange(n_rows) % 4, np.arange(n_rows)
    )


def summing_to_one(chances: np.ndarray) -> np.ndarray:
    return chances if chances.ndim == 1 else chances / chances.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("rows", [said(4.0), of_three(4.0)], ids=["two classes", "three"])
@pytest.mark.parametrize("method", ["isotonic", "sigmoid", "auto"])
def test_what_is_too_sure_is_calibrated(rows: OutOfFold, method: str) -> None:
    choice = choose_calibration(rows, method)
    assert choice is not None
    assert choice.kept
    assert choice.method == method if method != "auto" else choice.method in {"isotonic", "sigmoid"}
    calibrated = cross_calibrated(rows, choice.method)
    losses = [
        [log_loss(rows.truth[own], summing_to_one(np.clip(each[own], 1e-7, 1 - 1e-7))) for _, own in rows.turns()]
        for each in (calibrated, rows.chances)
    ]
    assert (choice.log_loss, choice.usual_log_loss) == pytest.approx(tuple(np.mean(losses, axis=1)), rel=1e-3)


@pytest.mark.parametrize("method", ["isotonic", "sigmoid", "auto"])
def test_what_is_right_stays(method: str) -> None:
    choice = choose_calibration(said(1.0), method)
    assert choice is not None
    assert not choice.kept


def test_a_sigmoid_undoes_what_is_a_sigmoid() -> None:
    rows = said(4.0, n_rows=20_000)
    calibration = learn(rows.truth, rows.chances, "sigmoid")
    assert calibration is not None
    assert calibration.curves[0].slope == pytest.approx(0.25, abs=0.02)
    assert calibration.curves[0].shift == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("method", ["isotonic", "sigmoid"])
def test_no_fold_is_calibrated_by_its_own_rows(method: str) -> None:
    rows = said(3.0)
    turned = OutOfFold(
        rows.labels, np.where(rows.fold == 1, 1 - rows.truth, rows.truth), rows.chances, rows.fold, rows.row
    )
    own = rows.fold == 1
    first, second = cross_calibrated(rows, method), cross_calibrated(turned, method)
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first[own], second[own])
    assert not np.array_equal(first[~own], second[~own])


@pytest.mark.parametrize("method", ["isotonic", "sigmoid"])
def test_nothing_becomes_certain(method: str) -> None:
    truth = np.arange(200) % 2
    rows = OutOfFold("ab", truth, truth.astype(float), np.arange(200) % 4, np.arange(200))
    calibration = learn(rows.truth, rows.chances, method)
    assert calibration is not None
    calibrated = calibration.apply(rows.chances)
    assert 0.9 < calibrated.max() < 1
    assert 0 < calibrated.min() < 0.1


@pytest.mark.parametrize("method", ["isotonic", "sigmoid", "auto"])
@pytest.mark.parametrize("chances", [np.full(50, 0.3), 1 - np.arange(50) % 2])
def test_probabilities_that_say_nothing_are_never_calibrated(method: str, chances: np.ndarray) -> None:
    rows = OutOfFold("ab", np.arange(50) % 2, chances.astype(float), np.arange(50) // 10, np.arange(50))
    choice = choose_calibration(rows, method)
    assert choice is None or np.isfinite(choice.log_loss)


def test_a_class_that_other_folds_lack_leaves_nothing_to_choose() -> None:
    rows = OutOfFold("ab", np.array([0, 0, 1, 1]), np.array([0.2, 0.3, 0.7, 0.8]), np.array([0, 0, 1, 1]), np.arange(4))
    assert choose_calibration(rows, "sigmoid") is None
