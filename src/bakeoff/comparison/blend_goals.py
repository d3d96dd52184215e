"""Goals of a blend in numpy, for many candidates at once: the scores and losses that are asked for most.

Classes are numbers from 0. Of two classes, candidates have the probability of the second; of more, one of each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Measure = Callable[[Array, Array], Array]
"""A score, greater is better, of each candidate along the first axis: called with the truth and the candidates."""

MOST_OF_A_CLASS = 5_000
"""Most rows of each of two classes, in all folds together, by which weights are chosen for the best AUC."""
_LEAST = 1e-7
"""Probabilities are not taken for less than this, as they have been float32."""


@dataclass(frozen=True)
class MeasuredGoal:
    """A goal that measures what was predicted against the truth.

    Attributes:
        truths: codes of the classes or values of the test rows, for each fold.
        measure: the score.
        loss: what breaks ties, greater is better.
    """

    truths: Sequence[Array]
    measure: Measure
    loss: Measure

    def scores(self, fold: int, candidates: Array) -> Array:
        """Return the score of each candidate on a fold."""
        return self.measure(self.truths[fold], candidates)

    def tie_breaks(self, fold: int, candidates: Array) -> Array:
        """Return what decides between candidates with the same score."""
        return self.loss(self.truths[fold], candidates)


def drawn_rows(truth: Array, most: int) -> Array:
    """Return the positions of at most so many rows of each class, the same for the same truth.

    The area under the curve compares rows of one class with rows of the other, so it does not depend on how many there
    are of each: what is rare stays whole, and of what is frequent fewer rows tell nearly as much.

    Example:
        >>> truth = np.array([0, 1, 1, 0, 1])
        >>> np.bincount(truth[drawn_rows(truth, most=2)]).tolist()
        [2, 2]
    """
    random = np.random.default_rng(0)
    kept = [random.permutation(np.flatnonzero(truth == each))[:most] for each in np.unique(truth)]
    return np.sort(np.concatenate(kept))


def predicted_classes(candidates: Array) -> Array:
    """Return the class with the highest probability, by rows along the second axis; the first of several.

    Example:
        >>> predicted_classes(np.array([[0.5, 0.6]])).tolist()
        [[0, 1]]
        >>> predicted_classes(np.array([[[0.2, 0.5, 0.3]]])).tolist()
        [[1]]
    """
    if candidates.ndim == 2:  # noqa: PLR2004 - candidates and rows: two classes
        return (candidates > 0.5).astype(int)  # noqa: PLR2004
    return np.asarray(candidates.argmax(axis=2))


def accuracy(truth: Array, candidates: Array) -> Array:
    """Return the share of rows whose class is predicted."""
    return np.asarray((predicted_classes(candidates) == truth).mean(axis=1))


def negative_log_loss(truth: Array, candidates: Array) -> Array:
    """Return the mean logarithm of the probability of the true class."""
    if candidates.ndim == 2:  # noqa: PLR2004
        chances = np.where(truth == 1, candidates, 1 - candidates)
    else:
        chances = candidates[:, np.arange(len(truth)), truth]
    return np.asarray(np.log(np.clip(chances, _LEAST, 1)).mean(axis=1))


def area_under_curve(truth: Array, candidates: Array) -> Array:
    """Return the area under the ROC curve; of several classes the mean of each against the others, by their sizes.

    NaN where a class has no rows.

    Example:
        >>> area_under_curve(np.array([0, 0, 1, 1]), np.array([[0.1, 0.4, 0.35, 0.8]])).tolist()
        [0.75]
    """
    if candidates.ndim == 2:  # noqa: PLR2004
        return _area_of_one(truth == 1, candidates)
    areas = [_area_of_one(truth == each, candidates[:, :, each]) for each in range(candidates.shape[2])]
    return np.asarray(np.average(areas, axis=0, weights=np.bincount(truth, minlength=len(areas))))


def _area_of_one(is_it: Array, chances: Array) -> Array:
    """Return how often a row of the class has a greater chance than another row; an equal one counts half."""
    n_it = int(is_it.sum())
    n_others = len(is_it) - n_it
    if not n_it or not n_others:
        return np.full(len(chances), np.nan)
    ours, others = np.sort(chances[:, is_it], axis=1), np.sort(chances[:, ~is_it], axis=1)
    wins = [_wins(*each) for each in zip(ours, others, strict=True)]
    return np.array(wins) / (n_it * n_others)


def _wins(ours: Array, others: Array) -> float:
    """Return in how many pairs ours is greater, with half of those that are equal; both are sorted."""
    below = np.searchsorted(others, ours, "left")
    if not (others[np.minimum(below, len(others) - 1)] == ours).any():
        return float(below.sum())
    return float(below.sum() + np.searchsorted(others, ours, "right").sum()) / 2


def _counts(truth: Array, candidates: Array) -> Array:
    """Return how often each class was predicted for each: by candidate, true class and predicted class."""
    n_classes = 2 if candidates.ndim == 2 else candidates.shape[2]  # noqa: PLR2004
    cells = truth * n_classes + predicted_classes(candidates)
    counts = [np.bincount(row, minlength=n_classes**2) for row in cells]
    return np.asarray(counts, dtype=float).reshape(-1, n_classes, n_classes)


def _ratio(of: Array, to: Array) -> Array:
    return np.divide(of, to, out=np.zeros_like(of), where=to != 0)


def _over_classes(values: Array, counts: Array) -> Array:
    """Return the value of the second of two classes; of several the mean by their sizes."""
    if counts.shape[1] == 2:  # noqa: PLR2004
        return np.asarray(values[:, 1])
    return np.asarray((values * counts.sum(axis=2)).sum(axis=1) / counts.sum(axis=(1, 2)))


def precision(truth: Array, candidates: Array) -> Array:
    """Return the share of rows taken for a class that are of it."""
    counts = _counts(truth, candidates)
    return _over_classes(_ratio(np.diagonal(counts, axis1=1, axis2=2), counts.sum(axis=1)), counts)


def recall(truth: Array, candidates: Array) -> Array:
    """Return the share of rows of a class that are taken for it."""
    counts = _counts(truth, candidates)
    return _over_classes(_ratio(np.diagonal(counts, axis1=1, axis2=2), counts.sum(axis=2)), counts)


def f1(truth: Array, candidates: Array) -> Array:
    """Return the harmonic mean of precision and recall."""
    counts = _counts(truth, candidates)
    hits = np.diagonal(counts, axis1=1, axis2=2)
    return _over_classes(_ratio(2 * hits, counts.sum(axis=1) + counts.sum(axis=2)), counts)


def kappa(truth: Array, candidates: Array) -> Array:
    """Return Cohen's kappa: agreement beyond that of chance."""
    counts = _counts(truth, candidates)
    n = counts.sum(axis=(1, 2))
    chance = (counts.sum(axis=1) * counts.sum(axis=2)).sum(axis=1) / n**2
    return _ratio(np.diagonal(counts, axis1=1, axis2=2).sum(axis=1) / n - chance, 1 - chance)


def matthews(truth: Array, candidates: Array) -> Array:
    """Return Matthews' correlation coefficient."""
    counts = _counts(truth, candidates)
    n, said, are = counts.sum(axis=(1, 2)), counts.sum(axis=1), counts.sum(axis=2)
    together = np.diagonal(counts, axis1=1, axis2=2).sum(axis=1) * n - (said * are).sum(axis=1)
    return _ratio(together, np.sqrt((n**2 - (said**2).sum(axis=1)) * (n**2 - (are**2).sum(axis=1))))


def r2(truth: Array, candidates: Array) -> Array:
    """Return the coefficient of determination."""
    total = ((truth - truth.mean()) ** 2).sum()
    return 1 + negative_mse(truth, candidates) * len(truth) / total if total else np.full(len(candidates), np.nan)


def negative_mse(truth: Array, candidates: Array) -> Array:
    """Return the mean squared error, negated."""
    return np.asarray(-((candidates - truth) ** 2).mean(axis=1))


def negative_rmse(truth: Array, candidates: Array) -> Array:
    """Return the root of the mean squared error, negated."""
    return np.asarray(-np.sqrt(-negative_mse(truth, candidates)))


def negative_mae(truth: Array, candidates: Array) -> Array:
    """Return the mean absolute error, negated."""
    return np.asarray(-np.abs(candidates - truth).mean(axis=1))


def negative_mape(truth: Array, candidates: Array) -> Array:
    """Return the mean error relative to the truth, where that is not 0, negated."""
    at = truth != 0
    if not at.any():
        return np.full(len(candidates), np.nan)
    return np.asarray(-np.abs((candidates[:, at] - truth[at]) / truth[at]).mean(axis=1))


def negative_rmsle(truth: Array, candidates: Array) -> Array:
    """Return the root of the mean squared difference of logarithms, negated."""
    return negative_rmse(np.log1p(np.abs(truth)), np.log1p(np.abs(candidates)))


MEASURES: dict[str, Measure] = {
    "accuracy": accuracy,
    "auc": area_under_curve,
    "prec": precision,
    "recall": recall,
    "f1": f1,
    "kappa": kappa,
    "mcc": matthews,
    "log_loss": negative_log_loss,
    "r2": r2,
    "mse": negative_mse,
    "rmse": negative_rmse,
    "mae": negative_mae,
    "mape": negative_mape,
    "rmsle": negative_rmsle,
}
"""Measures by the key of the metric that they usually are; whether the metric of a run is the same is checked."""
