"""Messages for MLflow as plain data that can wait on disk: a plan, batches, files, the model, the answer, the end.

A message holds everything except MLflow's own ids, which are known when it is sent.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bakeoff.comparison.events import BatchDone, Event, PlanMade
from bakeoff.comparison.leaderboard import Leaderboard, Row
from bakeoff.comparison.plan import Plan
from bakeoff.tracking import entities
from bakeoff.tracking.entities import ChildRun, Story
from bakeoff.tracking.outbox import Message
from bakeoff.tracking.registry import CandidateScore, Terms

PLAN, BATCH, FILES, MODEL, ANSWER, CLOSE = "plan", "batch", "files", "model", "answer", "close"
_NOTE_TAG, _NAME_TAG = "mlflow.note.content", "mlflow.runName"


def of_event(event: Event, plan: Plan | None) -> Message | None:
    """Return the message for an event of the scheduler; ``None`` if the event is not logged, as most are not."""
    if isinstance(event, PlanMade):
        return _of_plan(event)
    if isinstance(event, BatchDone):
        models = [_of_run(run) for run in entities.model_runs(event)]
        return {"kind": BATCH, "run": _of_run(entities.batch_run(event, plan)), "models": models}
    return None


def of_files(files: Sequence[str], folders: Sequence[str] = ()) -> Message:
    """Return the message for files and folders of the run's own folder.

    Args:
        files: names of the files in it.
        folders: names of the folders in it.
    """
    return {"kind": FILES, "files": list(files), "folders": list(folders)}


def of_model(
    model_id: str,
    task: str,
    register_as: str | None = None,
    standing: CandidateScore | None = None,
    terms: Terms = Terms(),  # noqa: B008 - it is frozen
) -> Message:
    """Return the message for the best model, whose files are in the run's folder.

    Args:
        model_id: PyCaret's id of the model.
        task: task of the comparison.
        register_as: name to register the model under; not registered if it is ``None``.
        standing: score of the model, by which it is compared with the champion.
        terms: what a version needs to become champion.
    """
    return {
        "kind": MODEL,
        "model_id": model_id,
        "task": task,
        "register_as": register_as,
        "standing": asdict(standing) if standing else None,
        "terms": asdict(terms),
    }


def of_answer(
    leaderboard: Leaderboard,
    plan: Plan | None,
    summary: Mapping[str, float],
    story: Story | None = None,
    offered: Row | None = None,
) -> Message:
    """Return the message for the leaderboard and the metrics, tags and description that follow from it.

    Args:
        leaderboard: the final leaderboard.
        plan: what was compared.
        summary: more metrics of the run, such as its wall time.
        story: name and description of the run from now on.
        offered: a blend beside the leaderboard.
    """
    tags = {_NOTE_TAG: entities.note(leaderboard, plan, story)}
    if story:
        tags |= {**story.tags, _NAME_TAG: entities.one_line(story.name)}
    if best := leaderboard.best:
        tags |= {"best_model_id": best.model_id, "best_model_name": best.model_name}
    beside = {
        "holdout_value": best.holdout_value if best else None,
        "blend_value": offered.primary_value if offered else None,
        "blend_holdout_value": offered.holdout_value if offered else None,
    }
    known = {key: value for key, value in beside.items() if value is not None}
    metrics = entities.to_metrics({**entities.final_metrics(leaderboard), **summary, **known})
    return {
        "kind": ANSWER,
        "metrics": [entities.plain_metric(metric) for metric in metrics],
        "tags": tags,
        "rows": entities.leaderboard_rows([*leaderboard.rows, *([offered] if offered else [])]),
    }


def of_end(status: str) -> Message:
    """Return the message for the end of the run: ``FINISHED``, ``FAILED`` or ``KILLED``."""
    return {"kind": CLOSE, "status": status, "ended": time.time()}


def child_run(run: Mapping[str, Any]) -> ChildRun:
    """Return the child run that a part of a message describes."""
    return ChildRun(**{**run, "metrics": [entities.metric_of(each) for each in run["metrics"]]})


def _of_plan(event: PlanMade) -> Message:
    plan = event.plan
    params = {
        "models": ", ".join(model.id for model in plan.models),
        "n_models": len(plan.models),
        "n_folds": plan.n_folds,
        "metric": plan.sort_by,
        "batch_size": plan.batch_size,
        "decimals": plan.decimals,
        "slots": event.slots,
    }
    return {"kind": PLAN, "params": {key: str(value) for key, value in params.items()}}


def _of_run(run: ChildRun) -> dict[str, Any]:
    return {
        "name": run.name,
        "tags": dict(run.tags),
        "metrics": [entities.plain_metric(metric) for metric in run.metrics],
        "started": run.started,
        "ended": run.ended,
        "status": run.status,
    }
