"""The main job, readable from top to bottom: source, setup, compare, results."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from bakeoff.comparison.events import Listener
from bakeoff.comparison.trial import Status
from bakeoff.config import RunConfig
from bakeoff.errors import BakeoffError, EngineLostError, NoModelSurvivedError, RunConflictError, UserError
from bakeoff.execution.warm_up import warm_up
from bakeoff.job.finish import close_early, write_results
from bakeoff.job.outputs import (
    RunOutputs,
    check_ground,
    explaining,
    open_outputs,
    redact_outcome,
    refuse_if_held,
    table_target,
)
from bakeoff.job.preflight import check_cluster
from bakeoff.job.result import PreparedRun, RunResult, Say
from bakeoff.job.signals import Interruption, interruptible
from bakeoff.source import is_local_file, load_source
from bakeoff.spark.liveness import watching_server, why_lost, without_py4j_pages
from bakeoff.spark.session import OpenSession, open_session
from bakeoff.storage.disk import disk_trouble
from bakeoff.storage.schema import INTERRUPTED

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from bakeoff.fugue_backend import FugueBackend

_LOG = logging.getLogger(__name__)

LISTENER_SECONDS = 60.0
"""How long the end of a run waits for its logging to catch up."""


def run(
    config: RunConfig,
    spark: SparkSession | OpenSession | None = None,
    say: Say = print,
    listeners: Sequence[Listener] = (),
) -> RunResult:
    """Compare models on a table, log every batch and the leaderboard to MLflow, and write the results to Delta.

    Ctrl-C, SIGTERM and SIGHUP end the run in order; a second one does what it would have done without Bakeoff.

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
        EngineLostError: what the run stood on is gone; what was finished is in its journal, at least.
    """
    if config.is_named:
        refuse_if_held(config.home, config.run_id)
    with interruptible() as interruption, explaining(config), without_py4j_pages():
        check_ground(config)
        # What a file holds is known without Spark, so a session is made only for a question that makes sense.
        question = ask(config, None, say) if is_local_file(config.source) else None
        interruption.check(config.run_id)
        say("Opening a Spark session.")
        with open_session(spark, config.home) as (session, owned), watching_server(session):
            interruption.listen()
            try:
                if config.engine == "spark":
                    if not owned:
                        check_cluster(session)
                    warm_up(session)
                question = question or ask(config, session, say)
                interruption.check(config.run_id)
                say(f"Opening the tables ({table_target(config).place}) and MLflow.")
                places = open_outputs(config, session, question.source, say)
            except Exception as error:
                if not isinstance(error, BakeoffError) and (why := why_lost(session, error)):
                    raise EngineLostError(why, f"run {config.run_id} had not begun, start it again.") from None
                raise
            with closing_hold(places):
                return compare(config, session, question, places, listeners, interruption)


def ask(config: RunConfig, spark: SparkSession | None, say: Say) -> PreparedRun:
    """Read the table and run PyCaret's setup on it; every argument is checked, and nothing is written."""
    from bakeoff.job.trial_limits import trial_limits
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
    return PreparedRun(source, experiment, params, limits)


def compare(  # noqa: PLR0913, PLR0917 - what was asked, where it runs and goes, and who watches
    config: RunConfig,
    spark: SparkSession,
    question: PreparedRun,
    places: RunOutputs,
    listeners: Sequence[Listener],
    interruption: Interruption,
) -> RunResult:
    """Run the comparison and write down what came out of it, also where it ends early."""
    from bakeoff.fugue_backend import FugueBackend
    from bakeoff.storage.location import place_options

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
    again = f"bakeoff resume {config.run_id}{place_options(places.tables, config.home)}"
    try:
        models = question.experiment.compare_models(**question.params, parallel=backend)
        places.hold.check()
        result = write_results(config, spark, question, places, backend, models)
    except (NoModelSurvivedError, RunConflictError):
        raise
    except BaseException as error:
        if disk_trouble(error, config.home):  # which is said in one sentence further out
            leave_open(spark, places)
            raise
        if why := why_lost(spark, error):
            leave_open(spark, places)
            raise EngineLostError(f"Run {config.run_id} was interrupted. {why}", still_open(backend, again)) from None
        close_early(spark, places, "killed" if isinstance(error, KeyboardInterrupt | SystemExit) else "failed")
        raise
    if backend.stopped:
        for problem in result.problems:
            _LOG.warning("%s", problem)
        raise interruption.error(config.run_id, result.leaderboard, again)
    return result


@contextmanager
def closing_hold(places: RunOutputs) -> Iterator[None]:
    """Let other processes have the run when the block has ended, however it has."""
    try:
        yield
    finally:
        places.hold.release()


def leave_open(spark: SparkSession, places: RunOutputs) -> None:
    """Leave a run as interrupted: what has not ended is open, and what has is in the journal, whatever else fails."""
    with suppress(Exception):
        if why_lost(spark) is None:  # the workers may be gone, or the disk be full, and not the session
            close_early(spark, places, INTERRUPTED)
    with suppress(Exception):
        places.tracking.close("KILLED")


def still_open(backend: FugueBackend, again: str) -> str:
    """What has become of the trials of a run that was interrupted, and the command that goes on."""
    board, plan = backend.board, backend.plan
    n_done = sum(outcome.status is not Status.CANCELLED for outcome in board.outcomes) if board else 0
    of = f" of {len(plan.trials)}" if plan else ""
    return f"{n_done}{of} trials are finished, which are kept, the others are open. `{again}` goes on."
