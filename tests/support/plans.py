"""A comparison that never ran: a plan, what came out of it, and what the scheduler would have told."""

from __future__ import annotations

from collections.abc import Sequence

from bakeoff.comparison.events import BatchDone, PlanMade
from bakeoff.comparison.leaderboard import rank
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Metric, Model, Outcome

FOLDS = 3
ENDED = 1_700_000_000.0


def make_plan(
    ids: Sequence[str] = ("lr", "rf", "nb"), batch_size: int = 1, metrics: Sequence[str] = ("auc", "f1")
) -> Plan:
    models = tuple(Model(model_id, f"Model {model_id}") for model_id in ids)
    return Plan(models, FOLDS, tuple(Metric(key, key.upper()) for key in metrics), metrics[0], batch_size=batch_size)


def good(plan: Plan, model_id: str, base: float = 0.5) -> list[Outcome]:
    values = [{metric.key: base + fold / 100 for metric in plan.metrics} for fold in range(FOLDS)]
    return [
        Outcome(model_id, fold, metrics=value, fit_seconds=2.0, score_seconds=1.0, finished_at=ENDED)
        for fold, value in enumerate(values)
    ]


def events_of(plan: Plan, outcomes: Sequence[Outcome]) -> list[PlanMade | BatchDone]:
    rows = rank(plan, outcomes).rows
    told: list[PlanMade | BatchDone] = [PlanMade(plan, slots=2)]
    for batch in plan.batches:
        of_batch = tuple(outcome for outcome in outcomes if outcome.model_id in batch.model_ids)
        told.append(BatchDone(batch, tuple(r for r in rows if r.batch_id == batch.id), of_batch, wall_seconds=60.0))
    return told
