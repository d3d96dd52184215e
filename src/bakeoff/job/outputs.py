"""The outputs of a run: result tables, journal and MLflow, checked and opened."""

from __future__ import annotations

import importlib
import json
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff._utils.disk import disk_trouble
from bakeoff._utils.platform import on_databricks
from bakeoff._utils.redaction import redact, redact_text, secrets_in
from bakeoff.comparison.losses import lost_with_the_ground
from bakeoff.comparison.trial import Outcome, Status
from bakeoff.config import RunConfig
from bakeoff.errors import ClusterError, ConfigError, RunConflictError, StorageError, StorageLostError, UserError
from bakeoff.job.provenance import git_commit, versions
from bakeoff.source import SourceTable
from bakeoff.spark.kind import is_connect
from bakeoff.spark.liveness import SessionWatch
from bakeoff.storage.claims import Hold, claim_run
from bakeoff.storage.disk import check_folder, check_local_folders
from bakeoff.storage.history import start_looking
from bakeoff.storage.journal import Journal
from bakeoff.storage.lease import Lease, holder_of
from bakeoff.storage.location import ResultsLocation, place_options, run_folder
from bakeoff.storage.result_tables import ComparedTable, ResultTables
from bakeoff.storage.rows import RunRecord
from bakeoff.storage.run_file import NAME, read_run_file, write_run_file
from bakeoff.storage.spark_tables import SparkTables
from bakeoff.storage.table_errors import check_logs, table_trouble
from bakeoff.tracking.database import check_tracking

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from bakeoff.storage.table_listener import TableListener
    from bakeoff.tracking.entities import DatasetInfo
    from bakeoff.tracking.mlflow_listener import MlflowListener


_LONG = 8
"""Least length of a secret in the environment; shorter values are more often words."""


@dataclass(frozen=True)
class RunOutputs:
    """Outputs of a run, opened and known to be writable.

    Attributes:
        record: the row of the run.
        tables: the result tables.
        live: listener that writes to the tables.
        tracking: listener that logs to MLflow.
        hold: right of this process to work on the run, until it is released.
        keep: writes an outcome to the journal.
        done: outcomes of earlier attempts that need not run again.
        known_seconds: seconds of a trial by model id; filled once they were read from earlier runs of the same table.
        secrets: values to redact in messages.
    """

    record: RunRecord
    tables: ResultTables
    live: TableListener
    tracking: MlflowListener
    hold: Hold
    keep: Callable[[Outcome], None]
    done: tuple[Outcome, ...]
    known_seconds: Mapping[str, float]
    secrets: frozenset[str] = frozenset()

    @property
    def mlflow_url(self) -> str | None:
        """Address of the run's page in MLflow; ``None`` if there is none, or if MLflow has not answered yet."""
        url = self.tracking.tracked.url if self.tracking.tracked else None
        return redact_text(url) if url else None


def open_outputs(config: RunConfig, spark: SparkSession, source: SourceTable, say: Callable[[str], None]) -> RunOutputs:
    """Check that the results can be written, and open the outputs.

    Args:
        config: what was asked for.
        spark: session for the tables.
        source: the table to compare on.
        say: called with messages for the user.

    Raises:
        ClusterError: the job cannot run on a session of this kind.
        ConfigError: the options do not name a usable output.
        RunConflictError: the run id belongs to a different question, or another process works on it.
        StorageError: a folder cannot be written to.
        TablesError: the tables cannot be created or written.
        TrackingError: MLflow cannot be used.
    """
    if is_connect(spark) and config.engine == "spark":
        raise ClusterError(
            "The job needs a classic Spark session and this one is Spark Connect: use a cluster in dedicated access "
            "mode, --engine native to fit every model on the driver, or compare_models(parallel=FugueBackend(spark))."
        )
    if config.register_model and source.task == "time_series" and on_databricks():
        _refuse_unsigned(config.register_model)
    tables = SparkTables(spark, table_target(config))
    tables.check()
    lease = Lease.take(run_folder(config.home, config.run_id), config.run_id, say)
    try:
        return _open_held(config, tables, source, say, lease)
    except BaseException:
        lease.release()
        raise


def refuse_if_held(home: Path, run_id: str) -> None:
    """Check early, before Spark is started, that no process of this machine works on a run.

    Raises:
        RunConflictError: a process works on it.
    """
    holder = holder_of(run_folder(home, run_id))
    if holder is not None and holder.is_here:
        raise holder.conflict(run_id)


def _open_held(
    config: RunConfig, tables: SparkTables, source: SourceTable, say: Callable[[str], None], lease: Lease
) -> RunOutputs:
    """Open the outputs of a run whose lease this process holds."""
    from bakeoff.storage.table_listener import TableListener
    from bakeoff.tracking.client import context_tags, experiment_location
    from bakeoff.tracking.mlflow_listener import open_mlflow_listener
    from bakeoff.tracking.outbox import Head

    folder = run_folder(config.home, config.run_id)
    earlier = check_same_question(config, tables, source)
    config.use_name()
    with _importing("mlflow"):
        tables.create()
    known_seconds = start_looking(tables, ComparedTable(source.name, config.target, source.task, source.frame.shape[0]))
    commit = git_commit()
    began = earlier or time.time()
    head = Head(
        config.run_id,
        config.experiment or _default_experiment(tables.spark),
        params={name: str(value) for name, value in _logged_options(config).items()},
        tags={
            **context_tags(),
            "source": source.name,
            "source_version": source.version or "",
            "source_fraction": f"{source.fraction:.6g}",
            "source_findings": str(len(source.findings)),
            "git_commit": commit or "",
        },
        dataset=_dataset(source),
        artifact_location=experiment_location(config.home),
        started_at=began,
        catalog=config.catalog,
        schema=config.schema,
    )
    record = RunRecord(
        run_id=config.run_id,
        status="running",
        task_type=source.task,
        source=source.name,
        source_version=source.version,
        data_digest=source.digest,
        target=config.target,
        n_rows=source.frame.shape[0],
        n_columns=source.frame.shape[1],
        config=config.to_json(),
        versions=versions(),
        git_commit=commit,
        started_at=began,
        holder=lease.holder.to_json(),
        heartbeat_at=lease.holder.beat,
    )
    # From here on the run can be resumed, even if it is cut off before its row is in the table.
    write_run_file(folder, record)
    claim = None
    try:
        claim = claim_run(tables, record, lease.holder, say) if tables.location.in_metastore else None
        tracking = open_mlflow_listener(config.home, head, say)
    except UserError:
        if claim:
            claim.give_back(forget=earlier is None)
        if earlier is None:
            (folder / NAME).unlink()
        raise
    hold = Hold(lease, claim)
    record = replace(record, **tracking.ids)
    with ExitStack() as undo:
        undo.callback(hold.release)
        journal = Journal(folder / "journal")
        written = journal.read()
        entered = bool(earlier is not None or claim or written)
        stored = tables.trials(config.run_id) if entered else []
        done = _finished_before(config.run_id, [*stored, *written], say)
        live = TableListener(tables, record, journal, entered=entered, check=hold.check)
        session = SessionWatch(tables.spark)
        undo.pop_all()

    def keep(outcome: Outcome) -> None:
        hold.check()
        journal.append(outcome)
        session.check()

    return RunOutputs(record, tables, live, tracking, hold, keep, done, known_seconds, secrets_of(config))


def _finished_before(run_id: str, outcomes: Sequence[Outcome], say: Callable[[str], None]) -> tuple[Outcome, ...]:
    """Return the outcomes of earlier attempts, given the oldest first, that need not run again."""
    # A trial that was cancelled in one attempt and finished in another is finished, in the table or in the journal.
    ended = {outcome.trial: outcome for outcome in outcomes if outcome.status is not Status.CANCELLED}
    lost = lost_with_the_ground(tuple(ended.values()))
    done = tuple(outcome for trial, outcome in ended.items() if trial not in lost)
    if lost:
        say(f"Run {run_id}: {len(lost)} trials were lost because what they ran on was gone, and run again.")
    if done:
        say(f"Run {run_id} goes on: {len(done)} of its trials are finished already.")
    return done


def check_ground(config: RunConfig) -> None:
    """Check, before anything is computed, that the results of a run can be written.

    Raises:
        ConfigError: No location of the tables is named, on Databricks.
        StorageError: A folder cannot be written to, or its disk is full.
        TrackingError: MLflow's database cannot be used.
        TablesError: An existing table is broken.
    """
    check_folder(config.home)
    check_local_folders()
    check_tracking(config.home)
    check_logs(table_target(config))


@contextmanager
def explaining(config: RunConfig) -> Iterator[None]:
    """Turn errors of a disk or a table into one sentence: what is wrong, what is safe, and how the run goes on.

    Raises:
        StorageLostError: A disk failed.
        TablesError: A table is broken.
    """
    try:
        yield
    except StorageError:
        raise
    except Exception as error:
        target = table_target(config)
        again = f"`bakeoff resume {config.run_id}{place_options(target, config.home)}`"
        if trouble := disk_trouble(error, config.home):
            raise StorageLostError(
                f"{trouble}, and run {config.run_id} is interrupted",
                f"what has finished is safe in {run_folder(config.home, config.run_id)}. When that is put right, "
                f"{again} goes on.",
            ) from error
        if broken := table_trouble(error, target):
            raise broken from error
        raise


def secrets_of(config: RunConfig) -> frozenset[str]:
    """Return the secrets in the options and in the environment."""
    environment = {value for value in secrets_in(dict(os.environ)) if len(value) >= _LONG and not value.startswith("/")}
    return secrets_in({"source": config.source, "setup": config.setup}) | environment


def table_target(config: RunConfig) -> ResultsLocation:
    """Return the location of a run's tables.

    Raises:
        ConfigError: no schema is named, on Databricks.
    """
    if on_databricks() and not config.schema:
        raise ConfigError("On Databricks the tables need a place: name it with --schema (and --catalog).")
    return ResultsLocation.at(config.home, config.catalog, config.schema)


def check_same_question(config: RunConfig, tables: ResultTables, source: SourceTable) -> float | None:
    """Check that an earlier run with the same id, if any, was asked the same question.

    Returns:
        When the earlier run was started, in seconds since the epoch; ``None`` if there is no earlier run.

    Raises:
        RunConflictError: the run with this id was asked something else, or was made from other rows.
    """
    if not config.is_named:
        return None
    run = tables.run(config.run_id) or read_run_file(run_folder(config.home, config.run_id))
    if run is None:
        return None
    if run.config is None or RunConfig.from_sources(json.loads(run.config)).digest() != config.digest():
        raise RunConflictError(
            f"Run {config.run_id} is there already and asked something else: choose another --run-id."
        )
    if run.data_digest != source.digest:
        raise RunConflictError(
            f"Run {config.run_id} was made from other rows than {source.name} has now: choose another --run-id."
        )
    return run.started_at if run.started_at is not None else time.time()


def _refuse_unsigned(name: str) -> None:
    """Refuse to register a forecaster, which has no signature, in Unity Catalog.

    Raises:
        ConfigError: the name is one of Unity Catalog.
    """
    from bakeoff.tracking.client import in_unity_catalog

    if in_unity_catalog(name):
        raise ConfigError(
            "Unity Catalog takes no model without a signature, and a forecaster has none: leave out --register-model "
            f"{name}, or name a model of the workspace's own registry."
        )


@contextmanager
def _importing(module: str) -> Iterator[None]:
    """Import a heavy module on a thread while the block waits for Java."""
    thread = threading.Thread(target=importlib.import_module, args=(module,), name=f"bakeoff-import-{module}")
    thread.start()
    try:
        yield
    finally:
        thread.join()


_LOGGED = (
    "source", "target", "task", "include", "exclude", "sort", "fold", "n_select", "batch_size", "budget_minutes",
    "seed", "setup", "max_rows", "time_col", "fh",
)  # fmt: skip


def _logged_options(config: RunConfig) -> dict[str, Any]:
    """Return the options that were given and are logged as parameters, by name."""
    options = {name: getattr(config, name) for name in _LOGGED}
    return {name: redact(value) for name, value in options.items() if value not in (None, (), {})}


def _dataset(source: SourceTable) -> DatasetInfo:
    from bakeoff.tracking.entities import DatasetInfo

    rows, columns = source.frame.shape
    return DatasetInfo(
        name=os.path.basename(source.name.rstrip("/")),  # noqa: PTH119 - a table's name is no path
        digest=source.digest,
        source=source.name,
        source_type="delta_table" if source.kind == "table" else "local",
        profile=json.dumps({"num_rows": rows, "num_elements": rows * columns, "fraction": source.fraction}),
    )


def _default_experiment(spark: SparkSession) -> str:
    """Return the default experiment: ``bakeoff``; on Databricks, where experiments have paths, in the user's folder."""
    if not on_databricks():
        return "bakeoff"
    return f"/Users/{spark.sql('SELECT current_user()').first()[0]}/bakeoff"


def redact_outcome(outcome: Outcome, known: Collection[str] = ()) -> Outcome:
    """Return the outcome with secrets redacted in its messages and its traceback.

    Args:
        outcome: the outcome of a trial.
        known: secrets to redact besides those that are recognised by their form.
    """
    if outcome.error_message is None and outcome.traceback is None and not outcome.metric_errors:
        return outcome
    return replace(
        outcome,
        metric_errors=redact(outcome.metric_errors, known),
        error_message=redact(outcome.error_message, known),
        traceback=redact(outcome.traceback, known),
    )
