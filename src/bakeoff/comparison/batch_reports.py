"""Reports of batches: the models that listeners hear of together, once their trials have all ended."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from bakeoff.comparison.events import Announcer, BatchDone
from bakeoff.comparison.leaderboard import rank
from bakeoff.comparison.plan import Batch, Plan
from bakeoff.comparison.trial import Outcome, Trial


@dataclass(frozen=True)
class Standing:
    """What is known of a comparison at a moment.

    Attributes:
        plan: the plan, with the candidates of the tuning so far.
        outcomes: outcomes of the trials that have ended.
        stopped: ids of the models that run on no further folds.
    """

    plan: Plan
    outcomes: Mapping[Trial, Outcome]
    stopped: Collection[str]

    def is_open(self, trial: Trial) -> bool:
        """Whether a trial has not ended, and will or should run."""
        return trial not in self.outcomes and trial.model_id not in self.stopped

    def trials_of(self, batch: Batch) -> Iterator[Trial]:
        """Yield the trials of a batch, model by model and fold by fold."""
        return (Trial(model_id, fold) for model_id in batch.model_ids for fold in range(self.plan.n_folds))

    def is_of_candidates(self, batch: Batch) -> bool:
        """Whether the models of a batch are candidates of the tuning."""
        return not self.plan.candidate_ids.isdisjoint(batch.model_ids)


@dataclass
class BatchReports:
    """Batches of a run that have begun, and that were reported.

    Attributes:
        announcer: passes the reports to the listeners.
    """

    announcer: Announcer
    _began_at: dict[int, float] = field(default_factory=dict)
    _reported: set[int] = field(default_factory=set)

    def begin(self, batch_ids: Iterable[int]) -> None:
        """Take note of when a trial of a batch has first been started."""
        for batch_id in batch_ids:
            self._began_at.setdefault(batch_id, time.monotonic())

    def reopen(self, batch_ids: Iterable[int]) -> None:
        """Report batches once more when they have ended again."""
        self._reported.difference_update(batch_ids)

    def report_ended(self, batches: Iterable[Batch], standing: Standing) -> None:
        """Report batches whose trials have all ended; also those that an earlier attempt of the run has finished.

        Candidates of the tuning are reported when all of it has ended.
        """
        for batch in batches:
            if batch.id in self._reported or standing.is_of_candidates(batch):
                continue
            if not any(map(standing.is_open, standing.trials_of(batch))):
                self._reported.add(batch.id)
                self._report(batch, standing)

    def report_tuned(self, standing: Standing) -> None:
        """Report the best candidate of each family that was tuned."""
        for batch in filter(standing.is_of_candidates, standing.plan.batches):
            for row in rank(standing.plan, standing.outcomes.values(), batch.model_ids, standing.stopped).rows:
                self._report(Batch(batch.id, (row.model_id,)), standing)

    def _report(self, batch: Batch, standing: Standing) -> None:
        trials = standing.trials_of(batch)
        outcomes = tuple(standing.outcomes[trial] for trial in trials if trial in standing.outcomes)
        rows = rank(standing.plan, outcomes, batch.model_ids, standing.stopped).rows
        now = time.monotonic()
        self.announcer.tell(BatchDone(batch, rows, outcomes, now - self._began_at.get(batch.id, now)))
