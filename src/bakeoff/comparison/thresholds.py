"""The threshold of a classifier of two classes, chosen by what it predicted out of fold.

A threshold that was chosen on all folds says too much about them. So what it is worth is the value of thresholds that
were chosen on the other folds, as the weights of a blend are; where that is not better than at 0.5, 0.5 stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from bakeoff.comparison.out_of_fold import Array, OutOfFold

USUAL = 0.5
"""The threshold of a classifier for which none was chosen."""
F1, BALANCED_ACCURACY, COST = "f1", "balanced_accuracy", "cost"
_NAMES = {F1: "F1", BALANCED_ACCURACY: "balanced accuracy", COST: "cost per row"}
_POSITIVE = "positive="
_DIGITS = 10
"""Digits in which two values differ, if they do."""

Learner = Callable[[Array, Array], Callable[[Array], Array]]
"""What makes probabilities of probabilities: called with the truth and the probabilities that it may learn from."""


class Aim(NamedTuple):
    """Aim of a threshold.

    Attributes:
        word: ``f1``, ``balanced_accuracy`` or ``cost``.
        fp: cost of a false positive.
        fn: cost of a false negative.
        positive: the positive class as text; the second one if it is ``None``.
    """

    word: str
    fp: float = 1.0
    fn: float = 1.0
    positive: str | None = None

    @classmethod
    def read(cls, text: str) -> Aim:
        """Read an aim, as `str` writes it.

        Raises:
            ValueError: The text is none.

        Example:
            >>> Aim.read("balanced-accuracy"), str(Aim.read("fp=1, fn=5,positive=bad"))
            (Aim(word='balanced_accuracy', fp=1.0, fn=1.0, positive=None), 'fp=1,fn=5,positive=bad')
        """
        head, mark, positive = text.partition(_POSITIVE)
        parts = [part.strip().lower() for part in head.split(",") if part.strip()]
        named = positive.strip() or None
        if mark and named is None:
            raise ValueError(text)
        if len(parts) == 1 and (word := parts[0].replace("-", "_")) in {F1, BALANCED_ACCURACY}:
            return cls(word, positive=named)
        costs = dict(part.split("=", 1) for part in parts)
        if len(parts) != 2 or set(costs) != {"fp", "fn"}:  # noqa: PLR2004 - one cost for each kind of error
            raise ValueError(text)
        fp, fn = float(costs["fp"]), float(costs["fn"])
        if not (0 <= fp < np.inf and 0 <= fn < np.inf and fp + fn > 0):
            raise ValueError(text)
        return cls(COST, fp, fn, named)

    def __str__(self) -> str:
        what = f"fp={self.fp:g},fn={self.fn:g}" if self.word == COST else self.word
        return what if self.positive is None else f"{what},{_POSITIVE}{self.positive}"

    @property
    def name(self) -> str:
        """The name of what is measured, as people say it."""
        return _NAMES[self.word]

    @property
    def sign(self) -> float:
        """The factor from a score, of which greater is better, to what is said."""
        return -1.0 if self.word == COST else 1.0

    def scores(self, is_positive: Array, chances: Array, thresholds: Array) -> Array:
        """Return what each threshold comes to; greater is better, so that costs are negative.

        Args:
            is_positive: whether each row is of the positive class.
            chances: probability of that class.
            thresholds: probabilities from which on the class is predicted.

        Example:
            >>> truth, chances = np.array([False, True, True]), np.array([0.2, 0.3, 0.9])
            >>> Aim("balanced_accuracy").scores(truth, chances, np.array([0.25, 0.5])).tolist()
            [1.0, 0.75]
            >>> Aim("cost", fp=1, fn=6).scores(truth, chances, np.array([0.1, 0.5])).round(3).tolist()
            [-0.333, -2.0]
        """
        order = np.argsort(chances, kind="stable")
        n_below = np.searchsorted(chances[order], thresholds, side="left")
        n, n_positive = len(chances), int(is_positive.sum())
        missed = np.concatenate([[0], np.cumsum(is_positive[order])])[n_below].astype(float)
        false = (n - n_positive) - (n_below - missed)
        hit = n_positive - missed
        if self.word == COST:
            return np.asarray(-(self.fp * false + self.fn * missed) / max(n, 1))
        if self.word == F1:
            return _ratio(2 * hit, 2 * hit + false + missed)
        recalls = [hit / n_positive] if n_positive else []
        recalls += [(n - n_positive - false) / (n - n_positive)] if n > n_positive else []
        return np.asarray(np.mean(recalls, axis=0) if recalls else np.zeros(len(thresholds)))


@dataclass(frozen=True)
class ThresholdChoice:
    """A threshold, and what it is worth.

    Attributes:
        aim: what it was chosen for, as text.
        measure: the name of that, as people say it.
        positive: the class that is predicted from the threshold on.
        position: position of that class.
        best: the best threshold on all folds.
        by_fold: the best threshold on the folds other than each.
        value: mean over the folds of what the thresholds of the others come to; costs are positive.
        usual_value: mean over the folds of what 0.5 comes to.
        kept: whether the best threshold is used, as it is better than 0.5.
        plain_value: as `usual_value`, of probabilities that are not calibrated; ``None`` if they are not for either.
        holdout_value: what the best threshold comes to on the hold-out rows; ``None`` if that is not known.
        holdout_usual_value: what 0.5 comes to there.
    """

    aim: str
    measure: str
    positive: str
    position: int
    best: float
    by_fold: tuple[float, ...]
    value: float
    usual_value: float
    kept: bool
    plain_value: float | None = None
    holdout_value: float | None = None
    holdout_usual_value: float | None = None

    @property
    def threshold(self) -> float:
        """The threshold that is used."""
        return self.best if self.kept else USUAL

    def on_holdout(self, is_positive: Array, chances: Array) -> ThresholdChoice:
        """Return the choice with what it is worth on rows that nothing was chosen by.

        Args:
            is_positive: whether each row is of the positive class.
            chances: probability of that class, by a classifier that was fitted on the training rows.
        """
        aim = Aim.read(self.aim)
        values = aim.scores(is_positive, chances, np.array([self.best, _half(self.position)]))
        value, usual_value = (aim.sign * values).tolist()
        return replace(self, holdout_value=value, holdout_usual_value=usual_value)


def choose_threshold(said: OutOfFold, aim: Aim, learner: Learner | None = None) -> ThresholdChoice:
    """Choose a threshold on all folds, and measure it by those that are chosen on the others.

    Args:
        said: what a classifier of two classes predicted.
        aim: what the threshold is to be good at.
        learner: what makes other probabilities of these first, and learns from the same folds.
    """
    position = 1 if aim.positive is None else list(said.labels).index(aim.positive)
    learn = learner or _unchanged
    half = _half(position)
    values, usual, plain, by_fold = [], [], [], []
    for others, own in said.turns():
        convert = learn(said.truth[others], said.chances[others])
        by_fold.append(_best(aim, *_about(position, said.truth[others], convert(said.chances[others]))))
        own_rows = _about(position, said.truth[own], convert(said.chances[own]))
        value, at_half = aim.scores(*own_rows, np.array([by_fold[-1], half])).tolist()
        values.append(value)
        usual.append(at_half)
        plain.append(aim.scores(*_about(position, said.truth[own], said.chances[own]), np.array([half])).item())
    convert = learn(said.truth, said.chances)
    best = _best(aim, *_about(position, said.truth, convert(said.chances)))
    value, usual_value = float(np.mean(values)), float(np.mean(usual))
    return ThresholdChoice(
        aim=str(aim),
        measure=aim.name,
        positive=said.labels[position],
        position=position,
        best=best,
        by_fold=tuple(by_fold),
        value=aim.sign * value,
        usual_value=aim.sign * usual_value,
        kept=round(value - usual_value, _DIGITS) > 0 and best != USUAL,
        plain_value=aim.sign * float(np.mean(plain)) if learner else None,
    )


def _half(position: int) -> float:
    """Return the threshold that models have: at exactly 0.5, they predict the first class."""
    return float(np.nextafter(USUAL, 1)) if position else USUAL


def _about(position: int, truth: Array, chances: Array) -> tuple[Array, Array]:
    """Return which rows are of a class, and the probability of it."""
    return truth == position, chances if position else 1 - chances


def _best(aim: Aim, is_positive: Array, chances: Array) -> float:
    """Return the best threshold: halfway between two probabilities, of equals the one that is nearest to 0.5."""
    edges = np.unique(np.concatenate([[0.0], np.asarray(chances, dtype=float), [1.0]]))
    candidates = np.unique(np.append((edges[:-1] + edges[1:]) / 2, USUAL))
    scores = np.round(aim.scores(is_positive, chances, candidates), _DIGITS)
    equals = candidates[scores == scores.max()]
    return float(equals[np.abs(equals - USUAL).argmin()])


def _ratio(of: Array, to: Array) -> Array:
    return np.divide(of, to, out=np.zeros_like(of), where=to != 0)


def _unchanged(truth: Array, chances: Array) -> Callable[[Array], Array]:  # noqa: ARG001 - there is nothing to learn
    return lambda chances: chances
