"""A blend of models: a weighted mean of what they predict, with weights chosen by what they predicted out of fold.

The weights come from greedy selection with replacement (Caruana, Niculescu-Mizil, Crew and Ksikes, "Ensemble Selection
from Libraries of Models", ICML 2004): round by round the model is added that makes the mean best, and a model that was
added several times has that much more weight. The best round counts, the first of which is the best single model, so
on the rows that it was chosen by no blend is worse than that.

Weights that were chosen by a fold say too much about it. So the score of a blend on a fold is that of weights that were
chosen on the other folds, as a model is scored by rows that it was not fitted on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Protocol

import numpy as np

from bakeoff.comparison.trial import Outcome

BLEND = "blend"
"""Id of the blend, beside those of the models."""
ROUNDS = 25
"""Most rounds of the selection."""
PATIENCE = 6
"""Rounds without progress after which the selection ends."""
_PROGRESS = 1e-4
"""Share of its value by which a score has to rise to count as progress: what is less ends by itself in noise."""
_MOST_MODELS = ((100, 4), (500, 8), (2_500, 15), (10_000, 40))
"""How many models a table of so many rows may choose between, as in AutoGluon: the fewer rows, the more a choice
between many models follows chance."""
_DIGITS = 10
"""Digits in which two scores differ, if they do."""

Array = np.ndarray[Any, Any]


class Goal(Protocol):
    """Aim of a blend. Greater is better."""

    def scores(self, fold: int, candidates: Array) -> Array:
        """Return the score of each candidate on a fold; candidates are along the first axis."""

    def tie_breaks(self, fold: int, candidates: Array) -> Array:
        """Return what decides between candidates with the same score, greater is better."""


@dataclass(frozen=True)
class Pool:
    """Predictions of several models for the test rows of each fold.

    Attributes:
        model_ids: the models, the best first, which decides ties.
        folds: an array for each fold, with the models along its first axis and the rows along its second.
    """

    model_ids: tuple[str, ...]
    folds: tuple[Array, ...]

    def of_rows(self, rows: Sequence[Array]) -> Pool:
        """Return the pool with some of the rows of each fold, by their positions."""
        return Pool(self.model_ids, tuple(said[:, each] for said, each in zip(self.folds, rows, strict=True)))


@dataclass(frozen=True)
class Weights:
    """The weights of a blend.

    Attributes:
        shares: share of each model that has any, the largest first; they add up to 1.
        by_fold: for each fold, the shares that were chosen on the others, by which the blend is scored on it.
    """

    shares: Mapping[str, float]
    by_fold: tuple[Mapping[str, float], ...]


@dataclass(frozen=True)
class Blend:
    """A blend of models that were compared.

    Attributes:
        shares: share of each member, the largest first.
        outcomes: its score on each fold, by weights that were chosen on the other folds.
        left_out: ids of complete models whose predictions are not there.
        by_fold: for each fold, the shares that were chosen on the others.
    """

    shares: Mapping[str, float]
    outcomes: tuple[Outcome, ...]
    left_out: tuple[str, ...] = ()
    by_fold: tuple[Mapping[str, float], ...] = ()

    @property
    def name(self) -> str:
        """Name for people."""
        return f"Blend of {len(self.shares)} models"


def most_models(n_rows: int) -> int:
    """Return how many models a table of so many rows may choose between.

    Example:
        >>> [most_models(n) for n in (50, 100, 500, 1_000, 2_500, 10_000, 10**6)]
        [4, 4, 8, 10, 15, 40, 40]
    """
    rows, models = zip(*_MOST_MODELS, strict=True)
    return int(np.floor(np.exp(np.interp(np.log(max(n_rows, 1)), np.log(rows), np.log(models))) + 1e-9))


def blend(pool: Pool, goal: Goal, n_rows: int) -> Weights | None:
    """Choose the weights of a blend, once on all folds, and for each fold on the others.

    Args:
        pool: what the models predicted.
        goal: what the blend is to be good at.
        n_rows: number of rows, by which it depends how many models are chosen between.

    Returns:
        The weights; ``None`` if there are fewer than two folds or models, or one model alone is the best blend.
    """
    n_folds = len(pool.folds)
    if n_folds < 2 or len(pool.model_ids) < 2:  # noqa: PLR2004 - one for the choice and one for the score
        return None
    selection = _Selection(pool, goal, most_models(n_rows))
    shares = selection.shares(range(n_folds))
    by_fold = tuple(selection.shares(set(range(n_folds)) - {fold}) for fold in range(n_folds))
    return Weights(shares, by_fold) if len(shares) > 1 and all(by_fold) else None


def weighted(pool: Pool, fold: int, shares: Mapping[str, float]) -> Array:
    """Return the weighted mean of what the models predicted for the rows of a fold."""
    places = [pool.model_ids.index(model_id) for model_id in shares]
    return np.tensordot(np.array(list(shares.values())), pool.folds[fold][places], axes=1)


@dataclass
class _Selection:
    """Greedy selection, which remembers what it has computed: choices on different folds begin alike."""

    pool: Pool
    goal: Goal
    limit: int
    _scores: dict[tuple[int, tuple[int, ...]], Array] = field(default_factory=dict)
    _ties: dict[tuple[int, tuple[int, ...]], float] = field(default_factory=dict)

    def shares(self, folds: Sequence[int] | set[int] | range) -> dict[str, float]:
        """Return the shares that are best on some folds, the largest first."""
        chosen = sorted(folds)
        n_models = len(self.pool.model_ids)
        counts = (0,) * n_models
        allowed = self._best_alone(chosen)
        best, best_value, reached, idle = counts, (-math.inf, -math.inf), -math.inf, 0
        for _ in range(ROUNDS):
            counts, value = self._add_one(counts, allowed, chosen)
            if value > best_value:
                best, best_value = counts, value
            if not math.isfinite(reached) or value[0] > reached + _PROGRESS * abs(reached):
                reached, idle = value[0], 0
            else:
                idle += 1
            if idle == PATIENCE:
                break
        order = sorted((n for n in range(n_models) if best[n]), key=lambda n: (-best[n], n))
        return {self.pool.model_ids[n]: best[n] / sum(best) for n in order}  # empty if no score is a number

    def _best_alone(self, folds: Sequence[int]) -> list[int]:
        """Return the positions of the models that the choice is between: those that are best alone."""
        alone = self._means((0,) * len(self.pool.model_ids), folds)
        order = sorted(range(len(alone)), key=lambda n: (-alone[n], n))
        return sorted(order[: self.limit])

    def _add_one(
        self, counts: tuple[int, ...], allowed: Sequence[int], folds: Sequence[int]
    ) -> tuple[tuple[int, ...], tuple[float, float]]:
        """Add the model that makes the mean best; return the counts, and the score and tie-break that this has."""
        means = self._means(counts, folds)
        top = max(means[n] for n in allowed)
        equals = [n for n in allowed if means[n] == top]
        ties = [float(np.mean([self._tie(fold, _plus(counts, n)) for fold in folds])) for n in equals]
        tie = max(ties)
        return _plus(counts, equals[ties.index(tie)]), (top, tie if math.isfinite(top) else -math.inf)

    def _means(self, counts: tuple[int, ...], folds: Sequence[int]) -> list[float]:
        """Return the mean score over folds of a blend with one more of each model."""
        by_fold = []
        for fold in folds:
            key = (fold, counts)
            if key not in self._scores:
                self._scores[key] = np.asarray(self.goal.scores(fold, self._one_more(fold, counts)), dtype=float)
            by_fold.append(self._scores[key])
        means = np.round(np.mean(by_fold, axis=0), _DIGITS)
        return np.where(np.isnan(means), -math.inf, means).tolist()  # type: ignore[no-any-return]

    def _one_more(self, fold: int, counts: tuple[int, ...]) -> Array:
        said, n = self.pool.folds[fold], sum(counts)
        if n == 0:
            return said
        return np.asarray((np.tensordot(np.array(counts, dtype=float), said, axes=1) + said) / (n + 1))

    def _tie(self, fold: int, counts: tuple[int, ...]) -> float:
        divisor = reduce(math.gcd, counts)
        key = (fold, tuple(count // divisor for count in counts))
        if key not in self._ties:
            mean = np.tensordot(np.array(counts, dtype=float), self.pool.folds[fold], axes=1) / sum(counts)
            self._ties[key] = float(self.goal.tie_breaks(fold, mean[None])[0])
        return self._ties[key]


def _plus(counts: tuple[int, ...], n: int) -> tuple[int, ...]:
    return (*counts[:n], counts[n] + 1, *counts[n + 1 :])
