"""From models and folds to batches and tasks.

A *batch* is what is reported together; a *task* is what one worker gets in one go. They are independent: the trials of
a batch may run in many tasks, on many workers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from bakeoff.comparison.trial import TT, Metric, Model, Trial

TASK_SECONDS = 3.0
"""The length of a task that is aimed at: long against what submitting it costs, short against the whole run."""
TASKS_PER_SLOT = 4
"""At least so many tasks per slot are aimed at, so that the last ones to end leave no slot idle for long."""

Cost = Callable[[str], float]
"""Expected seconds of one trial of the model with this id."""


@dataclass(frozen=True)
class Batch:
    """Models that are reported together."""

    id: int
    model_ids: tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """Trials that travel to a worker in one go, and the seconds they are expected to take."""

    id: int
    trials: tuple[Trial, ...]
    seconds: float


@dataclass(frozen=True)
class Plan:
    """Everything that is fixed before the first trial runs.

    Attributes:
        models: the candidates in the order given, which decides ties.
        n_folds: how many folds each model runs on.
        metrics: in the order of PyCaret's score grid, without the time column.
        sort_by: key of the metric that ranks; ``tt_sec`` ranks by time, shortest first.
        decimals: means are rounded to so many decimals before they are ranked.
        test_rows_per_training_row: in the mean over folds; that of a plain k-fold split where it is not known.
    """

    models: tuple[Model, ...]
    n_folds: int
    metrics: tuple[Metric, ...]
    sort_by: str
    decimals: int = 4
    batch_size: int = 1
    test_rows_per_training_row: float | None = None

    def __post_init__(self) -> None:
        ids = [model.id for model in self.models]
        if len(set(ids)) != len(ids):
            raise ValueError(f"Model ids must be unique, got {ids}.")
        known = [metric.key for metric in self.metrics] + [TT]
        if self.sort_by not in known:
            raise ValueError(f"Cannot sort by {self.sort_by!r}; the metrics are {known}.")
        if self.n_folds < 1 or self.batch_size < 1:
            raise ValueError(f"n_folds and batch_size must be at least 1, got {self.n_folds} and {self.batch_size}.")

    @property
    def greater_is_better(self) -> bool:
        """The direction of the ranking."""
        return any(metric.key == self.sort_by and metric.greater_is_better for metric in self.metrics)

    @property
    def test_ratio(self) -> float:
        """Test rows per training row, in the mean over folds."""
        known = self.test_rows_per_training_row
        return 1 / max(self.n_folds - 1, 1) if known is None else known

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every model on every fold, models first."""
        return tuple(Trial(model.id, fold) for model in self.models for fold in range(self.n_folds))

    @cached_property
    def batches(self) -> tuple[Batch, ...]:
        """The models in the order given, ``batch_size`` at a time; ids count from 1."""
        ids = [model.id for model in self.models]
        starts = range(0, len(ids), self.batch_size)
        return tuple(Batch(n, tuple(ids[i : i + self.batch_size])) for n, i in enumerate(starts, start=1))

    @cached_property
    def batch_of(self) -> dict[str, int]:
        """The batch that each model is reported with."""
        return {model_id: batch.id for batch in self.batches for model_id in batch.model_ids}

    @cached_property
    def name_of(self) -> dict[str, str]:
        """The readable name of each model."""
        return {model.id: model.name for model in self.models}


def cut_tasks(trials: Sequence[Trial], cost: Cost, slots: int) -> tuple[Task, ...]:
    """Cut trials into tasks, the longest first.

    A trial that is long enough alone goes alone. Shorter ones of the same fold share a task, so that the fold's
    transform is paid once for all of them. The order in which tasks are returned is the order to start them in
    (longest processing time first, Graham 1969).

    Args:
        trials: what is to run, in any order.
        cost: expected seconds of a trial, by model id.
        slots: how many tasks run at once.

    Returns:
        Tasks that hold every trial exactly once.

    Example:
        >>> work = [Trial(m, f) for m in ("slow", "a", "b") for f in (0, 1)]
        >>> [[t.model_id for t in task.trials] for task in cut_tasks(work, {"slow": 9, "a": 1, "b": 1}.__getitem__, 2)]
        [['slow'], ['slow'], ['a', 'b'], ['a', 'b']]
    """
    total = sum(cost(trial.model_id) for trial in trials)
    longest = min(TASK_SECONDS, total / (TASKS_PER_SLOT * max(slots, 1)))
    groups: list[tuple[Trial, ...]] = []
    for fold in sorted({trial.fold for trial in trials}):
        open_group: list[Trial] = []
        load = 0.0
        same_fold = [trial for trial in trials if trial.fold == fold]
        for trial in sorted(same_fold, key=lambda trial: -cost(trial.model_id)):
            if open_group and load + cost(trial.model_id) > longest:
                groups.append(tuple(open_group))
                open_group, load = [], 0.0
            open_group.append(trial)
            load += cost(trial.model_id)
        groups.append(tuple(open_group))
    sized = [(sum(cost(trial.model_id) for trial in group), group) for group in groups]
    sized.sort(key=lambda pair: -pair[0])
    return tuple(Task(n, group, seconds) for n, (seconds, group) in enumerate(sized))
