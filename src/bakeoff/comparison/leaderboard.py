"""The ranking of models by their outcomes.

Complete models come first, then partial ones, those that a race stopped, and failed ones. Within a class the mean over
folds decides, rounded as PyCaret shows it; ties keep the order in which the models were given, as plain PyCaret does.
NaN is last in both directions. A failed fold counts as NaN, never as 0.0.

Of the candidates of one family that tuning has tried, the best one that is complete has a row, and no other.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import NOT_RUN, TT, Outcome

COMPLETE = "ok"
PARTIAL = "partial"
STOPPED = "stopped"
FAILED = "failed"
STATUSES = (COMPLETE, PARTIAL, STOPPED, FAILED)
"""How a model can stand, in the order of the ranking."""


@dataclass(frozen=True)
class Row:
    """One model of the leaderboard.

    Attributes:
        rank: from 1, over all models.
        status: ``ok`` (every fold), ``partial`` (some), ``stopped`` (some, because it could not win any more) or
            ``failed`` (none).
        means: unrounded mean over the successful folds, by metric key, ``tt_sec`` included.
        stds: population standard deviation over the same folds (``numpy.std``, as PyCaret).
        fit_seconds: sum over all folds, failed ones included.
        error_type: type of the error on the first fold that failed.
        tied_with_best: whether the folds cannot tell it from the best model; ``None`` if that was not tested.
        params: parameters that are not those of the model's family, as JSON; ``None`` if it has none.
        holdout_value: value of the metric that ranks on the hold-out rows; ``None`` if it is not known.
        members: share of each model in a blend; empty for a single model.
        seconds_saved: what a stopped model would have taken on the other folds, by the mean of those that it ran on.
    """

    rank: int
    model_id: str
    model_name: str
    status: str
    primary_value: float
    means: Mapping[str, float]
    stds: Mapping[str, float]
    n_folds_ok: int
    fit_seconds: float
    batch_id: int
    error_type: str | None = None
    error_message: str | None = None
    finished_at: float = 0.0
    tied_with_best: bool | None = None
    params: str | None = None
    holdout_value: float | None = None
    members: Mapping[str, float] = field(default_factory=dict)
    seconds_saved: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether every fold was scored."""
        return self.status == COMPLETE

    def shortfall(self, n_folds: int) -> str:
        """Return why the model lacks folds, in a few words; empty if it has all.

        Example:
            >>> row = Row(1, "lr", "LR", PARTIAL, 0.9, {}, {}, 4, 1.0, 1, error_type="ValueError")
            >>> row.shortfall(10), replace(row, status=STOPPED).shortfall(10)
            ('4 of 10 folds: ValueError', 'stopped after 4 of 10 folds')
            >>> late = replace(row, error_type=NOT_RUN)
            >>> late.shortfall(10), replace(late, status=FAILED).shortfall(10)
            ('4 of 10 folds run', 'not run')
        """
        if self.status == COMPLETE:
            return ""
        if self.status == STOPPED:
            return f"stopped after {self.n_folds_ok} of {n_folds} folds"
        folds = f"{self.n_folds_ok} of {n_folds} folds"
        if self.error_type == NOT_RUN:
            return "not run" if self.status == FAILED else f"{folds} run"
        reason = self.error_type or "no reason given"
        return f"failed: {reason}" if self.status == FAILED else f"{folds}: {reason}"


@dataclass(frozen=True)
class Leaderboard:
    """All models, ranked, and the outcomes that they were ranked from."""

    rows: tuple[Row, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def best(self) -> Row | None:
        """The first row; ``None`` if its model failed or there is none."""
        first = self.rows[0] if self.rows else None
        return first if first is not None and first.status != FAILED else None

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """The outcomes that are not ``ok``."""
        return tuple(outcome for outcome in self.outcomes if not outcome.ok)

    @property
    def stopped(self) -> tuple[Row, ...]:
        """The models that a race stopped."""
        return tuple(row for row in self.rows if row.status == STOPPED)

    def count(self, status: str) -> int:
        """Return the number of models with this status."""
        return sum(row.status == status for row in self.rows)

    @property
    def seconds_saved(self) -> float:
        """The seconds that a race has saved."""
        return sum(row.seconds_saved for row in self.rows)


def rank(
    plan: Plan, outcomes: Iterable[Outcome], model_ids: Iterable[str] | None = None, stopped: Collection[str] = ()
) -> Leaderboard:
    """Rank the models of ``plan`` by the outcomes known so far.

    Args:
        plan: names the models, their order, and the metric that decides.
        outcomes: in any order; at most one for each trial.
        model_ids: rank only these.
        stopped: ids of the models that a race does not run on further folds.

    Returns:
        A leaderboard with one row for each ranked model.
    """
    included = {model.id for model in plan.all_models} if model_ids is None else set(model_ids)
    by_model: dict[str, list[Outcome]] = {model.id: [] for model in plan.all_models if model.id in included}
    for outcome in sorted(outcomes, key=lambda outcome: outcome.fold):
        if outcome.model_id in by_model:
            by_model[outcome.model_id].append(outcome)
    rows = [_summarise(plan, model_id, of_model, stopped) for model_id, of_model in by_model.items()]
    rows = _best_candidates(plan, rows)
    rows.sort(key=lambda row: _sort_key(plan, row))
    ranked = tuple(replace(row, rank=n) for n, row in enumerate(rows, start=1))
    return Leaderboard(ranked, tuple(outcome for of_model in by_model.values() for outcome in of_model))


def _best_candidates(plan: Plan, rows: Sequence[Row]) -> list[Row]:
    """Return the rows of the models, and of each family's candidates that of the best one, the first of equals."""
    families = {candidate.id: candidate.tunes for candidate in plan.candidates}
    best: dict[str | None, Row] = {}
    for row in rows:
        if row.model_id in families and row.complete:
            family = families[row.model_id]
            best[family] = min(best.get(family, row), row, key=lambda each: _sort_key(plan, each))
    kept = {row.model_id for row in best.values()}
    return [row for row in rows if row.model_id not in families or row.model_id in kept]


def winners(board: Leaderboard, n_select: int) -> list[str]:
    """Return the ids of the best ``n_select`` models, or of the worst if it is negative, in the order of the ranking.

    Example:
        >>> winners(Leaderboard((), ()), 3)
        []
    """
    ids = [row.model_id for row in board.rows if row.status != FAILED]
    count = min(len(ids), abs(n_select))
    return ids[len(ids) - count :] if n_select < 0 else ids[:count]


def likely_winners(plan: Plan, outcomes: Iterable[Outcome], n: int, stopped: Collection[str] = ()) -> list[str]:
    """Return those of the ``n`` leading models that are complete, the best first.

    A leader that lacks folds keeps its place but is not returned: it may still win, or be overtaken.

    Args:
        plan: names the models, their order, and the metric that decides.
        outcomes: the outcomes known so far.
        n: number of winners asked for.
        stopped: ids of models that are out of the race.
    """
    rows = rank(plan, outcomes, stopped=stopped).rows
    running = [row for row in rows if row.n_folds_ok and row.error_type is None and row.status != STOPPED]
    running.sort(key=lambda row: _sort_key(plan, row)[1:])
    return [row.model_id for row in running[:n] if row.status == COMPLETE]


def fold_values(outcomes: Sequence[Outcome], key: str) -> list[float]:
    """Return the values of one metric over the successful folds, in the order of the outcomes."""
    if key == TT:
        return [outcome.fit_seconds + outcome.score_seconds for outcome in outcomes if outcome.ok]
    return [outcome.metrics.get(key, math.nan) for outcome in outcomes if outcome.ok]


def _summarise(plan: Plan, model_id: str, outcomes: Sequence[Outcome], stopped: Collection[str]) -> Row:
    n_ok = sum(outcome.ok for outcome in outcomes)
    keys = [metric.key for metric in plan.metrics] + [TT]
    values = {key: fold_values(outcomes, key) for key in keys}
    with np.errstate(invalid="ignore"):  # the deviation of an infinite value is NaN, without a warning
        means = {key: float(np.mean(value)) if value else math.nan for key, value in values.items()}
        stds = {key: float(np.std(value)) if value else math.nan for key, value in values.items()}
    failure = next((outcome for outcome in outcomes if not outcome.ok), None)
    status = COMPLETE if n_ok == plan.n_folds else PARTIAL if n_ok else FAILED
    if status == PARTIAL and failure is None and model_id in stopped:
        status = STOPPED
    return Row(
        rank=0,
        model_id=model_id,
        model_name=plan.name_of[model_id],
        status=status,
        primary_value=means[plan.sort_by],
        means=means,
        stds=stds,
        n_folds_ok=n_ok,
        fit_seconds=sum(outcome.fit_seconds for outcome in outcomes),
        batch_id=plan.batch_of[model_id],
        error_type=failure.error_type if failure else None,
        error_message=failure.error_message if failure else None,
        params=plan.params_of[model_id],
        finished_at=max((outcome.finished_at for outcome in outcomes), default=0.0),
        seconds_saved=means[TT] * (plan.n_folds - n_ok) if status == STOPPED else 0.0,
    )


def _sort_key(plan: Plan, row: Row) -> tuple[int, bool, float]:
    value = round_half_even(row.primary_value, plan.decimals)
    missing = math.isnan(value)
    directed = 0.0 if missing else -value if plan.greater_is_better else value
    return STATUSES.index(row.status), missing, directed


def round_half_even(value: float, decimals: int) -> float:
    """Round the way numpy and pandas do, which is what PyCaret ranks by."""
    return float(np.round(value, decimals))
