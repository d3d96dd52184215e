"""How a running comparison stands, from what the scheduler tells: for a terminal, a log and a notebook alike."""

from __future__ import annotations

import math
import time
from datetime import timedelta
from threading import RLock
from typing import TYPE_CHECKING

from bakeoff.comparison.events import BatchDone, Event, PlanMade, TaskStarted, TrialDone
from bakeoff.comparison.leaderboard import Row, rank
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Outcome, Status, Trial
from bakeoff.progress.screens import Snapshot, short

if TYPE_CHECKING:
    import pandas as pd

TT_COLUMN = "TT (Sec)"
MAX_ROWS = 30
"""The live table shows so many models: it is sent to the notebook again whenever it changes."""
MIN_DONE = 4
"""Fewer folds than this say nothing about how long the rest takes."""
MAX_NAMES = 5
"""A line names so many models."""


class ProgressState:
    """How a run stands, from what the scheduler tells. It is told on one thread and looked at on another.

    Where it is ``live`` it shows more than progress: the leaderboard as it grows.

    Example:
        >>> from bakeoff.comparison.trial import Metric, Model
        >>> standing = ProgressState(Plan((Model("nb", "Naive Bayes"),), 2, (Metric("auc", "AUC"),), "auc"))
        >>> standing.hear(TaskStarted((Trial("nb", 0),)))
        >>> standing.line()
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
        self._n_done = self._n_before = self._n_failed = self._n_cancelled = self._n_models = 0
        self._best: Row | None = None
        self._ended = False
        self._table: tuple[int, pd.DataFrame | None, int] = (0, None, 0)

    def hear(self, event: Event) -> str | None:
        """Take an event in, and put it on a line where it is worth one."""
        with self._lock:
            if isinstance(event, PlanMade):
                return self._begin(event)
            if isinstance(event, TaskStarted):
                self._running.update(dict.fromkeys(event.trials))
                return None
            if isinstance(event, TrialDone):
                return self._add(event.outcome)
            return self._end_batch(event) if isinstance(event, BatchDone) else self._end()

    def line(self) -> str:
        """How the run stands now."""
        with self._lock:
            if self._ended:
                return f"{self._summary()} | fitting the best on all rows" if self._best else self._summary()
            names = list(dict.fromkeys(self._names[trial.model_id] for trial in self._running))
            # What is running stands last, where a narrow terminal cuts the line.
            return f"{self._summary()} | running {_listed(names[:MAX_NAMES], len(names))}" if names else self._summary()

    @property
    def share(self) -> float:
        """How much of all folds is done."""
        with self._lock:
            return self._n_done / max(self._n_trials, 1)

    def view(self) -> Snapshot:
        """How the run stands now, with the leaderboard where it is to be shown."""
        with self._lock:
            table, more = self._leaderboard() if self._live else (None, 0)
            return Snapshot(self._n_done, self.line(), table, more, max(0, self._plan.decimals))

    def _begin(self, event: PlanMade) -> str:
        self._started = time.monotonic()
        for outcome in event.done:
            self._add(outcome)
        self._n_before = self._n_done
        models, folds = _count(len(self._plan.models), "model"), _count(self._plan.n_folds, "fold")
        before = f", {self._n_done} of {self._n_trials} folds done before" if event.done else ""
        return f"Comparing {models} on {folds}, {event.slots} at once{before}."

    def _add(self, outcome: Outcome) -> str | None:
        mine = self._outcomes[outcome.model_id]
        is_first = not any(_is_failure(other) for other in mine.values())
        mine[outcome.fold] = outcome
        self._running.pop(outcome.trial, None)
        self._n_done += 1
        self._n_failed += _is_failure(outcome)
        self._n_cancelled += outcome.status is Status.CANCELLED
        if len(mine) == self._plan.n_folds:
            self._compare_with_best(outcome.model_id)
        if not _is_failure(outcome) or not is_first:
            return None  # one line for a model, however many folds fail, and most often all for the same reason
        why = short(f"{outcome.error_type}: {outcome.error_message}", 200)
        return f"{self._names[outcome.model_id]} failed on fold {outcome.fold}: {why}"

    def _compare_with_best(self, model_id: str) -> None:
        """Only models that have run on all folds can be the best so far: means over other folds say too little."""
        ids = [model_id] if self._best is None else [self._best.model_id, model_id]
        first = rank(self._plan, [each for one in ids for each in self._outcomes[one].values()], ids).rows[0]
        if not math.isnan(first.primary_value):
            self._best = first

    def _end_batch(self, event: BatchDone) -> str | None:
        if all(outcome.status is Status.CANCELLED for outcome in event.outcomes):
            return None  # nothing of it has run, and the last line says how many did not
        self._n_models += len(event.rows)
        said = [self._result(row) for row in event.rows[:MAX_NAMES]]
        line = f"{self._n_models}/{len(self._plan.models)} models | {self._metric}: {_listed(said, len(event.rows))}"
        return f"{line} | {self._best_so_far()}" if self._live and self._best else line

    def _end(self) -> str:
        self._ended = True
        self._running.clear()
        return f"Compared: {self._summary()}."

    def _result(self, row: Row) -> str:
        name = self._names[row.model_id]
        if not row.n_folds_ok:
            return f"{name} failed"
        folds = "" if row.complete else f" on {row.n_folds_ok}/{self._plan.n_folds} folds"
        return f"{name} {self._number(row.primary_value)}{folds}"

    def _summary(self) -> str:
        elapsed = timedelta(seconds=int(time.monotonic() - self._started))
        parts = [f"{self._n_done - self._n_cancelled}/{self._n_trials} folds", f"{elapsed}{self._left()}"]
        parts += [f"{self._n_failed} failed"] if self._n_failed else []
        parts += [f"{self._n_cancelled} not run"] if self._n_cancelled else []
        parts += [self._best_so_far()] if self._best else []
        return " | ".join(parts)

    def _left(self) -> str:
        """A guess of the time left, from the folds that this run has done, once there are enough."""
        done, left = self._n_done - self._n_before, self._n_trials - self._n_done
        seconds = int((time.monotonic() - self._started) / max(done, 1) * left)
        return f", about {timedelta(seconds=seconds)} left" if left and done >= MIN_DONE and seconds else ""

    def _best_so_far(self) -> str:
        assert self._best is not None  # noqa: S101 - asked only where there is one
        return f"best {self._names[self._best.model_id]}, {self._metric} {self._number(self._best.primary_value)}"

    def _number(self, value: float) -> str:
        return f"{value:.{max(0, self._plan.decimals)}f}"

    def _leaderboard(self) -> tuple[pd.DataFrame | None, int]:
        """The first rows of the ranking, with the folds that each mean is over, and how many rows there are more."""
        if self._table[0] != self._n_done:
            known = {model_id: mine for model_id, mine in self._outcomes.items() if any(o.ok for o in mine.values())}
            rows = rank(self._plan, [each for mine in known.values() for each in mine.values()], known).rows
            from bakeoff.pycaret3.score_grid import score_grid

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
    """A trial that was never run has not failed."""
    return not outcome.ok and outcome.status is not Status.CANCELLED


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _listed(names: list[str], total: int) -> str:
    return ", ".join(names) + (f" and {total - len(names)} more" if total > len(names) else "")
