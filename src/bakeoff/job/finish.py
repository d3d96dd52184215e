"""The last step of a job: write the results, and save, log and register the best model."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from bakeoff._utils.disk import disk_trouble
from bakeoff._utils.redaction import redact_text
from bakeoff.comparison.leaderboard import COMPLETE, FAILED, PARTIAL, Leaderboard
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import finite
from bakeoff.config import DUMMY, RunConfig
from bakeoff.errors import NoModelSurvivedError
from bakeoff.job.outputs import RunOutputs
from bakeoff.job.result import RunResult
from bakeoff.pycaret3.experiment import training_rows
from bakeoff.scoring.profile import profile_of

if TYPE_CHECKING:
    import pandas as pd

    from bakeoff.fugue_backend import FugueBackend
    from bakeoff.job.result import PreparedRun
    from bakeoff.source import SourceTable
    from bakeoff.storage.rows import RunRecord
    from bakeoff.tracking.model_inputs import Entrance


_LOG = logging.getLogger(__name__)


def keep_winner(  # noqa: PLR0913, PLR0917 - the model, and everything that it is told apart by
    config: RunConfig, prepared: PreparedRun, outputs: RunOutputs, board: Leaderboard, plan: Plan, model: Any
) -> None:
    """Save the best model in the run's folder, and queue it to be logged and, if requested, registered."""
    from bakeoff.pycaret3.restore import final_pipeline
    from bakeoff.tracking.logged_model import save_best_model
    from bakeoff.tracking.messages import of_model
    from bakeoff.tracking.registry import CandidateScore, Terms

    best = board.best
    assert best is not None  # noqa: S101 - a model that was fitted
    source, folder = prepared.source, outputs.tracking.model_folder
    rows = _training_rows(config, prepared)
    pipeline = final_pipeline(prepared.experiment, model)
    save_best_model(folder, pipeline, rows, task=source.task, entrance=_entrance(source, rows))
    lineage = {
        "run_id": config.run_id,
        "model_id": best.model_id,
        "source": source.name,
        "source_version": source.version or "",
        "data_digest": source.digest,
        "git_commit": outputs.record.git_commit or "",
    }
    standing = CandidateScore(plan.sort_by, best.primary_value, plan.greater_is_better, config.target, lineage)
    dummy = next(
        (finite(row.primary_value) for row in board.rows if row.model_id == DUMMY and row.status != FAILED), None
    )
    terms = Terms(config.champion_margin, config.min_value, config.min_lift, dummy)
    outputs.tracking.put(of_model(best.model_id, source.task, config.register_model, standing, terms))


def keep_profile(config: RunConfig, prepared: PreparedRun, outputs: RunOutputs, model: Any) -> None:
    """Store a profile of the best model's training rows, to compare it with rows that the model will score."""
    from bakeoff.pycaret3.restore import final_pipeline

    task = prepared.source.task
    if task == "time_series":
        return
    rows = _training_rows(config, prepared)
    pipeline = final_pipeline(prepared.experiment, model)
    names = prepared.source.preparation.unconverted(rows.columns)
    profile = profile_of(rows, pipeline, classifies=task == "classification", names=names)
    outputs.tables.write_profile(config.run_id, profile, again=bool(outputs.done))


def _training_rows(config: RunConfig, prepared: PreparedRun) -> pd.DataFrame:
    """Return the training rows in the columns that the best model's pipeline takes."""
    inside = prepared.source.preparation.inside
    return training_rows(prepared.experiment, inside(prepared.source.frame), inside(config.target))


def _entrance(source: SourceTable, rows: pd.DataFrame) -> Entrance | None:
    """Return what stands in front of the best model's pipeline, if the source has other columns than it takes."""
    from bakeoff.tracking.model_inputs import Entrance

    raw_rows = source.preparation.raw_rows(list(rows.columns))
    if raw_rows is None or source.preparation.example is None or source.task == "time_series":
        return None
    return Entrance(raw_rows, source.preparation.example)


def write_results(
    config: RunConfig,
    prepared: PreparedRun,
    outputs: RunOutputs,
    backend: FugueBackend,
    models: Any,
) -> RunResult:
    """Write trials, leaderboard, run, report and best model, and end the run in MLflow.

    Args:
        config: what was asked for.
        prepared: the table and the experiment.
        outputs: the outputs of the run.
        backend: the backend after the comparison.
        models: the best model or models, fitted; empty if none survived.

    Returns:
        The result; what could not be written is in its ``problems``.

    Raises:
        NoModelSurvivedError: every model failed, and no signal ended the run.
    """
    from bakeoff.job.report import report_run, story_of, with_promotion

    board, plan, summary = backend.board, backend.plan, backend.summary
    assert board is not None and plan is not None and summary is not None  # noqa: S101, PT018 - the run has ended
    chosen = models if isinstance(models, list) else [models]
    best = board.best
    outputs.tracking.settle()
    record = replace(
        outputs.record,
        **outputs.tracking.ids,
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
        ids = outputs.tracking.model_run_ids
        trials = at_once.submit(outputs.live.flush)
        rows = at_once.submit(outputs.tables.upsert_leaderboard, config.run_id, board.rows, plan.sort_by, ids)
        first = chosen[0] if best and chosen else None
        model = at_once.submit(keep_winner, config, prepared, outputs, board, plan, first) if best and chosen else None
        profile = at_once.submit(keep_profile, config, prepared, outputs, first) if first is not None else None
        entered = at_once.submit(enter_end, outputs, record, (trials, rows), model, bool(config.register_model))
        # On this thread, while Java and the disk are at work.
        reported = report_run(config.home, outputs, record, backend, prepared.source, prepared.experiment, first)
        problems += reported.problems
    record = entered.result()
    if record.promotion:
        reported = with_promotion(config.home, outputs, reported, record)
    try:
        if model:
            model.result()
    except Exception as error:  # noqa: BLE001 - the tables hold the result; what MLflow lacks is reported
        problems.append(f"The best model could not be saved: {type(error).__name__}: {error}")
    if profile and (trouble := profile.exception()):
        problems.append(f"The profile of the training rows is not in the tables: {type(trouble).__name__}: {trouble}")
    clock = {
        "wall_seconds": summary.wall_seconds,
        "ideal_seconds": summary.ideal_seconds,
        "efficiency": summary.efficiency,
    }
    ended = "KILLED" if backend.stopped else "FINISHED" if best else "FAILED"
    problems += outputs.tracking.finish(board, clock, ended, story_of(reported.facts))
    late = outputs.tracking.model_run_ids != ids or outputs.tracking.became != record.promotion
    if late:  # MLflow has answered after the row was written
        record = replace(record, **outputs.tracking.ids, promotion=outputs.tracking.became)
        try:
            outputs.tables.fill_mlflow_ids(record, outputs.tracking.model_run_ids)
        except Exception as error:  # noqa: BLE001 - everything else is in its place
            problems.append(f"MLflow's ids are not in the tables: {type(error).__name__}: {error}")
    logged = outputs.tracking.logged
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
        tables=outputs.tables.location,
        experiment_id=record.mlflow_experiment_id,
        mlflow_run_id=record.mlflow_run_id,
        mlflow_url=outputs.mlflow_url,
        model_uri=logged.uri if logged else None,
        registered=logged.registered if logged else None,
        promotion=outputs.tracking.promotion,
        problems=tuple(redact_text(problem, outputs.secrets) for problem in problems),
        report=reported.file,
        facts=reported.facts,
    )


def enter_end(
    outputs: RunOutputs,
    record: RunRecord,
    written: Sequence[Future[None]],
    model: Future[None] | None,
    registers: bool,  # noqa: FBT001
) -> RunRecord:
    """Enter the end of a run, after everything else: a finished run has its other rows and, if possible, its model.

    Args:
        outputs: the outputs of the run.
        record: the run at its end.
        written: writes to the tables to wait for.
        model: saving of the best model to wait for; ``None`` if there is no model.
        registers: whether the model is registered, so that the row needs its promotion.

    Returns:
        The record as it was entered.
    """
    for each in written:
        each.result()
    error = model.exception() if model else None
    if error and disk_trouble(error):
        raise error
    if model and error is None and registers:
        outputs.tracking.settle()
        record = replace(record, promotion=outputs.tracking.became)
    record = replace(record, finished_at=time.time())
    outputs.tables.upsert_run(record)
    return record


def close_early(outputs: RunOutputs, status: str) -> None:
    """Close a run that ended before its comparison did. Finished trials are kept, and the run can be resumed.

    Args:
        outputs: the outputs of the run.
        status: status of the run in the tables.
    """
    record = replace(outputs.record, **outputs.tracking.ids, holder=None, heartbeat_at=None)
    record = replace(record, status=status, finished_at=time.time())
    for step in (outputs.live.flush, partial(outputs.tables.upsert_run, record)):
        try:
            step()
        except Exception as error:  # noqa: BLE001 - what ended the run is the error to report
            _LOG.info("The end of the run is not in the tables: %s", error)
    for problem in outputs.tracking.close("FAILED" if status == "failed" else "KILLED"):
        _LOG.warning("%s", problem)
