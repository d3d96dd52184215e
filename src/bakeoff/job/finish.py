"""What becomes of the best model of a job: it is kept and logged, and registered where that was asked for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bakeoff.comparison.leaderboard import FAILED, Leaderboard
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import finite
from bakeoff.config import DUMMY, RunConfig
from bakeoff.job.outputs import RunOutputs
from bakeoff.job.result import RunResult
from bakeoff.pycaret3.experiment import training_rows
from bakeoff.scoring.profile import profile_of
from bakeoff.storage import tables
from bakeoff.storage.tables import merge_run, write_profile

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from bakeoff.job.result import PreparedRun
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff._utils.redaction import redact_text
from bakeoff.comparison.leaderboard import COMPLETE, PARTIAL
from bakeoff.errors import NoModelSurvivedError
from bakeoff.storage.disk import disk_trouble

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from bakeoff.fugue_backend import FugueBackend
    from bakeoff.storage.rows import RunRecord

_LOG = logging.getLogger(__name__)


def keep_winner(  # noqa: PLR0913, PLR0917 - the model, and everything that it is told apart by
    config: RunConfig, question: PreparedRun, places: RunOutputs, board: Leaderboard, plan: Plan, model: Any
) -> None:
    """Save the best model in the run's folder and have it logged and, where that was asked for, registered."""
    from bakeoff.pycaret3.restore import final_pipeline
    from bakeoff.tracking.logged_model import save_best_model
    from bakeoff.tracking.messages import of_model
    from bakeoff.tracking.registry import CandidateScore, Terms

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
    standing = CandidateScore(plan.sort_by, best.primary_value, plan.greater_is_better, config.target, lineage)
    dummy = next(
        (finite(row.primary_value) for row in board.rows if row.model_id == DUMMY and row.status != FAILED), None
    )
    terms = Terms(config.champion_margin, config.min_value, config.min_lift, dummy)
    places.tracking.put(of_model(best.model_id, source.task, config.register_model, standing, terms))


def keep_profile(config: RunConfig, spark: SparkSession, question: PreparedRun, places: RunOutputs, model: Any) -> None:
    """Keep what the rows looked like that the best model learned from, to compare with rows that it will score."""
    from bakeoff.pycaret3.restore import final_pipeline

    task = question.source.task
    if task == "time_series":
        return
    rows = training_rows(question.experiment, question.source.frame, config.target)
    pipeline = final_pipeline(question.experiment, model)
    profile = profile_of(rows, pipeline, classifies=task == "classification")
    write_profile(spark, places.tables, config.run_id, profile, again=bool(places.done))


def write_results(  # noqa: PLR0913, PLR0917 - the last step needs what all others made
    config: RunConfig,
    spark: SparkSession,
    question: PreparedRun,
    places: RunOutputs,
    backend: FugueBackend,
    models: Any,
) -> RunResult:
    """Write trials, leaderboard, run and best model, as far as there are any."""
    from bakeoff.job.report import report_run, story_of, with_promotion

    board, plan, summary = backend.board, backend.plan, backend.summary
    assert board is not None and plan is not None and summary is not None  # noqa: S101, PT018 - the run has ended
    chosen = models if isinstance(models, list) else [models]
    best = board.best
    places.tracking.settle()
    record = replace(
        places.record,
        **places.tracking.ids,
        holder=None,
        heartbeat_at=None,
        status="killed" if backend.stopped else "finished" if best else "failed",
        n_folds=plan.n_folds,
        primary_metric=plan.sort_by,
        higher_is_better=plan.greater_is_better,
        n_models=len(board.rows),
        n_ok=board.count(COMPLETE),
        n_partial=board.count(PARTIAL),
        n_failed=board.count(FAILED),
        best_model_id=best.model_id if best else None,
        best_value=best.primary_value if best else None,
        slots=summary.slots,
        wall_seconds=summary.wall_seconds,
        ideal_seconds=summary.ideal_seconds,
        finished_at=time.time(),
    )
    problems = list(backend.listener_problems)
    with ThreadPoolExecutor(thread_name_prefix="bakeoff-results") as at_once:
        ids = places.tracking.model_run_ids
        trials = at_once.submit(places.live.flush)
        rows = at_once.submit(
            tables.merge_leaderboard, spark, places.tables, config.run_id, board.rows, plan.sort_by, ids
        )
        first = chosen[0] if best and chosen else None
        model = at_once.submit(keep_winner, config, question, places, board, plan, first) if best and chosen else None
        profile = at_once.submit(keep_profile, config, spark, question, places, first) if first is not None else None
        entered = at_once.submit(enter_end, spark, places, record, (trials, rows), model, bool(config.register_model))
        # On this thread, while Java and the disk are at work.
        reported = report_run(config.home, places, record, backend, question.source, question.experiment, first)
        problems += reported.problems
    record = entered.result()
    if record.promotion:
        reported = with_promotion(config.home, places, reported, record)
    try:
        if model:
            model.result()
    except Exception as error:  # noqa: BLE001 - the tables hold the result; what is missing in MLflow is said
        problems.append(f"The best model could not be saved: {type(error).__name__}: {error}")
    if profile and (trouble := profile.exception()):
        problems.append(f"The profile of the training rows is not in the tables: {type(trouble).__name__}: {trouble}")
    clock = {
        "wall_seconds": summary.wall_seconds,
        "ideal_seconds": summary.ideal_seconds,
        "efficiency": summary.efficiency,
    }
    ended = "KILLED" if backend.stopped else "FINISHED" if best else "FAILED"
    problems += places.tracking.finish(board, clock, ended, story_of(reported.facts))
    late = places.tracking.model_run_ids != ids or places.tracking.became != record.promotion
    if late:  # MLflow has answered after the row was written
        record = replace(record, **places.tracking.ids, promotion=places.tracking.became)
        try:
            tables.fill_mlflow_ids(spark, places.tables, record, places.tracking.model_run_ids)
        except Exception as error:  # noqa: BLE001 - everything else is in its place
            problems.append(f"MLflow's ids are not in the tables: {type(error).__name__}: {error}")
    logged = places.tracking.logged
    if best is None and not backend.stopped:
        for problem in problems:
            _LOG.warning("%s", problem)
        first = board.failures[0]
        raise NoModelSurvivedError(
            f"None of the {len(board.rows)} models survived; the first failure was {first.model_id} on fold "
            f"{first.fold}: {first.error_type}: {first.error_message}. "
            "The view `failures` holds all of them."
        )
    return RunResult(
        run_id=config.run_id,
        plan=plan,
        leaderboard=board,
        summary=summary,
        models=chosen,
        tables=places.tables,
        experiment_id=record.mlflow_experiment_id,
        mlflow_run_id=record.mlflow_run_id,
        mlflow_url=places.mlflow_url,
        model_uri=logged.uri if logged else None,
        registered=logged.registered if logged else None,
        promotion=places.tracking.promotion,
        problems=tuple(redact_text(problem, places.secrets) for problem in problems),
        report=reported.file,
        facts=reported.facts,
    )


def enter_end(  # noqa: PLR0913, PLR0917 - the row of the run waits for everything else
    spark: SparkSession,
    places: RunOutputs,
    record: RunRecord,
    written: Sequence[Future[None]],
    model: Future[None] | None,
    registers: bool,  # noqa: FBT001
) -> RunRecord:
    """Enter how a run ended: one that says it is finished has all else in the tables, and its model if that can be.

    Args:
        spark: the session.
        places: where the run is written to.
        record: how it ended.
        written: what has to be in the tables before.
        model: what has to be saved before, where there is a model.
        registers: whether the model is registered, so that the row says what became of it.

    Returns:
        The record as it was entered.
    """
    for each in written:
        each.result()
    error = model.exception() if model else None
    if error and disk_trouble(error, Path()):
        raise error
    if model and error is None and registers:
        places.tracking.settle()
        record = replace(record, promotion=places.tracking.became)
    record = replace(record, finished_at=time.time())
    merge_run(spark, places.tables, record)
    return record


def close_early(spark: SparkSession, places: RunOutputs, status: str) -> None:
    """Leave no run open that has ended: what was finished is kept, and the same run id goes on from there."""
    record = replace(places.record, **places.tracking.ids, holder=None, heartbeat_at=None)
    record = replace(record, status=status, finished_at=time.time())
    for step in (places.live.flush, partial(tables.merge_run, spark, places.tables, record)):
        try:
            step()
        except Exception as error:  # noqa: BLE001 - what ended the run is what has to be heard of
            _LOG.info("The end of the run is not in the tables: %s", error)
    for problem in places.tracking.close("FAILED" if status == "failed" else "KILLED"):
        _LOG.warning("%s", problem)
