"""What becomes of the best model of a job: it is logged, and where that was asked for registered and promoted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bakeoff.comparison.leaderboard import Row
from bakeoff.comparison.plan import Plan
from bakeoff.config import RunConfig
from bakeoff.places import Places

if TYPE_CHECKING:
    from bakeoff.job import Question
    from bakeoff.results.best_model import BestModel


def log_winner(  # noqa: PLR0913, PLR0917 - the model, and everything that it is told apart by
    config: RunConfig, question: Question, places: Places, best: Row, plan: Plan, model: Any
) -> tuple[BestModel, str | None]:
    """Log the best model and, where that was asked for, register it and see whether it is the champion."""
    from bakeoff.pycaret3.experiment import training_rows
    from bakeoff.pycaret3.state import final_pipeline
    from bakeoff.results.best_model import log_best_model
    from bakeoff.results.registry import Standing, promote
    from bakeoff.results.store import make_client, make_registry_client

    source = question.source
    client = make_client(config.home)
    registry = make_registry_client(client, config.register_model or "")
    logged = log_best_model(
        client,
        str(places.record.mlflow_run_id),
        final_pipeline(question.experiment, model),
        training_rows(question.experiment, source.frame, config.target),
        model_id=best.model_id,
        task=source.task,
        registered_model_name=config.register_model,
        registry=registry,
    )
    if logged.registered is None:
        return logged, None
    lineage = {
        "run_id": config.run_id,
        "model_id": best.model_id,
        "source": source.name,
        "source_version": source.version or "",
        "data_digest": source.digest,
        "git_commit": places.record.git_commit or "",
    }
    standing = Standing(plan.sort_by, best.primary_value, plan.greater_is_better, config.target, lineage)
    return logged, promote(registry, *logged.registered, standing, config.champion_margin)
