"""The source of a run's trials: which come next, decided by those that have ended.

A strategy decides by *rungs*: a rung is a number of folds, and ends when every model that takes part has an outcome for
each of them. What it decides depends on these outcomes alone and never on the order in which they arrived, so that the
same seed gives the same trials and the same ranking with any number of slots, and after any interruption.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from bakeoff.comparison.leaderboard import Leaderboard, Row, fold_values, rank, round_half_even
from bakeoff.comparison.plan import FIRST_FOLDS, Plan
from bakeoff.comparison.trial import Model, Outcome, Status, Trial

USUAL = 0.25
"""Share of the models whose folds may lie closer together than is usual: so close that it may be luck."""
ENOUGH = 3
"""Least number of models that a rung ends with when its time is over: one of them may be the dummy."""


@dataclass(frozen=True)
class Rung:
    """The end of a rung.

    Attributes:
        n_folds: number of folds that the models were compared on.
        trials: trials that may start now, those of the best models first.
        stopped: ids of the models that do not go on, in the order given.
        revived: ids of models that had been stopped and go on after all.
        candidates: models that the plan does not have yet, whose trials may start now.
        dropped: ids of models that do not go on because they lacked a fold when the time of the rung was over.
    """

    n_folds: int
    trials: tuple[Trial, ...]
    stopped: tuple[str, ...] = ()
    revived: tuple[str, ...] = ()
    candidates: tuple[Model, ...] = ()
    dropped: tuple[str, ...] = ()


class Strategy(Protocol):
    """A source of trials that hears how they end.

    Where the time of a run is limited, the clock decides, too: it is the one thing that may be different on another
    machine.
    """

    @property
    def due(self) -> float:
        """Share of the time left since a rung has last ended, after which what runs should have ended."""

    def hurry(self) -> Sequence[Rung]:
        """End what is due although trials are open, if their outcomes so far allow it; return the rungs that end."""

    def begin(self, plan: Plan) -> Sequence[Trial]:
        """Begin anew with a plan, and return the trials that may start at once."""

    def hear(self, outcome: Outcome) -> Sequence[Rung]:
        """Take note of an outcome, and return the rungs that have ended with it."""


class Grid:
    """Every model on every fold.

    Example:
        >>> from bakeoff.comparison.trial import Model
        >>> plan = Plan((Model("lr", "LR"), Model("dt", "DT")), 2, (), "tt_sec")
        >>> [f"{trial.model_id}{trial.fold}" for trial in Grid().begin(plan)]
        ['lr0', 'lr1', 'dt0', 'dt1']
    """

    due = 1.0

    def begin(self, plan: Plan) -> Sequence[Trial]:
        """Return all trials of the plan."""
        return plan.trials

    def hurry(self) -> Sequence[Rung]:
        """Return nothing: there is nothing to decide."""
        return ()

    def hear(self, outcome: Outcome) -> Sequence[Rung]:  # noqa: ARG002 - the protocol's
        """Return nothing: no outcome changes what is run."""
        return ()


@dataclass
class Race:
    """All models on a few folds, then those that may still win on more.

    At the end of a rung the model with the best mean leads. Another model goes on if its mean is at least as good as
    the worst fold of the leader ("forgiving" in Bergman, Purucker and Hutter, "Don't Waste Your Time: Early Stopping
    Cross-Validation", AutoML 2024), or if it is among the best ``keep``. Two folds of the leader may be close together
    by luck, so its worst one counts as at least as far from its mean as those of a quarter of the models.

    A model that lost a fold does not go on, since it could not be complete. If all that are left have lost one, those
    that were stopped last go on after all.

    Of a limited time each rung has its part of what is left: a third, half, all. When that is over, models that lack a
    fold of the rung are dropped if there are enough without them. If time is left after the last rung, those that were
    dropped race for that.

    Attributes:
        keep: number of families whose best model runs on all folds, however far behind it is.
        families: family of each model, by model id; a model that is not named is a family of its own.

    Example:
        >>> from bakeoff.comparison.trial import Metric, Model
        >>> plan = Plan((Model("lr", "LR"), Model("dt", "DT")), 3, (Metric("auc", "AUC"),), "auc")
        >>> race = Race()
        >>> scores = {"lr": 0.9, "dt": 0.5}
        >>> rungs = [race.hear(Outcome(t.model_id, t.fold, metrics={"auc": scores[t.model_id]}))
        ...     for t in race.begin(plan)]
        >>> [(rung.stopped, rung.trials) for rung in rungs[-1]]
        [(('dt',), (Trial(model_id='lr', fold=2),))]
    """

    keep: int = 1
    families: Mapping[str, str] = field(default_factory=dict)

    def begin(self, plan: Plan) -> Sequence[Trial]:
        """Return the trials of the first folds of every model."""
        self._plan = plan
        self._ends = rungs(plan.n_folds)
        self._running = [model.id for model in plan.models]
        self._waiting: list[tuple[str, ...]] = []  # models that were stopped, by rung, and could be complete
        self._outcomes: dict[Trial, Outcome] = {}
        self._awaited: set[Trial] = set()
        self._dropped: tuple[str, ...] = ()
        self._late: tuple[str, ...] = ()  # models that were dropped and race for the rest of the time
        self._through: list[str] = []  # models that had run on all folds by then
        self._is_patient = False
        return self._await()

    def hear(self, outcome: Outcome) -> Sequence[Rung]:
        """Take note of an outcome, and return the rungs that have ended with it: more than one in a resumed run.

        A cancelled trial has no outcome: nothing may be decided by it.
        """
        if outcome.status is Status.CANCELLED:
            return []
        self._outcomes[outcome.trial] = outcome
        self._awaited.discard(outcome.trial)
        ended = []
        while self._ends and not self._awaited:
            ended.append(self._end_rung())
        return [rung for rung in ended if rung.trials or rung.stopped]

    @property
    def due(self) -> float:
        """Share of the time left at the rung's beginning after which it should have ended."""
        return 1.0 if self._is_patient else 1.0 / max(len(self._ends), 1)

    def hurry(self) -> Sequence[Rung]:
        """End the rung without the models that lack a fold of it, if it is not the last and enough have all."""
        if len(self._ends) <= 1 or self._is_patient:
            return ()
        late = {trial.model_id for trial in self._awaited}
        if sum(row.complete for row in self._ranking().rows) < ENOUGH:
            return ()
        dropped = tuple(model_id for model_id in self._running if model_id in late)
        self._running = [model_id for model_id in self._running if model_id not in late]
        self._awaited = set()
        self._dropped += dropped
        return (replace(self._end_rung(), dropped=dropped),)

    def _await(self) -> tuple[Trial, ...]:
        """Return the trials that the running models lack up to the next rung, and wait for them."""
        folds = range(self._ends[0] if self._ends else 0)
        trials = [Trial(model_id, fold) for model_id in self._running for fold in folds]
        self._awaited = {trial for trial in trials if trial not in self._outcomes}
        return tuple(trial for trial in trials if trial in self._awaited)

    def _ranking(self) -> Leaderboard:
        """Rank the running models by the folds up to the next rung."""
        n_folds = self._ends[0]
        known = [outcome for outcome in self._outcomes.values() if outcome.fold < n_folds]
        return rank(replace(self._plan, n_folds=n_folds), known, self._running)

    def _end_rung(self) -> Rung:
        n_folds, board = self._ends[0], self._ranking()
        if self._waiting and not any(row.complete for row in board.rows):
            revived = self._waiting.pop()
            self._running = [*self._running, *revived]
            return Rung(n_folds, self._await(), revived=revived)
        self._ends.pop(0)
        if not self._ends:
            return self._race_for_the_rest(n_folds) if self._dropped else Rung(n_folds, ())
        may_win = contenders(self._plan, board, self.keep, self.families)
        may_win += [model_id for model_id in self._through if model_id not in may_win]
        out = {row.model_id: row.complete for row in board.rows if row.model_id not in may_win}
        if could_be_whole := tuple(model_id for model_id in self._running if out.get(model_id)):
            self._waiting.append(could_be_whole)
        stopped = tuple(model_id for model_id in self._running if model_id in out)
        self._running = may_win
        return Rung(n_folds, self._await(), stopped)

    def _race_for_the_rest(self, n_folds: int) -> Rung:
        """Let the models that were dropped run after all, and to the end of the time if it is for the second time."""
        self._is_patient = self._late == self._dropped
        self._late, self._dropped = self._dropped, ()
        self._through = self._running
        self._running = [*self._running, *self._late]
        self._waiting = []
        self._ends = rungs(self._plan.n_folds)
        return Rung(n_folds, self._await(), revived=self._late)


def rungs(n_folds: int) -> list[int]:
    """Return the numbers of folds after which models are compared: two, half and all of them.

    Example:
        >>> rungs(10), rungs(5), rungs(3), rungs(2), rungs(1)
        ([2, 5, 10], [2, 3, 5], [2, 3], [2], [1])
    """
    return sorted({min(FIRST_FOLDS, n_folds), max(math.ceil(n_folds / 2), min(FIRST_FOLDS, n_folds)), n_folds})


def contenders(plan: Plan, board: Leaderboard, keep: int, families: Mapping[str, str]) -> list[str]:
    """Return the ids of the models that may still win, the best first; all of them if none has every fold so far.

    Args:
        plan: names the metric that decides.
        board: the ranking over the folds of a rung.
        keep: number of families whose best model goes on in any case.
        families: family of each model, by model id.
    """
    whole = [row for row in board.rows if row.complete and math.isfinite(row.primary_value)]
    if not whole:
        return [row.model_id for row in board.rows]
    bar = _bar(plan, board, whole)
    may_win = []
    kept: set[str] = set()
    for row in whole:
        family = families.get(row.model_id) or row.model_id
        if _reaches(plan, row, bar) or (family not in kept and len(kept) < keep):
            may_win.append(row.model_id)
        kept.add(family)
    return may_win


def _bar(plan: Plan, board: Leaderboard, whole: Sequence[Row]) -> float:
    """Return the mean that a model has to reach: the leader's worst fold, or less if its folds are luckily close."""
    by_model: dict[str, list[Outcome]] = {}
    for outcome in board.outcomes:
        by_model.setdefault(outcome.model_id, []).append(outcome)
    drops = [_drop(plan, row, by_model[row.model_id]) for row in whole]
    drop = max(drops[0], float(np.quantile(drops, USUAL)))
    value = whole[0].primary_value - drop if plan.greater_is_better else whole[0].primary_value + drop
    return round_half_even(value, plan.decimals)


def _drop(plan: Plan, row: Row, outcomes: Sequence[Outcome]) -> float:
    """Return by how much a model's worst fold is worse than its mean."""
    values = fold_values(outcomes, plan.sort_by)
    return abs(row.primary_value - (min(values) if plan.greater_is_better else max(values)))


def _reaches(plan: Plan, row: Row, value: float) -> bool:
    mean = round_half_even(row.primary_value, plan.decimals)
    return mean >= value if plan.greater_is_better else mean <= value
