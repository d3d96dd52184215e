"""What a person sees while a run goes on: a bar on a terminal, a line for each batch elsewhere."""

from __future__ import annotations

import math
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from bakeoff.comparison.events import BatchDone, Event, PlanMade, RunDone, TrialDone
from bakeoff.comparison.leaderboard import Row
from bakeoff.comparison.plan import Plan
from bakeoff.text import one_line


class ProgressView:
    """Shows models and folds done, the best so far, and the time left.

    Args:
        console: where to show it.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._plan: Plan | None = None
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._started = time.monotonic()
        self._n_models = self._n_trials = self._n_resumed = self._n_bad = 0
        self._best: Row | None = None

    def handle(self, event: Event) -> None:
        """Show what an event changes."""
        if isinstance(event, PlanMade):
            self._begin(event)
        elif isinstance(event, TrialDone):
            self._n_trials += 1
            self._n_bad += not event.outcome.ok
            self._move(1)
        elif isinstance(event, BatchDone):
            self._add(event)
        elif isinstance(event, RunDone):
            self.close()

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _begin(self, event: PlanMade) -> None:
        self._plan = event.plan
        self._started = time.monotonic()
        self._n_resumed = len(event.done)
        if not self._console.is_terminal:
            count = f"{len(event.plan.models)} models on {event.plan.n_folds} folds, {event.slots} at once"
            self._console.print(f"Comparing {count}.", highlight=False, soft_wrap=True)
            return
        self._bar = Progress(
            TextColumn("{task.description}", style="bold", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("folds"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            transient=True,
            expand=True,
            redirect_stdout=False,  # native trials swallow these streams meanwhile, and who restores last would win
            redirect_stderr=False,
        )
        total = len(event.plan.trials)
        self._task = self._bar.add_task("starting", total=total, completed=self._n_resumed, left="")
        self._bar.start()

    def _move(self, advance: int) -> None:
        if self._bar is not None and self._plan is not None:
            text = f"{self._n_models}/{len(self._plan.models)} models"
            if self._best is not None:
                text += f", best {self._best.model_id} {self._best.primary_value:.4f}"
            if self._n_bad:
                text += f", {self._n_bad} failed"
            self._bar.update(self._task, advance=advance, description=text, left=self._left())

    def _add(self, event: BatchDone) -> None:
        assert self._plan is not None  # noqa: S101 - a plan is made before anything runs
        self._n_models += len(event.rows)
        first = event.rows[0]
        if first.n_folds_ok and (self._best is None or self._is_better(first, self._best)):
            self._best = first
        self._move(0)
        if self._console.is_terminal:
            return
        for row in event.rows:
            said = f"{row.primary_value:.4f}" if row.n_folds_ok else f"failed: {row.error_type}: {row.error_message}"
            count = f"{self._n_models}/{len(self._plan.models)}"
            line = f"  {count:>7}  {one_line(row.model_name):<34.34} {one_line(said):.80}  {self._left()}".rstrip()
            # What a model says about itself is text, whatever brackets are in it.
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _is_better(self, row: Row, other: Row) -> bool:
        assert self._plan is not None  # noqa: S101 - a plan is made before anything runs
        if row.complete != other.complete:
            return row.complete
        if math.isnan(other.primary_value):
            return not math.isnan(row.primary_value)
        better = row.primary_value > other.primary_value
        return better if self._plan.greater_is_better else row.primary_value < other.primary_value

    def _left(self) -> str:
        """A guess of the time left, from the folds done so far."""
        if self._plan is None or not self._n_trials:
            return ""
        left = len(self._plan.trials) - self._n_resumed - self._n_trials
        seconds = (time.monotonic() - self._started) / self._n_trials * left
        return f"about {seconds:.0f} s left" if left else ""
