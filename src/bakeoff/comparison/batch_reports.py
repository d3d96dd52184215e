"""Reports of batches: the models that listeners hear of together, once their trials have all ended."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
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

    def of_models(self, model_ids: Iterable[str]) -> tuple[Outcome, ...]:
        """Return the outcomes of models, in their order and that of the folds."""
        trials = (Trial(model_id, fold) for model_id in model_ids for fold in range(self.plan.n_folds))
        return tuple(self.outcomes[trial] for trial in trials if trial in self.outcomes)

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
            trials = [Trial(model_id, fold) for model_id in batch.model_ids for fold in range(standing.plan.n_folds)]
            if batch.id in self._reported or standing.is_of_candidates(batch) or any(map(standing.is_open, trials)):
                continue
            self._reported.add(batch.id)
            self._report(batch, standing.of_models(batch.model_ids), standing)

    def report_tuned(self, standing: Standing) -> None:
        """Report the best candidate of each family that was tuned."""
        for batch in filter(standing.is_of_candidates, standing.plan.batches):
            for row in rank(standing.plan, standing.outcomes.values(), batch.model_ids, standing.stopped).rows:
                best = Batch(batch.id, (row.model_id,))
                self._report(best, standing.of_models(best.model_ids), standing)

    def _report(self, batch: Batch, outcomes: tuple[Outcome, ...], standing: Standing) -> None:
        rows = rank(standing.plan, outcomes, batch.model_ids, standing.stopped).rows
        now = time.monotonic()
        self.announcer.tell(BatchDone(batch, rows, outcomes, now - self._began_at.get(batch.id, now)))
