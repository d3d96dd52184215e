"""Weights of a blend of forecasts: a model has the more weight, the smaller its error was.

A fold of a time series has few rows, too few to choose weights one by one, as `bakeoff.comparison.blend` does.
Weights in proportion to the inverse of the error need no choice (Bates and Granger, "The Combination of Forecasts",
Operational Research Quarterly 20, 1969); what is chosen is how many of the best models take part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from bakeoff.comparison.blend import Array, Pool, Weights, most_models, weighted
from bakeoff.comparison.blend_goals import negative_rmse
from bakeoff.comparison.leaderboard import Leaderboard
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Trial

Score = Callable[[int, Array], float]
"""The score of a forecast on a fold; greater is better."""
_LEAST = 1e-9
"""Share of the largest error that every error is taken for at least: one of 0 would have all of the weight."""


def weights_by_error(pool: Pool, errors: Mapping[str, Sequence[float]], score: Score, n_rows: int) -> Weights | None:
    """Choose the weights of a blend, once on all folds, and for each fold on the others.

    Args:
        pool: what the models predicted.
        errors: error of each model on each fold, smaller is better.
        score: the score of a forecast.
        n_rows: number of rows of all folds, by which it depends how many models are chosen between.

    Returns:
        The weights; ``None`` if there are fewer than two folds or models, or one model alone is the best blend.
    """
    n_folds = len(pool.folds)
    if n_folds < 2 or len(pool.model_ids) < 2:  # noqa: PLR2004 - one for the choice and one for the score
        return None

    def chosen(folds: Sequence[int]) -> dict[str, float]:
        means = {model_id: float(np.mean([errors[model_id][fold] for fold in folds])) for model_id in pool.model_ids}
        best: dict[str, float] = {}
        best_value = -np.inf
        for n in range(1, most_models(n_rows) + 1):
            shares = shares_by_error(means, n)
            value = float(np.mean([score(fold, weighted(pool, fold, shares)) for fold in folds]))
            if value > best_value:
                best, best_value = shares, value
        return best

    shares = chosen(range(n_folds))
    by_fold = tuple(chosen([each for each in range(n_folds) if each != fold]) for fold in range(n_folds))
    return Weights(shares, by_fold) if len(shares) > 1 and all(by_fold) else None


def errors_of(pool: Pool, plan: Plan, board: Leaderboard, truths: Sequence[ArrayLike]) -> dict[str, list[float]]:
    """Return the error of each model on each fold: the metric that ranks, or RMSE where that is not an error.

    Args:
        pool: what the models predicted.
        plan: what was compared.
        board: the scores of the models.
        truths: the values of the test rows, for each fold.
    """
    values = {each.trial: each.metrics.get(plan.sort_by, np.nan) for each in board.outcomes if each.ok}
    ranked = {model_id: [values[Trial(model_id, fold)] for fold in range(plan.n_folds)] for model_id in pool.model_ids}
    found = np.array(list(ranked.values()))
    if not plan.greater_is_better and np.isfinite(found).all() and (found >= 0).all():
        return ranked
    rmse = [
        -negative_rmse(np.asarray(truth, dtype=float), said) for truth, said in zip(truths, pool.folds, strict=True)
    ]
    return {model_id: [float(each[place]) for each in rmse] for place, model_id in enumerate(pool.model_ids)}


def shares_by_error(errors: Mapping[str, float], n: int) -> dict[str, float]:
    """Return the shares of the models with the smallest errors, in proportion to the inverse of these.

    Args:
        errors: error of each model, not negative.
        n: number of models.

    Example:
        >>> shares_by_error({"naive": 3.0, "ets": 1.0, "arima": 9.0}, n=2)
        {'ets': 0.75, 'naive': 0.25}
    """
    smallest = sorted(errors, key=lambda model_id: errors[model_id])[:n]
    least = max(errors[smallest[-1]] * _LEAST, float(np.finfo(float).tiny))
    inverse = {model_id: 1.0 / max(errors[model_id], least) for model_id in smallest}
    total = sum(inverse.values())
    return {model_id: value / total for model_id, value in inverse.items()}
