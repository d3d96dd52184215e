"""Track the progress of a running comparison from the scheduler's events, for terminals, logs and notebooks."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import timedelta
from threading import RLock
from typing import TYPE_CHECKING

from bakeoff.comparison.events import (
    BatchDone,
    Event,
    PlanGrown,
    PlanMade,
    RungDone,
    StepBegan,
    TaskStarted,
    TrialDone,
)
from bakeoff.comparison.leaderboard import Row, rank
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Outcome, Status, Trial
from bakeoff.progress.screens import Snapshot, short

if TYPE_CHECKING:
    import pandas as pd

TT_COLUMN = "TT (Sec)"
"""PyCaret's name of the column of training times."""
MAX_ROWS = 30
"""Number of models in the live table, which is sent to the notebook again whenever it changes."""
MIN_DONE = 4
"""Number of finished folds from which the remaining time is estimated."""
MAX_NAMES = 5
"""Number of models that a line names."""


class ProgressState:
    """State of a running comparison, updated by the scheduler's events on one thread and drawn on another.

    Args:
        plan: plan of the comparison.
        live: whether the growing leaderboard is part of the state.

    Example:
        >>> from bakeoff.comparison.trial import Metric, Model
        >>> state = ProgressState(Plan((Model("nb", "Naive Bayes"),), 2, (Metric("auc", "AUC"),), "auc"))
        >>> state.update(TaskStarted((Trial("nb", 0),)))
        >>> state.line()
        '0/2 folds | 0:00:00 | running Naive Bayes'
    """

    def __init__(self, plan: Plan, *, live: bool = False) -> None:
        self._plan = plan
        self._live = live
        self._lock = RLock()
        self._n_trials = len(plan.trials)
        self._started = time.monotonic()
        self._outcomes: dict[str, dict[int, Outcome]] = {model.id: {} for model in plan.models}
        self._names = {model.id: short(model.name) for model in plan.models}
        self._metric = next((short(metric.name) for metric in plan.metrics if metric.key == plan.sort_by), TT_COLUMN)
        self._running: dict[Trial, None] = {}
        self._n_done = self._n_before = self._n_failed = self._n_cancelled = 0
        self._reported: set[str] = set()
        self._stopped: dict[str, None] = {}
        self._dropped: set[str] = set()
        self._n_spared = 0  # folds that stopped models need not run on
        self._best: Row | None = None
        self._ended = False
        self._step = ""
        self._table: tuple[int, pd.DataFrame | None, int] = (0, None, 0)

    def update(self, event: Event) -> str | None:
        """Update the state with an event, and return a line about it if it deserves one."""
        with self._lock:
            if isinstance(event, PlanMade):
                return self._begin(event)
            if isinstance(event, TaskStarted):
                self._running.update(dict.fromkeys(event.trials))
                return None
            if isinstance(event, TrialDone):
                return self._add_outcome(event.outcome)
            if isinstance(event, RungDone | PlanGrown):
                return self._end_rung(event) if isinstance(event, RungDone) else self._grow(event)
            if isinstance(event, StepBegan):
                self._step = event.name
                return None
            return self._end_batch(event) if isinstance(event, BatchDone) else self._end()

    def line(self) -> str:
        """Return the state as one line of text."""
        with self._lock:
            if self._ended:
                return f"{self._summary()} | {self._step}" if self._step else self._summary()
            names = list(dict.fromkeys(self._names[trial.model_id] for trial in self._running))
            # Running models come last, where a narrow terminal truncates the line.
            return (
                f"{self._summary()} | running {_join_names(names[:MAX_NAMES], len(names))}"
                if names
                else self._summary()
            )

    @property
    def share(self) -> float:
        """Share of all folds that is done, from 0 to 1."""
        with self._lock:
            return (self._n_done + self._n_spared) / max(self._n_trials, 1)

    def snapshot(self) -> Snapshot:
        """Return the current state, with the leaderboard if it is live."""
        with self._lock:
            table, more = self._leaderboard() if self._live else (None, 0)
            return Snapshot(self._n_done + self._n_spared, self.line(), table, more, max(0, self._plan.decimals))

    def _begin(self, event: PlanMade) -> str:
        self._started = time.monotonic()
        for outcome in event.done:
            self._add_outcome(outcome)
        self._n_before = self._n_done
        models, folds = _counted(len(self._plan.models), "model"), _counted(self._plan.n_folds, "fold")
        resumed = f", {self._n_done} of {self._n_trials} folds done before" if event.done else ""
        return f"Comparing {models} on {folds}, {event.slots} at once{resumed}."

    def _grow(self, event: PlanGrown) -> str:
        """Add candidates of a family, and return a line about those that it has had."""
        family = event.models[0].tunes
        before = [candidate.id for candidate in self._plan.candidates if candidate.tunes == family]
        line = f"Tuning {self._names.get(str(family), family)}: {_counted(len(event.models), 'candidate')}"
        if before:
            outcomes = [outcome for model_id in before for outcome in self._outcomes[model_id].values()]
            rows = rank(self._plan, outcomes, before, self._stopped).rows
            best = f", best {self._metric} {self._format_score(rows[0].primary_value)}" if rows else ""
            line = f"{line} more after {len(before)}{best}"
        self._plan = event.plan
        self._n_trials += len(event.models) * event.plan.n_folds
        self._outcomes |= {model.id: {} for model in event.models}
        self._names |= {model.id: short(model.name) for model in event.models}
        for outcome in event.done:
            self._add_outcome(outcome)
        self._n_before += len(event.done)
        return f"{line}."

    def _add_outcome(self, outcome: Outcome) -> str | None:
        by_fold = self._outcomes[outcome.model_id]
        is_first_failure = not any(_is_failure(other) for other in by_fold.values())
        by_fold[outcome.fold] = outcome
        self._running.pop(outcome.trial, None)
        self._n_done += 1
        self._n_failed += _is_failure(outcome)
        self._n_cancelled += outcome.status is Status.CANCELLED
        if len(by_fold) == self._plan.n_folds:
            self._update_best(outcome.model_id)
        if not _is_failure(outcome) or not is_first_failure or outcome.model_id in self._plan.candidate_ids:
            return None  # one line for a model, since its folds mostly fail for the same reason
        reason = short(f"{outcome.error_type}: {outcome.error_message}", 200)
        return f"{self._names[outcome.model_id]} failed on fold {outcome.fold}: {reason}"

    def _end_rung(self, event: RungDone) -> str | None:
        for model_id in event.revived:
            self._stopped.pop(model_id, None)
        self._stopped.update(dict.fromkeys(event.stopped))
        self._n_spared = sum(self._plan.n_folds - len(self._outcomes[model_id]) for model_id in self._stopped)
        if event.of_candidates:
            return None  # the next candidates are announced with what these have given
        has_time = self._dropped.issuperset(event.revived)
        self._dropped.difference_update(event.revived)
        if event.revived:
            models = self._named(event.revived)
            reason = "there is time left" if has_time else "no model has all of them"
            return f"After {event.n_folds} folds {reason}, so {models} may win after all."
        self._dropped.update(event.dropped)
        out = {*self._stopped, *self._dropped}
        n_left = sum(model.id not in out for model in self._plan.models)
        stopped = f"stopped {self._named(event.stopped)}" if event.stopped else "none is stopped"
        dropped = f"; no time for {self._named(event.dropped)}" if event.dropped else ""
        return f"After {event.n_folds} folds {_counted(n_left, 'model')} may still win, {stopped}{dropped}."

    def _named(self, model_ids: Sequence[str]) -> str:
        return _join_names([self._names[model_id] for model_id in model_ids[:MAX_NAMES]], len(model_ids))

    def _update_best(self, model_id: str) -> None:
        """Compare a model that has run on all folds with the best one so far; means over fewer folds say too little."""
        ids = [model_id] if self._best is None else [self._best.model_id, model_id]
        rows = rank(self._plan, [outcome for key in ids for outcome in self._outcomes[key].values()], ids).rows
        if rows and not math.isnan(rows[0].primary_value):  # a candidate that lost a fold has none
            self._best = rows[0]

    def _end_batch(self, event: BatchDone) -> str | None:
        if all(outcome.status is Status.CANCELLED for outcome in event.outcomes):
            return None  # none of its trials has run; the last line gives their number
        results = [self._result(row) for row in event.rows[:MAX_NAMES]]
        listed = _join_names(results, len(event.rows))
        if not self._plan.candidate_ids.isdisjoint(event.batch.model_ids):
            return f"Tuned | {self._metric}: {listed}"
        self._reported.update(event.batch.model_ids)
        line = f"{len(self._reported)}/{len(self._plan.models)} models | {self._metric}: {listed}"
        return f"{line} | {self._best_so_far()}" if self._live and self._best else line

    def _end(self) -> str:
        self._ended = True
        self._step = "fitting the best on all rows" if self._best else ""
        self._running.clear()
        return f"Compared: {self._summary()}."

    def _result(self, row: Row) -> str:
        name = self._names[row.model_id]
        if not row.n_folds_ok:
            return f"{name} failed"
        folds = "" if row.complete else f" on {row.n_folds_ok}/{self._plan.n_folds} folds"
        score = "none" if math.isnan(row.primary_value) else self._format_score(row.primary_value)
        return f"{name} {score}{folds}"

    def _summary(self) -> str:
        elapsed = timedelta(seconds=int(time.monotonic() - self._started))
        n_ended, n_wanted = self._n_done - self._n_cancelled, self._n_trials - self._n_spared
        parts = [f"{n_ended}/{n_wanted} folds", f"{elapsed}{self._time_left()}"]
        parts += [f"{self._n_failed} failed"] if self._n_failed else []
        parts += [f"{self._n_cancelled} not run"] if self._n_cancelled else []
        parts += [self._best_so_far()] if self._best else []
        return " | ".join(parts)

    def _time_left(self) -> str:
        """Return an estimate of the remaining time, from the folds that this attempt has done, if they are enough."""
        n_done, n_left = self._n_done - self._n_before, self._n_trials - self._n_spared - self._n_done
        seconds = int((time.monotonic() - self._started) / max(n_done, 1) * n_left)
        return f", about {timedelta(seconds=seconds)} left" if n_left and n_done >= MIN_DONE and seconds else ""

    def _best_so_far(self) -> str:
        assert self._best is not None  # noqa: S101 - callers check it
        return f"best {self._names[self._best.model_id]}, {self._metric} {self._format_score(self._best.primary_value)}"

    def _format_score(self, value: float) -> str:
        return f"{value:.{max(0, self._plan.decimals)}f}"

    def _leaderboard(self) -> tuple[pd.DataFrame | None, int]:
        """Return the first rows of the ranking, with the folds of each mean, and the number of further rows."""
        if self._table[0] != self._n_done:
            from bakeoff.pycaret3.score_grid import score_grid  # its package loads PyCaret on Databricks

            scored = [model_id for model_id, by_fold in self._outcomes.items() if any(o.ok for o in by_fold.values())]
            outcomes = [outcome for model_id in scored for outcome in self._outcomes[model_id].values()]
            rows = rank(self._plan, outcomes, scored, self._stopped).rows

            shown = rows[:MAX_ROWS]
            grid = score_grid(self._plan, shown) if shown else None
            if grid is not None:
                grid["Model"] = [self._names[row.model_id] for row in shown]
                grid.insert(1, "Folds", [self._folds(row) for row in shown])
            self._table = self._n_done, grid, len(rows) - len(shown)
        return self._table[1:]

    def _folds(self, row: Row) -> str:
        failed = sum(_is_failure(outcome) for outcome in self._outcomes[row.model_id].values())
        return f"{row.n_folds_ok}/{self._plan.n_folds}" + (f", {failed} failed" if failed else "")


def _is_failure(outcome: Outcome) -> bool:
    """Whether a trial has failed; one that was never run has not."""
    return not outcome.ok and outcome.status is not Status.CANCELLED


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _join_names(names: list[str], total: int) -> str:
    return ", ".join(names) + (f" and {total - len(names)} more" if total > len(names) else "")
