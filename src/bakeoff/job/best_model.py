"""The best model of a run: saved to be logged and registered, and profiled for the rows that it will score."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from bakeoff.comparison.leaderboard import FAILED, STOPPED, Row, fold_values
from bakeoff.comparison.trial import finite
from bakeoff.config import DUMMY
from bakeoff.job.context import Comparison, RunContext
from bakeoff.pycaret3.experiment import training_rows
from bakeoff.scoring.profile import profile_of

if TYPE_CHECKING:
    import pandas as pd

    from bakeoff.source import SourceTable
    from bakeoff.tracking.model_inputs import Entrance
    from bakeoff.tracking.registry import CandidateScore, Terms


@dataclass(frozen=True)
class Winner:
    """The best model of a run as it will be used.

    Attributes:
        row: its row of the leaderboard.
        pipeline: the preprocessing and the model.
        rows: training rows in the columns that the pipeline takes, without the target.
    """

    row: Row
    pipeline: Any
    rows: pd.DataFrame


def winner_of(context: RunContext, comparison: Comparison) -> Winner:
    """Return the best model of a comparison that has one."""
    from bakeoff.pycaret3.restore import answering, final_pipeline

    best, prepared = comparison.board.best, context.prepared
    assert best is not None  # noqa: S101 - a model that was fitted
    inside = prepared.source.preparation.inside
    return Winner(
        best,
        answering(final_pipeline(prepared.experiment, comparison.best_model), prepared.source.classes),
        training_rows(prepared.experiment, inside(prepared.source.frame), inside(context.config.target)),
    )


def save_winner(context: RunContext, comparison: Comparison, winner: Winner) -> None:
    """Save the best model in the run's folder, and queue it to be logged and, if requested, registered."""
    from bakeoff.tracking.logged_model import save_best_model
    from bakeoff.tracking.messages import of_model

    config, source, tracking = context.config, context.prepared.source, context.outputs.tracking
    entrance = entrance_of(source, winner.rows)
    save_best_model(tracking.model_folder, winner.pipeline, winner.rows, task=source.task, entrance=entrance)
    score, terms = _score_of(context, comparison, winner.row), _terms_of(context, comparison)
    tracking.put(of_model(winner.row.model_id, source.task, config.register_model, score, terms))


def write_profile(context: RunContext, winner: Winner) -> None:
    """Store a profile of the best model's training rows, to compare it with rows that the model will score."""
    source, outputs = context.prepared.source, context.outputs
    if source.task == "time_series":
        return
    names = source.preparation.unconverted(winner.rows.columns)
    profile = profile_of(winner.rows, winner.pipeline, classifies=source.task == "classification", names=names)
    outputs.tables.write_profile(context.config.run_id, profile, again=bool(outputs.done))


def entrance_of(source: SourceTable, rows: pd.DataFrame) -> Entrance | None:
    """Return what stands in front of the best model's pipeline, if the source has other columns than it takes."""
    from bakeoff.tracking.model_inputs import Entrance

    raw_rows = source.preparation.raw_rows(list(rows.columns))
    if raw_rows is None or source.preparation.example is None or source.task == "time_series":
        return None
    return Entrance(raw_rows, source.preparation.example)


def _score_of(context: RunContext, comparison: Comparison, best: Row) -> CandidateScore:
    """Return the score that the model's version is tagged with and compared by."""
    from bakeoff.tracking.registry import CandidateScore

    config, source, plan = context.config, context.prepared.source, comparison.plan
    lineage = {
        "run_id": config.run_id,
        "model_id": best.model_id,
        "source": source.name,
        "source_version": source.version or "",
        "data_digest": source.digest,
        "git_commit": context.outputs.record.git_commit or "",
        **(comparison.decision.tags if comparison.decision else {}),
    }
    return CandidateScore(plan.sort_by, best.primary_value, plan.greater_is_better, config.target, lineage)


def _terms_of(context: RunContext, comparison: Comparison) -> Terms:
    """Return what the model's version needs to become champion."""
    from bakeoff.tracking.registry import Terms

    config = context.config
    return Terms(config.champion_margin, config.min_value, config.min_lift, dummy_value(comparison))


def dummy_value(comparison: Comparison) -> float | None:
    """Return the value of the dummy model that the best one has to beat; ``None`` if it came to none.

    A race may have stopped it: then it is as far below the best model as on the folds that both ran on.
    """
    board, key = comparison.board, comparison.plan.sort_by
    dummy = next((row for row in board.rows if row.model_id == DUMMY and row.status != FAILED), None)
    if dummy is None:
        return None
    if dummy.status != STOPPED or board.best is None:
        return finite(dummy.primary_value)
    folds = {outcome.fold for outcome in board.outcomes if outcome.model_id == DUMMY}
    mine = [o for o in board.outcomes if o.model_id == board.best.model_id and o.fold in folds]
    lead = fmean(fold_values(mine, key)) - dummy.primary_value
    return finite(board.best.primary_value - lead)
