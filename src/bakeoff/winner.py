"""What becomes of the best model of a job: it is kept and logged, and registered where that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bakeoff.comparison.leaderboard import FAILED, Leaderboard
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import finite
from bakeoff.config import DUMMY, RunConfig
from bakeoff.places import Places

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from bakeoff.job import Question


def keep_winner(  # noqa: PLR0913, PLR0917 - the model, and everything that it is told apart by
    config: RunConfig, question: Question, places: Places, board: Leaderboard, plan: Plan, model: Any
) -> None:
    """Save the best model in the run's folder and have it logged and, where that was asked for, registered."""
    from bakeoff.pycaret3.experiment import training_rows
    from bakeoff.pycaret3.state import final_pipeline
    from bakeoff.results.best_model import save_best_model
    from bakeoff.results.messages import of_model
    from bakeoff.results.registry import Standing, Terms

    best = board.best
    assert best is not None  # noqa: S101 - a model that was fitted
    source, place = question.source, places.tracking.model_folder
    rows = training_rows(question.experiment, source.frame, config.target)
    pipeline = final_pipeline(question.experiment, model)
    save_best_model(place, pipeline, rows, task=source.task)
    lineage = {
        "run_id": config.run_id,
        "model_id": best.model_id,
        "source": source.name,
        "source_version": source.version or "",
        "data_digest": source.digest,
        "git_commit": places.record.git_commit or "",
    }
    standing = Standing(plan.sort_by, best.primary_value, plan.greater_is_better, config.target, lineage)
    dummy = next(
        (finite(row.primary_value) for row in board.rows if row.model_id == DUMMY and row.status != FAILED), None
    )
    terms = Terms(config.champion_margin, config.min_value, config.min_lift, dummy)
    places.tracking.put(of_model(best.model_id, source.task, config.register_model, standing, terms))


def keep_profile(config: RunConfig, spark: SparkSession, question: Question, places: Places, model: Any) -> None:
    """Keep what the rows looked like that the best model learned from, to compare with rows that it will score."""
    from bakeoff.pycaret3.experiment import training_rows
    from bakeoff.pycaret3.state import final_pipeline
    from bakeoff.results.tables import write_profile
    from bakeoff.scoring.profile import profile_of

    task = question.source.task
    if task == "time_series":
        return
    rows = training_rows(question.experiment, question.source.frame, config.target)
    pipeline = final_pipeline(question.experiment, model)
    profile = profile_of(rows, pipeline, classifies=task == "classification")
    write_profile(spark, places.tables, config.run_id, profile, again=bool(places.done))
