"""The scheduler, which keeps every slot busy until each trial has an outcome, and informs the listeners."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from bakeoff.comparison.answers import error_of, outcomes_of
from bakeoff.comparison.backlog import Backlog
from bakeoff.comparison.batch_reports import BatchReports, Standing
from bakeoff.comparison.costs import Costs
from bakeoff.comparison.events import (
    Announcer,
    PlanGrown,
    PlanMade,
    RunDone,
    RungDone,
    TaskStarted,
    TrialDone,
)
from bakeoff.comparison.executor import Executor
from bakeoff.comparison.leaderboard import Leaderboard, likely_winners, rank
from bakeoff.comparison.limits import TrialLimits
from bakeoff.comparison.losses import Losses, is_out_of_memory
from bakeoff.comparison.plan import Cost, Plan, Task
from bakeoff.comparison.predictions import PredictionMemory, PredictionStore
from bakeoff.comparison.run_control import RunControl
from bakeoff.comparison.strategy import Grid, Rung, Strategy
from bakeoff.comparison.trial import NOT_RUN, WORKER_LOST, Outcome, Status, Trial, failed_outcomes
from bakeoff.comparison.trial_store import NullStore, TrialStore
from bakeoff.errors import EngineLostError

GRACE_SECONDS = 1.5
"""Seconds that the run waits after its deadline for tasks that are about to end."""

LOOK_SECONDS = 5.0
"""Seconds between two looks at the number of slots while no task ends."""

STOP_SECONDS = 0.3
"""Seconds between two calls of a control's ``stop``, if it has one."""


@dataclass
class Scheduler:
    """A plan that is run on an executor.

    The failure of a trial is an outcome like any other. A trial that took its process down is retried alone. A task
    whose worker is lost is retried trial by trial, so that a trial that kills its worker takes no other with it. The
    loss of all workers, or of the engine, says nothing about trials: those that have not ended stay open.

    Attributes:
        plan: the trials to run; it grows while models are tuned.
        executor: runs the tasks.
        announcer: passes events to the listeners.
        cost: expected seconds of a trial, by model id; replaced by what the run measures.
        limits: limits of the trials; the time for all of them begins with the run.
        store: makes each outcome durable before it is published; outcomes that it has are not run again.
        control: ends the run early, with the outcomes so far.
        predictions: keeps what models predict, before their outcomes are stored.
        known: outcomes of this run that are known before anything runs: of models that cannot be sent to a worker.
        n_winners: how many of the best models will be refitted after the run.
        stop_at_failure: whether the first trial that fails ends the run; not of a candidate of the tuning, since
            some parameters go with no others.
        strategy: says which trials come next.
        stopped: whether the control has ended the run.
    """

    plan: Plan
    executor: Executor
    announcer: Announcer
    cost: Cost
    limits: TrialLimits = field(default_factory=TrialLimits)
    store: TrialStore = field(default_factory=NullStore)
    control: RunControl = field(default_factory=RunControl)
    predictions: PredictionStore = field(default_factory=PredictionMemory)
    known: Sequence[Outcome] = ()
    n_winners: int = 0
    stop_at_failure: bool = False
    strategy: Strategy = field(default_factory=Grid)
    stopped: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        wanted = set(self.plan.trials)
        self._earlier = {outcome.trial: outcome for outcome in self.store.finished()}
        self._outcomes = {trial: outcome for trial, outcome in self._earlier.items() if trial in wanted}
        self._running: dict[Future[list[Outcome]], tuple[Task, int]] = {}
        self._again: deque[tuple[Task, int]] = deque()
        self._costs = Costs(self.cost)
        for outcome in self._outcomes.values():
            self._costs.learn(outcome)
        self._reports = BatchReports(self.announcer)
        self._backlog = Backlog((), self._costs)
        self._ended_before = {*self._outcomes, *(outcome.trial for outcome in self.known)}
        self._out: set[str] = set()  # models that the strategy has stopped
        self._is_over = False
        self._began_at = math.nan
        self._seconds_at_rung = math.inf  # left of the run's time when the strategy has last decided
        self._losses = Losses()
        self._is_lost = False

    def run(self) -> Leaderboard:
        """Run every trial that has no outcome yet, and rank the models.

        Raises:
            EngineLostError: The engine is gone; trials that have not ended are open.
        """
        self._began_at = time.monotonic()
        self._seconds_at_rung = self._seconds_left()
        slots = max(1, self.executor.slots)
        self.announcer.tell(PlanMade(self.plan, slots, tuple(self._outcomes.values())))
        self._resume()
        for outcome in self.known:
            self._accept(outcome)
        try:
            while self._has_work() and not (self._is_over or self._is_asked_to_stop()):
                self._fill()
                self._collect()
                self._hurry()
                self._check_engine()
        except EngineLostError:
            self._is_lost = True
            self.executor.cancel()
            raise
        except BaseException:
            self.executor.cancel()
            raise
        if self.stopped:
            self._take(self.executor.wait(self._running, 0))
        if self._is_over:
            self.executor.cancel()
        for outcome in self._losses.settle():
            self._accept(outcome)
        self._close_open_trials()
        self._reports.report_tuned(self._standing)
        leaderboard = rank(self.plan, self._outcomes.values(), stopped=self._out)
        self.announcer.tell(RunDone(leaderboard))
        return leaderboard

    def so_far(self) -> Leaderboard:
        """Rank the outcomes so far, for a run that ends early; trials that have not ended count as cancelled.

        If the engine was lost, which says nothing about the models, only models with outcomes are ranked.
        """
        if self._is_lost:
            return rank(self.plan, self._outcomes.values(), {trial.model_id for trial in self._outcomes}, self._out)
        return rank(self.plan, [*self._outcomes.values(), *self._open_trials()], stopped=self._out)

    def _resume(self) -> None:
        """Queue the first trials, and go on from there with the outcomes of earlier attempts."""
        self._queue(self.strategy.begin(self.plan))
        for outcome in tuple(self._outcomes.values()):
            self._hear(outcome)
        self._reports.report_ended(self.plan.batches, self._standing)

    def _queue(self, trials: Iterable[Trial], *, ranked: bool = False) -> None:
        self._backlog.add((trial for trial in trials if trial not in self._ended_before), ranked=ranked)

    def _hear(self, outcome: Outcome) -> None:
        """Tell the strategy of an outcome, and do what it decides."""
        self._go_on(self.strategy.hear(outcome))

    def _hurry(self) -> None:
        """Let the strategy end what should have ended by now."""
        if not self._is_over and self._seconds_until_due() <= 0:
            self._go_on(self.strategy.hurry())

    def _go_on(self, ended: Sequence[Rung]) -> None:
        """Do what the strategy has decided."""
        if ended:
            self._seconds_at_rung = self._seconds_left()
        for rung in ended:
            self._out = self._out.union(rung.stopped).difference(rung.revived)
            if rung.candidates:
                if not self._is_over:
                    self._admit(rung)
                continue
            self._reports.reopen(self.plan.batch_of[model_id] for model_id in rung.revived)
            self._backlog.drop(rung.dropped)
            self._queue(rung.trials, ranked=True)
            concerned = {*rung.stopped, *rung.revived, *(trial.model_id for trial in rung.trials)}
            of_candidates = not self.plan.candidate_ids.isdisjoint(concerned)
            self.announcer.tell(RungDone(rung.n_folds, rung.stopped, rung.revived, of_candidates, rung.dropped))
            ids = sorted({self.plan.batch_of[model_id] for model_id in rung.stopped})
            self._reports.report_ended([self.plan.batches[batch_id - 1] for batch_id in ids], self._standing)

    def _admit(self, rung: Rung) -> None:
        """Add candidates to the plan, and go on from there with their outcomes of earlier attempts."""
        self.plan = self.plan.with_candidates(rung.candidates)
        ids = {candidate.id for candidate in rung.candidates}
        done = {trial: outcome for trial, outcome in self._earlier.items() if trial.model_id in ids}
        self._outcomes |= done
        self._ended_before |= done.keys()
        for candidate in rung.candidates:
            if candidate.tunes is not None:
                self._costs.admit(candidate.id, candidate.tunes)
        broken = self.executor.admit(rung.candidates)
        self._ended_before |= {outcome.trial for outcome in broken}
        self.announcer.tell(PlanGrown(self.plan, rung.candidates, tuple(done.values())))
        self._queue(rung.trials)
        for outcome in done.values():
            self._costs.learn(outcome)
            self._hear(outcome)
        for outcome in broken:
            self._accept(outcome)

    def _has_work(self) -> bool:
        """Whether a trial waits or runs; trials that were lost for good count before a strategy has no more."""
        if not (self._backlog or self._again or self._running):
            for outcome in self._losses.settle():
                self._accept(outcome)
        return bool(self._backlog or self._again or self._running)

    def _fill(self) -> None:
        """Submit tasks: one for each slot there is now, and one more, so that no slot has to wait for this thread."""
        slots = max(1, self.executor.slots)
        while len(self._running) <= slots:
            if self._again:
                task, attempt = self._again.popleft()
            elif (cut := self._cut(slots)) is not None:
                task, attempt = cut, 1
            else:
                break
            self._reports.begin(self.plan.batch_of[trial.model_id] for trial in task.trials)
            self._running[self.executor.submit(task, attempt)] = (task, attempt)
            self.announcer.tell(TaskStarted(task.trials))
        if self.n_winners and len(self._running) < slots:
            self._foresee()

    def _cut(self, slots: int) -> Task | None:
        """Take the next task; none if it waits until what runs has ended, or no trial waits.

        A model that cannot have its folds before a rung is due would keep slots from those that can.
        """
        is_due = self.limits.seconds is not None and self.strategy.due < 1.0
        if is_due and self._backlog and self._backlog.least_seconds(slots) > self._seconds_until_due():
            if self._running:
                return None
            self._go_on(self.strategy.hurry())
        return self._backlog.take(slots, self._seconds_until_due())

    def _foresee(self) -> None:
        """Name the likely winners to the executor: no trial waits any more, so free slots can refit them already."""
        self.executor.foresee(likely_winners(self.plan, self._outcomes.values(), self.n_winners, self._out))

    def _seconds_left(self) -> float:
        """Return the seconds until the run's time is over; infinity if it is not limited."""
        seconds = self.limits.seconds
        return math.inf if seconds is None else self._began_at + seconds - time.monotonic()

    def _seconds_until_due(self) -> float:
        """Return the seconds after which what the strategy has asked for should have ended."""
        reserved = 0.0 if self.limits.seconds is None else (1 - self.strategy.due) * self._seconds_at_rung
        return self._seconds_left() - reserved

    def _collect(self) -> None:
        """Wait for the next task to end, at most until the deadline or the next look."""
        patience = LOOK_SECONDS if self.control.stop is None else STOP_SECONDS
        self._take(self.executor.wait(self._running, min(patience, max(0.0, self._seconds_left()))))
        if self._seconds_left() <= 0:
            self._is_over = True
            # Workers know the deadline and start no trial after it; what they have finished is on its way.
            self._take(self.executor.wait(self._running, GRACE_SECONDS, for_all=True))

    def _check_engine(self) -> None:
        """Check that the engine can still run tasks.

        Raises:
            EngineLostError: The engine is gone, or so many workers in a row were lost that it must be.
        """
        why = self.executor.lost
        if why is None and self._losses.are_suspicious(max(1, self.executor.slots)):
            why = f"Something is wrong with the workers: {self._losses}"
        if why is not None:
            of = "" if self.plan.candidates else f" of {len(self.plan.trials)}"  # how many tuning runs is not known
            raise EngineLostError(why, f"{len(self._outcomes)}{of} trials are finished, the others are open.")

    def _is_asked_to_stop(self) -> bool:
        if self.control.stop is not None and self.control.stop():
            self.stopped = self._is_over = True
        return self.stopped

    def _take(self, finished: Iterable[Future[list[Outcome]]]) -> None:
        for future in finished:
            task, attempt = self._running.pop(future)
            error = error_of(future)
            # A platform that ends a worker for its memory works, and says something about the trial.
            is_lost = error is not None and not is_out_of_memory(str(error))
            if is_lost and self.executor.lost:
                continue  # the trials stay open
            for outcome in outcomes_of(future, task, attempt, complete=not self.executor.lost):
                if self._retried(outcome, task):
                    continue
                if is_lost and not self._is_over:
                    self._losses.doubtful.append(outcome)
                else:
                    self._accept(outcome)
            if is_lost:
                self._losses.add(task.trials)
            else:
                for outcome in self._losses.settle():
                    self._accept(outcome)

    def _retried(self, outcome: Outcome, task: Task) -> bool:
        """Retry a trial that took its process down or whose task lost its worker; return whether it was queued."""
        if outcome.status not in (Status.CRASHED, Status.OOM) or self._is_over:
            return False
        # ... together with others, and it is not known which of them did it
        together = len(task.trials) > 1 and outcome.error_type == WORKER_LOST
        if outcome.attempt <= self.limits.max_retries or together:
            alone = Task(task.id, (outcome.trial,), self._costs(outcome.model_id))
            self._again.append((alone, outcome.attempt + 1))
            return True
        return False

    def _accept(self, outcome: Outcome) -> None:
        if outcome.trial in self._outcomes:
            return
        outcome = replace(self.predictions.keep(outcome), params=self.plan.params_of[outcome.model_id])
        outcome = self.store.record(outcome)
        self._outcomes[outcome.trial] = outcome
        self._costs.learn(outcome)
        self.announcer.tell(TrialDone(outcome))
        self._hear(outcome)
        batch = self.plan.batches[self.plan.batch_of[outcome.model_id] - 1]
        self._reports.report_ended([batch], self._standing)
        if self.stop_at_failure and not outcome.ok and outcome.model_id not in self.plan.candidate_ids:
            self._is_over = True

    def _close_open_trials(self) -> None:
        """Give every trial that has not ended the outcome "cancelled"."""
        for outcome in self._open_trials():
            self._accept(outcome)

    @property
    def _standing(self) -> Standing:
        return Standing(self.plan, self._outcomes, self._out)

    def _open_trials(self) -> list[Outcome]:
        open_trials = filter(self._standing.is_open, self.plan.all_trials)
        return failed_outcomes(open_trials, Status.CANCELLED, NOT_RUN, "The run ended before this trial did.")
