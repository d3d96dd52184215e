"""The last step of a job: write the results, and save, log and register the best model."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from bakeoff._utils.disk import disk_trouble
from bakeoff._utils.redaction import redact_text
from bakeoff.comparison.leaderboard import COMPLETE, FAILED, PARTIAL, STOPPED
from bakeoff.job.best_model import save_winner, winner_of, write_profile
from bakeoff.job.context import Comparison, RunContext
from bakeoff.job.report import Reported, report_run, story_of, with_all_steps
from bakeoff.job.result import RunResult
from bakeoff.job.step_times import CATCH_UP, LEADERBOARD, MLFLOW, MODEL, RUN_ROW, TRIALS
from bakeoff.storage.rows import RunRecord, blend_text


def finish(context: RunContext, comparison: Comparison) -> RunResult:
    """Write trials, leaderboard, best model, report and run, and end the run in MLflow.

    What waits for Java or the disk runs on threads, while this one evaluates the model and draws the report.

    Returns:
        The result; what could not be written is in its ``problems``.
    """
    outputs, steps = context.outputs, context.steps
    with steps(CATCH_UP):
        outputs.tracking.settle()
    record = end_record(context, comparison)
    with ThreadPoolExecutor(thread_name_prefix="bakeoff-results") as at_once:
        model = save_model(context, comparison, at_once)
        tables = write_tables(context, comparison, record, model, at_once)
        registers = model is not None and bool(context.config.register_model)
        reported = report_run(context, comparison, record, tables.entered if registers else None)
    tables.entered.result()  # raises what has kept the run from being written
    problems = [*comparison.problems, *reported.problems, *(model.problems() if model else ())]
    with steps(MLFLOW):
        record, more = close_tracking(context, comparison, tables, reported)
    facts = replace(reported.facts, run=record, mlflow_url=outputs.mlflow_url)
    return RunResult(
        facts=with_all_steps(facts, context),
        models=comparison.models,
        tables=outputs.tables.location,
        logged=outputs.tracking.logged,
        promotion=outputs.tracking.promotion,
        problems=tuple(redact_text(problem, outputs.secrets) for problem in [*problems, *more]),
        report=reported.file,
    )


def end_record(context: RunContext, comparison: Comparison) -> RunRecord:
    """Return the row of the run at its end; no process holds it any more."""
    board, plan, summary = comparison.board, comparison.plan, comparison.summary
    best = board.best
    return replace(
        context.outputs.record,
        **context.outputs.tracking.ids,
        holder=None,
        heartbeat_at=None,
        status=comparison.status,
        n_folds=plan.n_folds,
        primary_metric=plan.sort_by,
        higher_is_better=plan.greater_is_better,
        n_models=len(board.rows),
        n_ok=board.count(COMPLETE),
        n_partial=board.count(PARTIAL),
        n_stopped=board.count(STOPPED),
        n_failed=board.count(FAILED),
        best_model_id=best.model_id if best else None,
        best_value=best.primary_value if best else None,
        slots=summary.slots,
        wall_seconds=summary.wall_seconds,
        ideal_seconds=summary.ideal_seconds,
        finished_at=time.time(),
        blend=blend_text(comparison.offered) if comparison.offered else None,
        tuning=comparison.tuning.to_json() if comparison.tuning else None,
    )


@dataclass(frozen=True)
class SavingModel:
    """The best model while it is saved.

    Attributes:
        saved: saving and queueing for MLflow.
        profiled: storing its profile.
    """

    saved: Future[None]
    profiled: Future[None]

    def problems(self) -> list[str]:
        """Return what went wrong, one line each, once all has ended."""
        # The tables hold the result; what MLflow lacks is reported.
        what = {
            "The best model could not be saved": self.saved,
            "The profile of the training rows is not in the tables": self.profiled,
        }
        return [
            f"{text}: {type(error).__name__}: {error}" for text, each in what.items() if (error := each.exception())
        ]


@dataclass(frozen=True)
class WritingTables:
    """The tables while they are written.

    Attributes:
        entered: entering the row of the run, after all else, with the promotion of a registered model.
        mlflow_run_ids: the MLflow run ids of models that the leaderboard gets, by model id.
    """

    entered: Future[RunRecord]
    mlflow_run_ids: Mapping[str, str]


def save_model(context: RunContext, comparison: Comparison, at_once: ThreadPoolExecutor) -> SavingModel | None:
    """Start to save and profile the best model; ``None`` if there is none."""
    if comparison.best_model is None:
        return None
    winner = at_once.submit(winner_of, context, comparison)

    def save() -> None:
        with context.steps(MODEL):
            save_winner(context, comparison, winner.result())

    saved = at_once.submit(save)

    def profile() -> None:
        saved.exception()  # the pipeline is used by one thread at a time
        write_profile(context, winner.result())

    return SavingModel(saved, at_once.submit(profile))


def write_tables(
    context: RunContext,
    comparison: Comparison,
    record: RunRecord,
    model: SavingModel | None,
    at_once: ThreadPoolExecutor,
) -> WritingTables:
    """Start to write trials and leaderboard, and after them and the model the row of the run.

    A finished run therefore has its other rows and, if possible, its model.
    """
    outputs = context.outputs
    ids = outputs.tracking.model_run_ids

    def write_trials() -> None:
        with context.steps(TRIALS):
            outputs.live.flush(comparison.plan)

    def write_ranking() -> None:
        with context.steps(LEADERBOARD):
            outputs.tables.upsert_leaderboard(record.run_id, comparison.board.rows, comparison.plan.sort_by, ids)

    trials, ranking = at_once.submit(write_trials), at_once.submit(write_ranking)

    def enter() -> RunRecord:
        for each in (trials, ranking):
            each.result()
        entered = record
        if model is not None:
            error = model.saved.exception()
            if error and disk_trouble(error):
                raise error
            if error is None and context.config.register_model:
                outputs.tracking.settle()
                entered = replace(entered, promotion=outputs.tracking.became)
        entered = replace(entered, finished_at=time.time())
        with context.steps(RUN_ROW):
            outputs.tables.upsert_run(entered)
        return entered

    return WritingTables(at_once.submit(enter), ids)


def close_tracking(
    context: RunContext, comparison: Comparison, tables: WritingTables, reported: Reported
) -> tuple[RunRecord, list[str]]:
    """Log the answer and end the run in MLflow; enter what MLflow has answered only now in the tables.

    Returns:
        The row of the run with all that is known of MLflow, and what could not be logged, one line each.
    """
    outputs, summary, record = context.outputs, comparison.summary, tables.entered.result()
    clock = {
        **(comparison.decision.numbers if comparison.decision else {}),
        "wall_seconds": summary.wall_seconds,
        "ideal_seconds": summary.ideal_seconds,
        "efficiency": summary.efficiency,
    }
    if comparison.tuning:
        clock |= comparison.tuning.metrics
    story = story_of(reported.facts)
    problems = outputs.tracking.finish(comparison.board, clock, comparison.status.mlflow, story, comparison.offered)
    if outputs.tracking.model_run_ids != tables.mlflow_run_ids or outputs.tracking.became != record.promotion:
        record = replace(record, **outputs.tracking.ids, promotion=outputs.tracking.became)
        try:
            outputs.tables.fill_mlflow_ids(record, outputs.tracking.model_run_ids)
        except Exception as error:  # noqa: BLE001 - everything else is in its place
            problems.append(f"MLflow's ids are not in the tables: {type(error).__name__}: {error}")
    return record, problems
