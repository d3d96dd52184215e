"""Thresholds: what they are good at, as scikit-learn measures it, and what they are worth on other folds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from bakeoff import RunConfig
from bakeoff.comparison.out_of_fold import OutOfFold
from bakeoff.comparison.thresholds import Aim, ThresholdChoice, choose_threshold
from bakeoff.errors import ConfigError

LABELS = ("no", "yes")


def said(n_rows: int = 400, n_folds: int = 4, share: float = 0.15, repeats: int = 1, seed: int = 3) -> OutOfFold:
    """A classifier of a rare class whose probabilities are right."""
    random = np.random.default_rng(seed)
    chances = random.beta(share * 2, (1 - share) * 2, n_rows)
    truth = (random.uniform(size=n_rows) < chances).astype(int)
    fold = np.concatenate([random.permutation(n_rows) % n_folds + n_folds * turn for turn in range(repeats)])
    return OutOfFold(
        LABELS, np.tile(truth, repeats), np.tile(chances, repeats), fold, np.tile(np.arange(n_rows), repeats)
    )


def cost(truth: np.ndarray, predicted: np.ndarray) -> float:
    return -float(np.mean(1.0 * ((predicted == 1) & (truth == 0)) + 7.0 * ((predicted == 0) & (truth == 1))))


MEASURES = {
    "f1": lambda truth, predicted: f1_score(truth, predicted, zero_division=0),
    "balanced_accuracy": balanced_accuracy_score,
    "fp=1,fn=7": cost,
}


@pytest.mark.parametrize("text", MEASURES)
@pytest.mark.parametrize("threshold", [0.0, 0.05, 0.3, 0.5, 0.99, 1.1])
def test_a_score_is_that_of_scikit_learn(text: str, threshold: float) -> None:
    rows = said()
    found = Aim.read(text).scores(rows.truth == 1, rows.chances, np.array([threshold]))[0]
    assert found == pytest.approx(MEASURES[text](rows.truth, (rows.chances >= threshold).astype(int)))


@pytest.mark.parametrize("text", MEASURES)
def test_no_threshold_is_better_on_the_rows_that_it_was_chosen_by(text: str) -> None:
    rows = said()
    choice = choose_threshold(rows, Aim.read(text))
    best = MEASURES[text](rows.truth, (rows.chances >= choice.best).astype(int))
    others = [MEASURES[text](rows.truth, (rows.chances >= each).astype(int)) for each in np.linspace(0, 1, 401)]
    assert best >= max(others) - 1e-9


@pytest.mark.parametrize("text", MEASURES)
def test_its_value_on_a_fold_is_that_of_the_threshold_of_the_others(text: str) -> None:
    rows = said()
    choice = choose_threshold(rows, Aim.read(text))
    values, usual = [], []
    for fold, threshold in enumerate(choice.by_fold):
        own = rows.fold == fold
        others = OutOfFold(LABELS, rows.truth[~own], rows.chances[~own], rows.fold[~own], rows.row[~own])
        assert threshold == choose_threshold(others, Aim.read(text)).best
        values.append(MEASURES[text](rows.truth[own], (rows.chances[own] >= threshold).astype(int)))
        usual.append(MEASURES[text](rows.truth[own], (rows.chances[own] > 0.5).astype(int)))
    sign = -1 if "fp" in text else 1
    assert choice.value == pytest.approx(sign * np.mean(values))
    assert choice.usual_value == pytest.approx(sign * np.mean(usual))
    assert choice.kept == (np.mean(values) > np.mean(usual))


def test_a_rare_class_gets_a_low_threshold_that_is_kept() -> None:
    choice = choose_threshold(said(n_rows=4_000), Aim.read("balanced_accuracy"))
    assert choice.threshold == choice.best < 0.3
    assert choice.value > choice.usual_value + 0.05


def test_costs_move_the_threshold_to_where_they_are_even() -> None:
    rows = said(n_rows=40_000)
    choice = choose_threshold(rows, Aim.read("fp=1,fn=4"))
    assert choice.best == pytest.approx(1 / 5, abs=0.05)
    assert 0 < choice.value < choice.usual_value


@pytest.mark.parametrize("text", MEASURES)
def test_the_other_class_can_be_the_positive_one(text: str) -> None:
    rows = said()
    turned = OutOfFold(LABELS[::-1], 1 - rows.truth, 1 - rows.chances, rows.fold, rows.row)
    usual, other = choose_threshold(rows, Aim.read(text)), choose_threshold(turned, Aim.read(f"{text},positive=yes"))
    assert (usual.position, other.position, other.positive) == (1, 0, "yes")
    assert other.best == pytest.approx(usual.best)
    assert (other.value, other.kept) == (pytest.approx(usual.value), usual.kept)


def test_what_is_made_of_probabilities_is_learned_on_the_same_folds_as_the_threshold() -> None:
    rows, learned = said(), []

    def halved(truth: np.ndarray, chances: np.ndarray) -> Any:
        learned.append(len(truth))
        return lambda chances: chances / 2

    usual, choice = (choose_threshold(rows, Aim.read("f1"), learner) for learner in (None, halved))
    assert learned == [300] * 4 + [400]
    assert choice.best == pytest.approx(usual.best / 2)
    assert choice.value == pytest.approx(usual.value)
    assert (usual.plain_value, choice.plain_value) == (None, usual.usual_value)
    assert choice.usual_value == 0  # no probability is above a half any more


@pytest.mark.parametrize(("text", "n_rows"), [("balanced_accuracy", 200), ("f1", 600), ("fp=1,fn=7", 200)])
def test_its_value_is_that_on_new_rows_and_not_that_on_the_rows_it_was_chosen_by(text: str, n_rows: int) -> None:
    """F1 in the mean over folds is lower than on all rows where folds have few rows of the class."""
    aim = Aim.read(text)
    honest: list[float] = []
    flattered: list[float] = []
    true: list[float] = []
    new = said(n_rows=50_000, seed=999)
    for seed in range(100):
        rows = said(n_rows=n_rows, n_folds=5, seed=seed)
        choice = choose_threshold(rows, aim)
        honest.append(aim.sign * choice.value)
        flattered.append(
            np.mean(
                [
                    aim.scores(rows.truth[own] == 1, rows.chances[own], np.array([choice.best]))[0]
                    for _, own in rows.turns()
                ]
            )
        )
        true.append(aim.scores(new.truth == 1, new.chances, np.array([choice.best]))[0])
    assert abs(np.mean(honest) - np.mean(true)) < (np.mean(flattered) - np.mean(true)) / 2


def test_where_nothing_is_gained_a_half_stays() -> None:
    random = np.random.default_rng(1)
    truth = random.integers(0, 2, 200)
    rows = OutOfFold(LABELS, truth, random.uniform(size=200), np.arange(200) % 5, np.arange(200))
    choice = choose_threshold(rows, Aim.read("balanced_accuracy"))
    assert choice.best != 0.5
    assert choice.value <= choice.usual_value
    assert (choice.kept, choice.threshold) == (False, 0.5)


def test_repeated_folds_tell_nothing_of_their_own_rows() -> None:
    rows = said(repeats=3)
    for others, own in rows.turns():
        assert not set(rows.row[others]) & set(rows.row[own])
        assert others.sum() == 3 * (400 - own.sum())


def test_a_fold_without_the_positive_class_has_a_value() -> None:
    rows = OutOfFold(
        LABELS, np.array([0, 0, 1, 0]), np.array([0.1, 0.2, 0.4, 0.3]), np.array([0, 0, 1, 1]), np.arange(4)
    )
    for text in MEASURES:
        choice = choose_threshold(rows, Aim.read(text))
        assert isinstance(choice, ThresholdChoice)
        assert np.isfinite([choice.value, choice.usual_value]).all()


@pytest.mark.parametrize("text", ["f2", "fp=1", "fp=1,fn=x", "fp=-1,fn=2", "fp=0,fn=0", "f1,positive=", "f1,fp=1"])
def test_what_is_no_aim_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--threshold must be f1, balanced_accuracy, or .* not "):
        RunConfig("a.csv", "y", threshold=text)


@pytest.mark.parametrize("text", ["f1", "balanced_accuracy,positive=a, b", "fp=1.5,fn=0,positive=1"])
def test_an_aim_is_read_as_it_is_written(text: str) -> None:
    assert str(Aim.read(text)) == text
