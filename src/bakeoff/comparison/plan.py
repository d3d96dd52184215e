"""The plan of a comparison: models, folds, metrics, batches and tasks.

A *batch* is what is reported together; a *task* is what one worker receives at once. They are independent: the trials
of a batch may run in many tasks, on many workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from bakeoff.comparison.trial import TT, Metric, Model, Trial

FIRST_FOLDS = 2
"""Number of folds that every model of a race runs on: one says nothing about how far scores vary."""

FAMILIES_OF_A_BLEND = 8
"""Number of families of a race that run on all folds in any case if a blend of the models is to win."""

Cost = Callable[[str], float]
"""Expected seconds of one trial of the model with this id."""


@dataclass(frozen=True)
class Batch:
    """Models that are reported together."""

    id: int
    model_ids: tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """Trials that travel to a worker together, and the seconds they are expected to take."""

    id: int
    trials: tuple[Trial, ...]
    seconds: float


@dataclass(frozen=True)
class Plan:
    """Everything that is fixed before the first trial runs, and the candidates that tuning has added since.

    Attributes:
        models: the models in the order given, which decides ties.
        n_folds: number of folds each model runs on.
        metrics: in the order of PyCaret's score grid, without the time column.
        sort_by: key of the metric that ranks; ``tt_sec`` ranks by time, shortest first.
        decimals: number of decimals that means are rounded to before they are ranked.
        batch_size: number of models that are reported together.
        test_rows_per_training_row: mean over folds; ``None`` for that of a plain k-fold split.
        candidates: the candidates of the tuning so far; those of one family are ranked by their best.
    """

    models: tuple[Model, ...]
    n_folds: int
    metrics: tuple[Metric, ...]
    sort_by: str
    decimals: int = 4
    batch_size: int = 1
    test_rows_per_training_row: float | None = None
    candidates: tuple[Model, ...] = ()

    def __post_init__(self) -> None:
        ids = [model.id for model in self.all_models]
        if len(set(ids)) != len(ids):
            raise ValueError(f"Model ids must be unique, got {ids}.")
        sort_keys = [metric.key for metric in self.metrics] + [TT]
        if self.sort_by not in sort_keys:
            raise ValueError(f"Cannot sort by {self.sort_by!r}; the metrics are {sort_keys}.")
        if self.n_folds < 1 or self.batch_size < 1:
            raise ValueError(f"n_folds and batch_size must be at least 1, got {self.n_folds} and {self.batch_size}.")

    @property
    def greater_is_better(self) -> bool:
        """Whether larger values of the ranking metric are better."""
        return any(metric.key == self.sort_by and metric.greater_is_better for metric in self.metrics)

    @property
    def test_ratio(self) -> float:
        """Test rows per training row, mean over folds."""
        ratio = self.test_rows_per_training_row
        return 1 / max(self.n_folds - 1, 1) if ratio is None else ratio

    @property
    def all_models(self) -> tuple[Model, ...]:
        """The models, and after them the candidates of the tuning."""
        return (*self.models, *self.candidates)

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every model on every fold, models first; without candidates, most of which never run on all of them."""
        return tuple(Trial(model.id, fold) for model in self.models for fold in range(self.n_folds))

    @property
    def all_trials(self) -> tuple[Trial, ...]:
        """Every model and every candidate on every fold."""
        return tuple(Trial(model.id, fold) for model in self.all_models for fold in range(self.n_folds))

    def with_candidates(self, candidates: Iterable[Model]) -> Plan:
        """Return the plan with more candidates of the tuning."""
        return replace(self, candidates=(*self.candidates, *candidates))

    @cached_property
    def batches(self) -> tuple[Batch, ...]:
        """The models in the order given, ``batch_size`` at a time; ids count from 1.

        After them there is one batch for the candidates of each family, in the order in which they have come.
        """
        ids = [model.id for model in self.models]
        groups = [tuple(ids[i : i + self.batch_size]) for i in range(0, len(ids), self.batch_size)]
        tuned: dict[str | None, list[str]] = {}
        for candidate in self.candidates:
            tuned.setdefault(candidate.tunes, []).append(candidate.id)
        return tuple(Batch(n, group) for n, group in enumerate([*groups, *map(tuple, tuned.values())], start=1))

    @cached_property
    def candidate_ids(self) -> frozenset[str]:
        """Ids of the candidates of the tuning."""
        return frozenset(candidate.id for candidate in self.candidates)

    @cached_property
    def batch_of(self) -> dict[str, int]:
        """Id of the batch of each model, by model id."""
        return {model_id: batch.id for batch in self.batches for model_id in batch.model_ids}

    @cached_property
    def name_of(self) -> dict[str, str]:
        """Display name of each model, by model id."""
        return {model.id: model.name for model in self.all_models}

    @cached_property
    def params_of(self) -> dict[str, str | None]:
        """Parameters of each model that are not those of its family, as JSON, by model id."""
        return {model.id: model.params for model in self.all_models}
