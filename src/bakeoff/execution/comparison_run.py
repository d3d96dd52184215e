"""A run of a comparison: its trials, then the refits of the winners, on an engine."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bakeoff.comparison.costs import ExpectedCosts, PriorCosts
from bakeoff.comparison.events import Announcer, Listener
from bakeoff.comparison.leaderboard import Leaderboard, winners
from bakeoff.comparison.limits import Isolation, TrialLimits
from bakeoff.comparison.run_control import RunControl
from bakeoff.comparison.scheduler import Scheduler
from bakeoff.comparison.significance import Verdict, judge, mark_ties
from bakeoff.comparison.strategy import Grid, Strategy
from bakeoff.comparison.summary import Summary, ideal_seconds
from bakeoff.comparison.trial import Refitted
from bakeoff.comparison.trial_store import NullStore, TrialStore
from bakeoff.errors import EngineLostError
from bakeoff.execution.engines.factory import open_engine, usual_engine, with_driver
from bakeoff.execution.engines.hybrid import HybridEngine
from bakeoff.execution.executor import FugueExecutor
from bakeoff.pycaret3.prepared import PreparedComparison

LOST_SECONDS = 2.0
"""Seconds that the end of a comparison waits for its listeners if the engine is gone, which some of them may need."""


@dataclass(frozen=True)
class ExecutionOptions:
    """How trials run on an engine, as the user asked for it.

    Attributes:
        conf: settings for Fugue's execution engine.
        payload_dir: a folder that driver and workers share, for Spark Connect.
        n_slots: how many tasks run at once; ``None`` for as many as the engine has slots.
        driver_trials: whether the driver's machine runs trials, too; ``None`` to decide by what is faster.
        limits: limits of the trials.
    """

    conf: Mapping[str, Any] = field(default_factory=dict)
    payload_dir: str | Path | None = None
    n_slots: int | None = None
    driver_trials: bool | None = None
    limits: TrialLimits = field(default_factory=TrialLimits)

    @property
    def may_use_driver(self) -> bool | None:
        """Whether the driver's machine runs trials, given the other options."""
        is_off = self.n_slots is not None or self.limits.isolation is Isolation.NONE
        return False if is_off else self.driver_trials


@dataclass(frozen=True)
class ComparisonResult:
    """The result of a comparison that was not broken off.

    Attributes:
        board: the ranked models.
        verdict: which models do not differ significantly from the best one; ``None`` if no model has all folds.
        summary: wall and ideal time, and slots.
        refitted: the winners, fitted on all training rows, in the order of the ranking.
        stopped: whether the control has ended the run early.
    """

    board: Leaderboard
    verdict: Verdict | None
    summary: Summary
    refitted: tuple[Refitted, ...]
    stopped: bool


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
        strategy: says which trials come next.
        board: the leaderboard; after a run that was broken off, of the outcomes so far; ``None`` if there are none.
        listener_problems: after the run, errors of listeners.
    """

    comparison: PreparedComparison
    engine: Any = None
    options: ExecutionOptions = field(default_factory=ExecutionOptions)
    listeners: Sequence[Listener] = ()
    store: TrialStore = field(default_factory=NullStore)
    control: RunControl = field(default_factory=RunControl)
    strategy: Strategy = field(default_factory=Grid)
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
        limits = replace(options.limits, seconds=self.comparison.request.budget_seconds)
        seconds = self._seconds_left(costs)
        asked = usual_engine(seconds, limits, options.n_slots) if self.engine is None else self.engine
        engine = open_engine(asked, options.conf, options.payload_dir)
        announcer = Announcer(self.listeners)
        patience = self.control.listener_timeout
        try:
            engine = with_driver(engine, options.may_use_driver, frozen, seconds)
            with FugueExecutor(engine, frozen, self.control.name, options.n_slots, limits) as executor:
                scheduler = self._scheduler(executor, announcer, costs, limits)
                board = self._run_trials(scheduler)
                chosen = [] if self._has_failed(board) or scheduler.stopped else winners(board, self._n_select)
                refitted = executor.refit(chosen, self.control.stop)
                slots = engine.slots_used if isinstance(engine, HybridEngine) else executor.slots
        except EngineLostError:
            patience = min(patience, LOST_SECONDS)
            raise
        finally:
            self.listener_problems = announcer.close(patience)
        verdict = judge(self.comparison.plan, board)
        self.board = board = mark_ties(board, verdict)
        done = self.store.finished()
        fresh = [outcome for outcome in board.outcomes if outcome not in done]
        summary = Summary(
            slots=slots,
            wall_seconds=time.monotonic() - started,
            ideal_seconds=ideal_seconds(fresh, slots, [refit.fit_seconds for refit in refitted]),
            n_resumed=len(done),
            began_at=began_at,
            n_on_driver=engine.n_here if isinstance(engine, HybridEngine) else 0,
            too_small=isinstance(engine, HybridEngine) and not engine.is_open,
        )
        stopped = scheduler.stopped or len(refitted) < len(chosen)
        return ComparisonResult(board, verdict, summary, tuple(refitted), stopped)

    @property
    def _n_select(self) -> int:
        return self.comparison.request.n_select

    def _has_failed(self, board: Leaderboard) -> bool:
        """Whether the first failure was to end the run, and there is one."""
        return self.comparison.request.errors == "raise" and bool(board.failures)

    def _seconds_left(self, costs: ExpectedCosts) -> float:
        """Return the expected seconds of the open trials on one core; infinity if a model has no known cost."""
        done = {outcome.trial for outcome in self.store.finished()}
        return costs.total(trial for trial in self.comparison.plan.trials if trial not in done)

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
        return board
