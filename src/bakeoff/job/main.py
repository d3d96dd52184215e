"""The main job, readable from top to bottom: source, setup, compare, results."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from bakeoff._utils.autologging import without_autologging
from bakeoff._utils.text import print_text
from bakeoff.comparison.events import Listener, StepBegan
from bakeoff.comparison.run_control import RunControl
from bakeoff.config import RunConfig
from bakeoff.errors import BakeoffError, ConfigError, NoModelSurvivedError, RunConflictError
from bakeoff.job.context import Comparison, RunContext
from bakeoff.job.deciding import wanted_of, with_decision
from bakeoff.job.early_end import close_early, explaining, leave_open, still_open
from bakeoff.job.finish import finish
from bakeoff.job.first_lines import first_lines
from bakeoff.job.ground import choose_engine, standing_on
from bakeoff.job.output_checks import check_ground, refuse_if_held, table_target
from bakeoff.job.outputs import RunOutputs, open_outputs
from bakeoff.job.result import PreparedRun, RunResult, Say
from bakeoff.job.signals import Interruption, interruptible
from bakeoff.job.step_times import COMPARE, IMPORT, OPEN, READ, SESSION, SET_UP, StepTimes
from bakeoff.pycaret3.experiment import default_sort, import_experiments, missing_boosters, set_up
from bakeoff.pycaret3.log_import import import_log_without_file
from bakeoff.pycaret3.scoring.log_loss import LOG_LOSS, add_log_loss, is_log_loss
from bakeoff.source import check_series, is_local_file, load_source
from bakeoff.source.judgement import judged
from bakeoff.spark.liveness import without_spark_pages
from bakeoff.storage.run_status import RunStatus

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from bakeoff.pycaret3.request import Request
    from bakeoff.source import SourceTable
    from bakeoff.spark.session import OpenSession

_LOG = logging.getLogger(__name__)

LISTENER_SECONDS = 60.0
"""Greatest seconds that the end of a run waits for its logging to catch up."""


def run(
    config: RunConfig,
    spark: SparkSession | OpenSession | None = None,
    say: Say = print_text,
    listeners: Sequence[Listener] = (),
) -> RunResult:
    """Compare models on a table, log every batch and the leaderboard to MLflow, and write the results to Delta.

    Ctrl-C, SIGTERM and SIGHUP end the run in order; a second one does what it would have done without Bakeoff.

    Args:
        config: what to compare, and where the results go.
        spark: session to use; by default the active one, if there is one. A local session is created only where the run
            needs Spark and there is none. A session that was not created here is neither stopped nor reconfigured.
        say: called with messages for the user, one sentence at a time.
        listeners: called with the events of the comparison.

    Returns:
        The result of the run.

    Raises:
        UserError: the request cannot be carried out; nothing was written.
        NoModelSurvivedError: every model failed; the tables hold the reasons.
        RunInterruptedError: a signal ended the run; finished trials are in the tables.
        StorageLostError: a disk failed; finished trials are in the journal, at least.
        EngineLostError: the session or its workers are gone; finished trials are in the journal, at least.
    """
    if config.is_named:
        refuse_if_held(config.home, config.run_id)
    steps = StepTimes()
    with interruptible() as interruption, explaining(config), without_spark_pages(), without_autologging():
        check_ground(config)
        choice = choose_engine(config, spark)
        say(choice.sentence)
        choice.get_ready()
        # A session is opened only for a valid request, where the request can be read without one.
        reads_alone = not choice.needs_session or is_local_file(config.source)
        prepared = ask(config, None, say, steps) if reads_alone else None
        interruption.check(config.run_id)
        with ExitStack() as standing:
            with steps(SESSION) if choice.needs_session else nullcontext():
                ground = standing.enter_context(standing_on(choice, spark, config, say))
            interruption.listen()
            try:
                for problem in ground.problems(config.payload_dir):
                    say(problem)
                ground.get_ready()
                prepared = prepared or ask(config, ground.spark, say, steps)
                interruption.check(config.run_id)
                say(f"Opening the tables ({table_target(config).place}) and MLflow.")
                with steps(OPEN):
                    outputs = open_outputs(config, ground, prepared.source, say)
            except Exception as error:
                if not isinstance(error, BakeoffError) and (lost := ground.lost(error, config.home)):
                    raise type(lost)(lost.reason, f"run {config.run_id} had not begun, start it again.") from None
                raise
            with closing_hold(outputs):
                return compare(RunContext(config, ground, prepared, outputs), listeners, interruption)


def ask(config: RunConfig, spark: SparkSession | None, say: Say, steps: StepTimes | None = None) -> PreparedRun:
    """Read the table and run PyCaret's setup on it. Every argument is checked, and nothing is written.

    Args:
        config: what was asked for.
        spark: session to read the table with; not needed for files and folders of this machine.
        say: called with messages for the user.
        steps: the steps of the run so far.

    Raises:
        ConfigError: an argument cannot be used, or no model is left to compare.
        SourceError: the table cannot be read or used.
    """
    steps = steps or StepTimes()
    with steps(READ):
        source = judged(load_source(config, spark), config)
    for line in first_lines(source, config):
        say(line)
    wanted = wanted_of(config, source, say)
    if source.task == "time_series":
        check_series(source.frame, config)
    n_rows, n_columns = source.frame.shape
    say(f"Setting up PyCaret on {n_rows:,} rows and {n_columns} columns of {source.name}.")
    with steps(IMPORT):
        import_log_without_file()  # before anything else of PyCaret
        import_experiments(source.task)
        from bakeoff.job.blending import unkept_note
        from bakeoff.job.setup_findings import with_findings
        from bakeoff.job.trial_limits import trial_limits
    with steps(SET_UP):
        experiment = _experiment(config, source)
    params: dict[str, Any] = {
        "include": list(config.include) or None,
        "exclude": list(config.exclude) or None,
        "sort": LOG_LOSS if is_log_loss(config.sort) else config.sort or default_sort(experiment),
        "n_select": config.n_select,
        "budget_time": config.budget_minutes,
        "verbose": False,
    }
    request = _request(config, experiment, params)
    n_told = len(source.notes)
    source = with_findings(source, config.target, experiment, request)
    for note in source.notes[n_told:]:
        say(note)
    limits = trial_limits(config, experiment, request)
    if limits.note:
        say(limits.note)
    if unkept := unkept_note(config, experiment, request):
        say(unkept)
    return PreparedRun(source, experiment, params, limits, wanted, steps)


def _experiment(config: RunConfig, source: SourceTable) -> Any:
    """Return PyCaret's experiment of a table, set up."""
    inside = source.preparation.inside
    share = {"train_size": 1 - config.holdout} if config.holdout and source.n_held is None else {}
    experiment = set_up(
        source.task,
        inside(source.frame),
        inside(config.target),
        seed=config.seed,
        fold=config.fold,
        fh=config.fh,
        n_held=source.n_held,
        arguments={**inside(source.setup), **share},
    )
    if source.task == "classification" and is_log_loss(config.sort):
        add_log_loss(experiment)
    return experiment


def _request(config: RunConfig, experiment: Any, params: Mapping[str, Any]) -> Request:
    """Return what is to be compared; a mistake in it is the user's.

    Raises:
        ConfigError: an argument cannot be used, or no model is left to compare.
    """
    from bakeoff.pycaret3.request import read_request
    from bakeoff.pycaret3.search_spaces import check_tunable, search_spaces

    try:
        request = read_request(experiment, params, config.portfolio)
    except (ValueError, TypeError) as error:
        raise ConfigError(str(error)) from error
    if not request.models:
        raise ConfigError("No model is left to compare: name other models in --include or --exclude.")
    if config.tune:
        check_tunable(request, search_spaces(experiment, request))
    if not config.include and (missing := missing_boosters(experiment)):
        _LOG.info("Not compared, since not installed: %s (the extra 'boost' has them).", ", ".join(missing))
    return request


def compare(context: RunContext, listeners: Sequence[Listener], interruption: Interruption) -> RunResult:
    """Run the comparison and write its results, also if it ends early.

    Args:
        context: the run.
        listeners: called with the events of the comparison.
        interruption: whether a signal has asked the run to end.

    Raises:
        NoModelSurvivedError: every model failed.
        RunInterruptedError: a signal ended the run.
        RunConflictError: another process has taken the run over.
        EngineLostError: the session, its workers or a disk are gone.
    """
    from bakeoff.fugue_backend import FugueBackend
    from bakeoff.job.blending import with_blend, with_holdout
    from bakeoff.job.prediction_table import with_predictions

    config, outputs, steps = context.config, context.outputs, context.steps
    backend = FugueBackend.with_store(
        outputs.store,
        RunControl(config.run_id, interruption, LISTENER_SECONDS),
        outputs.predictions,
        keep_predictions="yes" if config.keep_predictions == "table" else config.keep_predictions,
        blend=config.blend,
        fit_tied=config.holdout is not None or context.prepared.source.n_held is not None,
        engine=context.ground.engine,
        payload_dir=config.payload_dir,
        batch_size=config.batch_size,
        listeners=[*outputs.listeners, *listeners],
        race=config.race,
        portfolio=config.portfolio,
        tune=config.tune,
        tune_minutes=config.tune_minutes,
        **context.prepared.limits.options,
    )
    try:
        with steps(COMPARE):
            models = context.prepared.experiment.compare_models(**context.prepared.params, parallel=backend)
        steps.announce = partial(_announce, listeners)
        outputs.hold.check()
        comparison = with_blend(Comparison.of(backend, models), backend, config.blend)
        comparison = with_holdout(comparison, backend, context.prepared.experiment)
        comparison = with_decision(comparison, backend, context.prepared)
        result = finish(context, with_predictions(context, comparison, backend))
    except RunConflictError:
        raise
    except BaseException as error:
        if lost := context.ground.lost(error, config.home):
            leave_open(context)
            reason = f"Run {config.run_id} was interrupted. {lost.reason}"
            raise type(lost)(reason, still_open(context, backend)) from None
        close_early(context, RunStatus.of_error(error))
        raise
    if result.status is not RunStatus.FINISHED:
        for problem in result.problems:
            _LOG.warning("%s", problem)
    if result.status is RunStatus.KILLED:
        raise interruption.error(config.run_id, result.leaderboard, context.resume_command)
    if result.status is RunStatus.FAILED:
        raise NoModelSurvivedError(_no_model(result))
    return result


def _announce(listeners: Sequence[Listener], name: str) -> None:
    """Tell listeners which step of the run has begun after the comparison; what they make of it never ends the run."""
    for listener in listeners:
        try:
            listener.handle(StepBegan(name))
        except Exception as error:  # noqa: BLE001 - a listener may fail in any way
            _LOG.info("%s could not handle a step: %s", type(listener).__name__, error)


def _no_model(result: RunResult) -> str:
    """Return the sentence about a run in which every model failed."""
    first = result.leaderboard.failures[0]
    return (
        f"None of the {len(result.leaderboard.rows)} models survived; the first failure was {first.model_id} on fold "
        f"{first.fold}: {first.error_type}: {first.error_message}. "
        "The view `failures` holds all of them."
    )


@contextmanager
def closing_hold(outputs: RunOutputs) -> Iterator[None]:
    """Release the run to other processes when the block ends, with or without an error."""
    try:
        yield
    finally:
        outputs.predictions.close()
        outputs.hold.release()
