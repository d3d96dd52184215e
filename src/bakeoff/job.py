"""The main job, readable from top to bottom: source, setup, compare, results."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.comparison.events import Listener
from bakeoff.comparison.leaderboard import COMPLETE, FAILED, PARTIAL, Leaderboard
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.summary import Summary
from bakeoff.config import RunConfig
from bakeoff.disk import disk_trouble
from bakeoff.errors import NoModelSurvivedError, UserError
from bakeoff.execution.warm_up import warm_up
from bakeoff.places import Places, check_ground, explaining, open_places, table_target
from bakeoff.preflight import check_cluster
from bakeoff.redaction import redact_outcome, redact_text
from bakeoff.report.facts import Facts
from bakeoff.results.target import TableTarget
from bakeoff.session import OpenSession, open_session
from bakeoff.signals import Interruption, interruptible
from bakeoff.source import SourceTable, is_local_file, load_source

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from bakeoff.fugue_backend import FugueBackend
    from bakeoff.limits import TrialLimits
    from bakeoff.results.rows import RunRecord

_LOG = logging.getLogger(__name__)
Say = Callable[[str], None]

LISTENER_SECONDS = 60.0
"""How long the end of a run waits for its logging to catch up."""


@dataclass(frozen=True)
class RunResult:
    """What a run left behind.

    Attributes:
        models: the ``n_select`` best, fitted on the training rows (without the preprocessing).
        experiment_id: MLflow's; as its other ids, ``None`` where MLflow did not answer in time.
        model_uri: what ``mlflow.pyfunc.load_model`` takes: the best model as a pipeline on raw columns.
        registered: name and version in the registry, where that was asked for.
        promotion: what became of that version: champion or challenger, and why.
        problems: what could not be logged, one line each.
        report: the file; it is logged to MLflow, too.
        facts: everything that was found, as plain data.
    """

    run_id: str
    plan: Plan
    leaderboard: Leaderboard
    summary: Summary
    models: Sequence[Any]
    tables: TableTarget
    experiment_id: str | None
    mlflow_run_id: str | None
    mlflow_url: str | None
    model_uri: str | None
    registered: tuple[str, str] | None = None
    promotion: str | None = None
    problems: tuple[str, ...] = ()
    report: Path | None = None
    facts: Facts | None = None


@dataclass(frozen=True)
class Question:
    """What is to be compared, once it is sure that it can be: table, experiment, arguments, and limits of trials."""

    source: SourceTable
    experiment: Any
    params: dict[str, Any]
    limits: TrialLimits


def run(
    config: RunConfig,
    spark: SparkSession | OpenSession | None = None,
    say: Say = print,
    listeners: Sequence[Listener] = (),
) -> RunResult:
    """Compare models on a table, log every batch and the leaderboard to MLflow, and write the results to Delta.

    Ctrl-C and SIGTERM end the run in order; a second one does what it would have done without Bakeoff.

    Args:
        config: what to compare, and where the results go.
        spark: the session to use. The active one where it is ``None``; a local one is made only where there is none
            and this is not Databricks. A session that was not made here is neither stopped nor reconfigured.
        say: hears what a person should know, a sentence at a time.
        listeners: hear how the comparison goes.

    Raises:
        UserError: something that was asked for cannot be done; nothing was written.
        NoModelSurvivedError: every model failed; the tables say why.
        RunInterruptedError: a signal ended the run; what was finished is in the tables.
    """
    with interruptible() as interruption, explaining(config):
        check_ground(config)
        # What a file holds is known without Spark, so a session is made only for a question that makes sense.
        question = ask(config, None, say) if is_local_file(config.source) else None
        interruption.check(config.run_id)
        say("Opening a Spark session.")
        with open_session(spark, config.home) as (session, owned):
            interruption.listen()
            if config.engine == "spark":
                if not owned:
                    check_cluster(session)
                warm_up(session)
            question = question or ask(config, session, say)
            interruption.check(config.run_id)
            say(f"Opening the tables ({table_target(config).place}) and MLflow.")
            places = open_places(config, session, question.source, say)
            return compare(config, session, question, places, listeners, interruption)


def ask(config: RunConfig, spark: SparkSession | None, say: Say) -> Question:
    """Read the table and run PyCaret's setup on it; every argument is checked, and nothing is written."""
    from bakeoff.limits import trial_limits
    from bakeoff.pycaret3.experiment import default_sort, set_up
    from bakeoff.pycaret3.frozen import draw_splits
    from bakeoff.pycaret3.request import read_request

    source = load_source(config, spark)
    for note in source.notes:
        say(note)
    n_rows, n_columns = source.frame.shape
    say(f"Setting up PyCaret on {n_rows:,} rows and {n_columns} columns of {source.name}.")
    experiment = set_up(
        source.task,
        source.frame,
        config.target,
        seed=config.seed,
        fold=config.fold,
        fh=config.fh,
        arguments=config.setup,
    )
    params: dict[str, Any] = {
        "include": list(config.include) or None,
        "exclude": list(config.exclude) or None,
        "sort": config.sort or default_sort(experiment),
        "n_select": config.n_select,
        "budget_time": config.budget_minutes,
        "verbose": False,
    }
    try:
        request = read_request(experiment, params)
        draw_splits(experiment, request)
    except (ValueError, TypeError) as error:
        raise UserError(str(error)) from error
    if not request.models:
        raise UserError("No model is left to compare: name other models in --include or --exclude.")
    limits = trial_limits(config, experiment, request)
    if limits.note:
        say(limits.note)
    return Question(source, experiment, params, limits)


def compare(  # noqa: PLR0913, PLR0917 - what was asked, where it runs and goes, and who watches
    config: RunConfig,
    spark: SparkSession,
    question: Question,
    places: Places,
    listeners: Sequence[Listener],
    interruption: Interruption,
) -> RunResult:
    """Run the comparison and write down what came out of it, also where it ends early."""
    from bakeoff.fugue_backend import FugueBackend
    from bakeoff.view import place_options

    backend = FugueBackend(
        spark if config.engine == "spark" else config.engine,
        batch_size=config.batch_size,
        listeners=[places.live, places.tracking, *listeners],
        name=config.run_id,
        record=places.keep,
        done=places.done,
        known_seconds=places.known_seconds,
        clean=partial(redact_outcome, known=places.secrets),
        stop=interruption,
        listener_timeout=LISTENER_SECONDS,
        **question.limits.options,
    )
    try:
        models = question.experiment.compare_models(**question.params, parallel=backend)
        result = write_results(config, spark, question, places, backend, models)
    except NoModelSurvivedError:
        raise
    except BaseException as error:
        # A run whose disk gave out is not a failed one; its row stays as it is where even that cannot be written.
        ended = isinstance(error, KeyboardInterrupt | SystemExit) or disk_trouble(error, config.home)
        close_early(spark, places, "killed" if ended else "failed")
        raise
    if backend.stopped:
        for problem in result.problems:
            _LOG.warning("%s", problem)
        again = f"bakeoff resume {config.run_id}{place_options(places.tables, config.home)}"
        raise interruption.error(config.run_id, result.leaderboard, again)
    return result


def write_results(  # noqa: PLR0913, PLR0917 - the last step needs what all others made
    config: RunConfig,
    spark: SparkSession,
    question: Question,
    places: Places,
    backend: FugueBackend,
    models: Any,
) -> RunResult:
    """Write trials, leaderboard, run and best model, as far as there are any."""
    from bakeoff.reporting import report_run, story_of, with_promotion
    from bakeoff.results import tables
    from bakeoff.winner import keep_profile, keep_winner

    board, plan, summary = backend.board, backend.plan, backend.summary
    assert board is not None and plan is not None and summary is not None  # noqa: S101, PT018 - the run has ended
    chosen = models if isinstance(models, list) else [models]
    best = board.best
    places.tracking.settle()
    record = replace(
        places.record,
        **places.tracking.ids,
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
    places: Places,
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
    from bakeoff.results.tables import merge_run

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


def close_early(spark: SparkSession, places: Places, status: str) -> None:
    """Leave no run open that has ended: what was finished is kept, and the same run id goes on from there."""
    from bakeoff.results import tables

    record = replace(places.record, **places.tracking.ids, status=status, finished_at=time.time())
    for step in (places.live.flush, partial(tables.merge_run, spark, places.tables, record)):
        try:
            step()
        except Exception as error:  # noqa: BLE001 - what ended the run is what has to be heard of
            _LOG.info("The end of the run is not in the tables: %s", error)
    for problem in places.tracking.close("KILLED" if status == "killed" else "FAILED"):
        _LOG.warning("%s", problem)
