"""A run of a comparison: its trials, then the refits of the winners, on an engine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bakeoff.comparison.blend import Blend
from bakeoff.comparison.costs import ExpectedCosts, PriorCosts
from bakeoff.comparison.events import Announcer, Listener
from bakeoff.comparison.leaderboard import Leaderboard, winners
from bakeoff.comparison.limits import TrialLimits
from bakeoff.comparison.predictions import PredictionMemory, PredictionStore
from bakeoff.comparison.run_control import RunControl
from bakeoff.comparison.scheduler import Scheduler
from bakeoff.comparison.significance import Verdict, judge, mark_ties
from bakeoff.comparison.strategy import Grid, Strategy
from bakeoff.comparison.summary import Summary, ideal_seconds
from bakeoff.comparison.trial import Refitted
from bakeoff.comparison.trial_store import NullStore, TrialStore
from bakeoff.comparison.tuning import Tuning, candidates_of
from bakeoff.comparison.tuning_result import TuningResult, tuning_result
from bakeoff.errors import EngineLostError
from bakeoff.execution.engines.factory import usual_engine, with_driver
from bakeoff.execution.engines.hybrid import HybridEngine
from bakeoff.execution.engines.room import open_with_room
from bakeoff.execution.executor import FugueExecutor
from bakeoff.execution.options import ExecutionOptions
from bakeoff.pycaret3.candidates import with_ranked_candidates
from bakeoff.pycaret3.prepared import PreparedComparison

OFFER_SHARE, OFFER_SECONDS = 0.01, 1.0
"""What fitting a blend that is only shown may take at most: a share of the time of the trials, or these seconds."""
LOST_SECONDS = 2.0
"""Seconds that the end of a comparison waits for its listeners if the engine is gone, which some of them may need."""


@dataclass(frozen=True)
class ComparisonResult:
    """The result of a comparison that was not broken off.

    Attributes:
        board: the ranked models.
        verdict: which models do not differ significantly from the best one; ``None`` if no model has all folds.
        summary: wall and ideal time, and slots.
        refitted: the winners, fitted on all training rows, in the order of the ranking.
        blend: the best blend of the models; ``None`` if there is none, or it was not asked for.
        others: further models that were fitted: members of the blend, and models that are tied with the best one.
        stopped: whether the control has ended the run early.
    """

    board: Leaderboard
    verdict: Verdict | None
    summary: Summary
    refitted: tuple[Refitted, ...]
    stopped: bool
    blend: Blend | None = None
    others: tuple[Refitted, ...] = ()


@dataclass
class ComparisonRun:
    """One run of a prepared comparison.

    Attributes:
        comparison: what is compared.
        engine: the engine that the user named or passed; ``None`` for the one that suits.
        options: how trials run on it.
        listeners: receive the events of the run.
        store: makes outcomes durable; those that it has are not run again.
        control: name of the run, and how it ends.
        predictions: keeps what the models predict.
        strategy: says which trials come next.
        tuning: what tuning has tried; ``None`` if the strategy tunes nothing.
        board: the leaderboard; after a run that was broken off, of the outcomes so far; ``None`` if there are none.
        listener_problems: after the run, errors of listeners.
    """

    comparison: PreparedComparison
    engine: Any = None
    options: ExecutionOptions = field(default_factory=ExecutionOptions)
    listeners: Sequence[Listener] = ()
    store: TrialStore = field(default_factory=NullStore)
    control: RunControl = field(default_factory=RunControl)
    predictions: PredictionStore = field(default_factory=PredictionMemory)
    strategy: Strategy = field(default_factory=Grid)
    tuning: TuningResult | None = field(default=None, init=False)
    board: Leaderboard | None = field(default=None, init=False)
    listener_problems: list[str] = field(default_factory=list, init=False)

    def run(self) -> ComparisonResult:
        """Run the trials that are not finished, rank the models, and refit the winners.

        Raises:
            EngineLostError: The engine is gone.
        """
        started, began_at = time.monotonic(), time.time()
        options, frozen = self.options, self.comparison.frozen
        costs = ExpectedCosts(self.store, self.comparison.families, PriorCosts(len(frozen.y), frozen.width))
        budget, seconds = self.comparison.request.budget_seconds, self._seconds_left(costs)
        limits = replace(options.limits, seconds=budget)
        asked = usual_engine(seconds, limits, options.n_slots) if self.engine is None else self.engine
        opened = open_with_room(asked, options, frozen)
        engine, options = opened.engine, opened.options
        limits = replace(options.limits, seconds=budget)
        announcer = Announcer(self.listeners)
        patience = self.control.listener_timeout
        try:
            engine = with_driver(engine, options.may_use_driver, frozen, seconds)
            with FugueExecutor(engine, frozen, self.control.name, options.n_slots, limits) as executor:
                scheduler = self._scheduler(executor, announcer, costs, limits)
                board = self._run_trials(scheduler)
                ended = self._has_failed(board) or scheduler.stopped
                chosen = [] if ended else winners(board, self._n_select)
                blend = None if ended else self._blend(board)
                verdict = judge(self.comparison.plan, board)
                others = [] if blend is None else self._members(blend, board, executor.slots)
                if verdict and chosen and self.options.fit_tied:
                    others += [*verdict.tied, *(self.tuning.model_ids if self.tuning else ())]
                others = [model_id for model_id in dict.fromkeys(others) if model_id not in chosen]
                refitted = executor.refit([*chosen, *others], self.control.stop)
                slots = engine.slots_used if isinstance(engine, HybridEngine) else executor.slots
        except EngineLostError:
            patience = min(patience, LOST_SECONDS)
            raise
        finally:
            self.listener_problems += announcer.close(patience)
        self.board = board = mark_ties(board, verdict)
        done = self.store.finished()
        fresh = [outcome for outcome in board.outcomes if outcome not in done]
        summary = Summary(
            slots=slots,
            wall_seconds=time.monotonic() - started,
            ideal_seconds=ideal_seconds(fresh, slots, [refit.fit_seconds for refit in refitted]),
            n_resumed=len(done),
            began_at=began_at,
            n_on_driver=engine.n_here if isinstance(engine, HybridEngine) else len(fresh) * opened.on_driver,
            too_small=isinstance(engine, HybridEngine) and not engine.is_open,
        )
        stopped = scheduler.stopped or len(refitted) < len(chosen)
        n = len(chosen)
        return ComparisonResult(board, verdict, summary, tuple(refitted[:n]), stopped, blend, tuple(refitted[n:]))

    def _blend(self, board: Leaderboard) -> Blend | None:
        """Return the best blend of the models, if one was asked for; what keeps it from being made is a problem."""
        if self.options.blend == "off":
            return None
        from bakeoff.pycaret3.blending import blend_of

        try:
            return blend_of(self.comparison, board, self.predictions)
        except Exception as error:  # noqa: BLE001 - users' metrics and models may do anything; the ranking stands
            self.listener_problems.append(f"The models could not be blended: {type(error).__name__}: {error}")
            return None

    def _members(self, blend: Blend, board: Leaderboard, slots: int) -> list[str]:
        """Return the members of a blend that are to be fitted; none if it is only shown and that takes too long."""
        members = list(blend.shares)
        if self.options.blend == "on":
            return members
        n_folds = self.comparison.plan.n_folds
        costs = {row.model_id: row.fit_seconds / n_folds * (1 + self.comparison.plan.test_ratio) for row in board.rows}
        needed = sum(costs[model_id] for model_id in members) / slots
        worked = sum(outcome.fit_seconds + outcome.score_seconds for outcome in board.outcomes) / slots
        return members if needed <= max(OFFER_SHARE * worked, OFFER_SECONDS) else []

    @property
    def _n_select(self) -> int:
        return self.comparison.request.n_select

    def _has_failed(self, board: Leaderboard) -> bool:
        """Whether the first failure was to end the run, and there is one."""
        candidates = self.comparison.plan.candidate_ids
        return self.comparison.request.errors == "raise" and any(
            outcome.model_id not in candidates for outcome in board.failures
        )

    def _seconds_left(self, costs: ExpectedCosts) -> float:
        """Return the expected seconds of the open trials on one core; infinity if a model has no known cost."""
        done = {outcome.trial for outcome in self.store.finished()}
        plan = self.comparison.plan
        seconds = costs.total(trial for trial in plan.trials if trial not in done)
        if isinstance(self.strategy, Tuning) and plan.models:  # which families that will be is not known yet
            seconds *= 1 + candidates_of(self.strategy.n_families) / len(plan.models)
        return seconds

    def _scheduler(
        self, executor: FugueExecutor, announcer: Announcer, costs: ExpectedCosts, limits: TrialLimits
    ) -> Scheduler:
        return Scheduler(
            self.comparison.plan,
            executor,
            announcer,
            costs,
            limits,
            self.store,
            self.control,
            self.predictions,
            known=self.comparison.known,
            n_winners=max(self._n_select, 0),
            stop_at_failure=self.comparison.request.errors == "raise",
            strategy=self.strategy,
        )

    def _run_trials(self, scheduler: Scheduler) -> Leaderboard:
        """Run the trials; the board is known from then on, also if Ctrl-C comes now or while the winners are fitted."""
        try:
            self.board = board = scheduler.run()
        except BaseException:
            self.board = scheduler.so_far()
            raise
        finally:
            if self.board is not None:
                self.comparison = with_ranked_candidates(self.comparison, scheduler.plan, self.board)
                if isinstance(self.strategy, Tuning):
                    self.tuning = tuning_result(self.strategy, scheduler.plan, self.board)
        return board


def refit_models(
    comparison: PreparedComparison, engine: Any, options: ExecutionOptions, model_ids: Sequence[str]
) -> list[Refitted]:
    """Fit models of a comparison that has ended on all training rows, on its engine.

    Args:
        comparison: what was compared.
        engine: the engine that the user named or passed.
        options: how trials run on it.
        model_ids: the models.

    Raises:
        EngineLostError: The engine is gone.
    """
    opened, options, _ = open_with_room(engine, options, comparison.frozen)
    limits = replace(options.limits, seconds=None)
    with FugueExecutor(opened, comparison.frozen, "blend", options.n_slots, limits) as executor:
        return executor.refit(model_ids)
