"""Significance tests of the winner against every other model.

The winner is compared with each other model by the corrected resampled t-test of Nadeau and Bengio ("Inference for the
Generalization Error", Machine Learning 52, 2003, section 3): a paired t-test over folds whose variance is multiplied by
``1 / J + n_test / n_train`` in place of ``1 / J``, because the training rows of folds overlap and plain t-tests find
differences that do not exist. The p-values of all pairs are adjusted together by Holm's method (Scandinavian Journal
of Statistics 6, 1979).

Limits: a model that is "tied with the best" is one that these folds cannot tell apart from it (with few folds that is
nearly every model); it is not known to be as good. Folds of a time series follow each other, so for them the correction
is a rule of thumb.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bakeoff.comparison.leaderboard import Leaderboard, Row, fold_values
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import TT

LEVEL = 0.05
"""Significance level, for all pairs together."""
BASELINE = "dummy"
"""Id of the model that learns nothing: never recommended, however cheap it is."""
CHEAPER = 0.8
"""Another model counts as cheaper than the winner if it takes at most this share of its time, since times vary."""
WORTH_SAVING = 0.1
"""Seconds per fold that a cheaper model has to save as well: a few milliseconds are no reason to choose one."""
_NOISE = 1e-12
"""Relative size of differences that count as zero."""
_LEAST_FOLDS = 2
"""Least number of folds for a test."""


@dataclass(frozen=True)
class TTest:
    """The corrected test of one pair.

    Attributes:
        mean: mean of the differences.
        p_value: two-sided.
        half_width: half the width of the mean's confidence interval at `LEVEL`, for this pair alone.
    """

    mean: float
    p_value: float
    half_width: float


@dataclass(frozen=True)
class Pair:
    """The comparison of the winner with one other model.

    Attributes:
        advantage: mean difference over folds, positive if the winner is better, whatever the metric's direction.
        half_width: half the width of the advantage's confidence interval at `LEVEL`, for this pair alone.
        p_adjusted: p-value adjusted for all pairs together by Holm's method.
    """

    model_id: str
    advantage: float
    half_width: float
    p_value: float
    p_adjusted: float

    @property
    def tied(self) -> bool:
        """Whether the folds cannot tell the two models apart."""
        return self.p_adjusted >= LEVEL


@dataclass(frozen=True)
class Verdict:
    """Certainty that the winner is the best model.

    Attributes:
        winner: id of the first complete model.
        pairs: comparisons of the winner with each other testable complete model, in the order of the ranking.
        cheapest: among those tied with the winner and within one standard error of it, the model with the shortest
            time per fold; the winner itself if that is hardly shorter.
        n_folds: number of paired folds.
    """

    winner: str
    pairs: tuple[Pair, ...]
    cheapest: str
    n_folds: int

    @property
    def tied(self) -> tuple[str, ...]:
        """Ids of the models that cannot be told apart from the winner, without the winner."""
        return tuple(pair.model_id for pair in self.pairs if pair.tied)

    def ties_with_best(self, model_id: str) -> bool | None:
        """Return whether a model ties with the winner; ``None`` if it was not tested."""
        if model_id == self.winner:
            return True
        return next((pair.tied for pair in self.pairs if pair.model_id == model_id), None)


def corrected_t_test(differences: Sequence[float], test_ratio: float) -> TTest:
    """Run Nadeau and Bengio's corrected resampled t-test of the hypothesis that the mean difference is 0.

    Args:
        differences: one for each fold, at least two.
        test_ratio: test rows per training row; 0.0 gives the plain paired t-test.

    Example:
        >>> round(corrected_t_test([0.02, 0.04, 0.03, 0.05, 0.01], test_ratio=1 / 4).p_value, 4)
        0.0474
    """
    from scipy.special import stdtr, stdtrit  # commands that only list runs need not load it

    values = np.asarray(differences, dtype=float)
    n = len(values)
    mean, variance = float(values.mean()), float(values.var(ddof=1))
    error = math.sqrt((1 / n + test_ratio) * variance)
    if error <= _NOISE * abs(mean):
        # All folds agree exactly: either there is no difference, or it is certain.
        return TTest(mean, 0.0 if mean else 1.0, 0.0)
    p_value = float(2.0 * stdtr(n - 1, -abs(mean) / error))
    return TTest(mean, p_value, float(stdtrit(n - 1, 1 - LEVEL / 2)) * error)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for multiple tests by Holm's step-down method, in the order given.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    n = len(p_values)
    adjusted, highest = [0.0] * n, 0.0
    for step, position in enumerate(sorted(range(n), key=lambda each: p_values[each])):
        highest = max(highest, min(1.0, (n - step) * p_values[position]))
        adjusted[position] = highest
    return adjusted


def judge(plan: Plan, board: Leaderboard) -> Verdict | None:
    """Compare the winner with every other complete model on the metric that ranks.

    Returns:
        ``None`` if no model is complete. Models without a finite score in each fold are not tested; with fewer than
        two folds, no model is.
    """
    complete = [row for row in board.rows if row.complete]
    if not complete:
        return None
    scores = {row.model_id: _folds_of(board, row, plan.sort_by) for row in complete}
    best, *others = complete
    best_scores = scores[best.model_id]
    testable = [row.model_id for row in others if best_scores is not None and scores[row.model_id] is not None]
    sign = 1.0 if plan.greater_is_better else -1.0
    tests = [_test(best_scores, scores[model_id], sign, plan.test_ratio) for model_id in testable]
    adjusted = holm([test.p_value for test in tests])
    pairs = tuple(
        Pair(model_id, test.mean, test.half_width, test.p_value, p_adjusted)
        for model_id, test, p_adjusted in zip(testable, tests, adjusted, strict=True)
    )
    return Verdict(best.model_id, pairs, _cheapest(complete, pairs, plan.sort_by, plan.n_folds), plan.n_folds)


def mark_ties(board: Leaderboard, verdict: Verdict | None) -> Leaderboard:
    """Return the leaderboard with ``tied_with_best`` filled in."""
    if verdict is None:
        return board
    return replace(
        board, rows=tuple(replace(row, tied_with_best=verdict.ties_with_best(row.model_id)) for row in board.rows)
    )


def _folds_of(board: Leaderboard, row: Row, key: str) -> list[float] | None:
    """Return a complete model's scores by fold; ``None`` if there are too few or some are not finite."""
    values = fold_values([outcome for outcome in board.outcomes if outcome.model_id == row.model_id], key)
    return values if len(values) >= _LEAST_FOLDS and all(map(math.isfinite, values)) else None


def _test(
    winner_scores: Sequence[float] | None, rival_scores: Sequence[float] | None, sign: float, test_ratio: float
) -> TTest:
    winner, rival = np.asarray(winner_scores, dtype=float), np.asarray(rival_scores, dtype=float)
    differences = sign * (winner - rival)
    # Two models with the same predictions may still differ in the last bit of a score.
    noise = _NOISE * max(float(np.abs(winner).max()), float(np.abs(rival).max()))
    return corrected_t_test(list(np.where(np.abs(differences) <= noise, 0.0, differences)), test_ratio)


def _cheapest(complete: Sequence[Row], pairs: Sequence[Pair], key: str, n_folds: int) -> str:
    """Return the id of the cheapest model that is as good as the winner, else the winner's.

    With few folds even poor models tie, so the choice is also limited to models within one standard error of the
    winner's mean, after Breiman, Friedman, Olshen and Stone (Classification and Regression Trees, 1984, section 3.4.3).
    """
    best = complete[0]
    error = best.stds[key] / math.sqrt(max(n_folds - 1, 1))  # the deviation is that of the population
    close = {pair.model_id for pair in pairs if pair.tied and pair.advantage <= error and pair.model_id != BASELINE}
    longest = min(CHEAPER * best.means[TT], best.means[TT] - WORTH_SAVING)
    cheaper = [row for row in complete if row.model_id in close and row.means[TT] <= longest]
    return min(cheaper or [best], key=lambda row: row.means[TT]).model_id
