"""Where a run is written to: checked first, then made, then opened."""

from __future__ import annotations

import importlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bakeoff.comparison.trial import Outcome, Status
from bakeoff.config import RunConfig
from bakeoff.disk import check_folder, check_local_folders, disk_trouble
from bakeoff.errors import StorageError, StorageLostError, UserError
from bakeoff.provenance import git_commit, versions
from bakeoff.redaction import redact, redact_text, secrets_in
from bakeoff.results.table_errors import check_logs, table_trouble
from bakeoff.results.target import TableTarget
from bakeoff.results.tracking_database import check_tracking
from bakeoff.session import is_connect, on_databricks
from bakeoff.source import SourceTable
from bakeoff.stored import run_folder
from bakeoff.view import place_options

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from bakeoff.results.entries import DatasetInfo
    from bakeoff.results.live_tables import LiveTables
    from bakeoff.results.rows import RunRecord
    from bakeoff.results.side_channel import SideChannel


_LONG = 8
"""Shorter values in the environment are more often words than secrets."""


@dataclass(frozen=True)
class Places:
    """Where a run is written to, opened and known to be writable.

    Attributes:
        known_seconds: of a trial, by model id, as soon as it is known from earlier runs of the same table.
    """

    record: RunRecord
    tables: TableTarget
    live: LiveTables
    tracking: SideChannel
    keep: Callable[[Outcome], None]
    done: tuple[Outcome, ...]
    known_seconds: Mapping[str, float]
    secrets: frozenset[str] = frozenset()

    @property
    def mlflow_url(self) -> str | None:
        """Of the run's page in MLflow, where it has one and MLflow has answered."""
        url = self.tracking.tracked.url if self.tracking.tracked else None
        return redact_text(url) if url else None


def open_places(config: RunConfig, spark: SparkSession, source: SourceTable, say: Callable[[str], None]) -> Places:
    """Make sure that the results can be written, and open what they are written to.

    Raises:
        UserError: they cannot, or there is a run of that name which asked something else.
    """
    from bakeoff.results import tables
    from bakeoff.results.history import start_looking
    from bakeoff.results.journal import Journal
    from bakeoff.results.live_tables import LiveTables
    from bakeoff.results.rows import RunRecord
    from bakeoff.results.side_channel import open_side_channel
    from bakeoff.results.spool import Head
    from bakeoff.results.store import context_tags, experiment_location

    if is_connect(spark) and config.engine == "spark":
        raise UserError(
            "The job needs a classic Spark session and this one is Spark Connect: use a cluster in dedicated access "
            "mode, --engine native to fit every model on the driver, or compare_models(parallel=FugueBackend(spark))."
        )
    if config.register_model and source.task == "time_series" and on_databricks():
        _refuse_unsigned(config.register_model)
    target = table_target(config)
    tables.check_writable(spark, target)
    earlier = check_same_question(config, spark, target, source)
    config.use_name()
    with _importing("mlflow"):
        tables.ensure_tables(spark, target)
    known_seconds = start_looking(spark, target, source.name, config.target, source.task, source.frame.shape[0])
    commit = git_commit()
    began = earlier or time.time()
    head = Head(
        config.run_id,
        config.experiment or _default_experiment(spark),
        params={name: str(value) for name, value in _asked(config).items()},
        tags={
            **context_tags(),
            "source": source.name,
            "source_version": source.version or "",
            "source_fraction": f"{source.fraction:.6g}",
            "git_commit": commit or "",
        },
        dataset=_dataset(source),
        artifact_location=experiment_location(config.home),
        started_at=began,
        catalog=config.catalog,
        schema=config.schema,
    )
    tracking = open_side_channel(config.home, head, say)
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
        **tracking.ids,
        config=config.to_json(),
        versions=versions(),
        git_commit=commit,
        started_at=began,
    )
    journal = Journal(run_folder(config.home, config.run_id) / "journal")
    stored = tables.read_trials(spark, target, config.run_id) if earlier else []
    # A trial that was cancelled in one attempt and finished in another is finished, wherever that is written.
    ended = [outcome for outcome in [*stored, *journal.read()] if outcome.status is not Status.CANCELLED]
    done = tuple({outcome.trial: outcome for outcome in ended}.values())
    if done:
        say(f"Run {config.run_id} goes on: {len(done)} of its trials are finished already.")
    live = LiveTables(spark, target, record, journal, entered=earlier is not None)
    return Places(record, target, live, tracking, journal.append, done, known_seconds, secrets_of(config))


def check_ground(config: RunConfig) -> None:
    """Find out, before anything is computed, whether there is a place and room for the results of a run.

    Raises:
        StorageError: A folder cannot be written to, or its disk is full.
        TrackingError: MLflow's database cannot be used.
        TablesError: A table that is there is broken.
    """
    check_folder(config.home)
    check_local_folders()
    check_tracking(config.home)
    check_logs(table_target(config))


@contextmanager
def explaining(config: RunConfig) -> Iterator[None]:
    """Say in one sentence what is wrong with a disk or a table, what is safe, and how the run goes on.

    Raises:
        StorageLostError: A disk gave out.
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
                f"{trouble}, and run {config.run_id} is interrupted: what has finished is safe in "
                f"{run_folder(config.home, config.run_id)}. When that is put right, {again} goes on."
            ) from error
        if broken := table_trouble(error, target):
            raise broken from error
        raise


def secrets_of(config: RunConfig) -> frozenset[str]:
    """What was asked that nobody should read, and what the environment holds of that kind."""
    environment = {value for value in secrets_in(dict(os.environ)) if len(value) >= _LONG and not value.startswith("/")}
    return secrets_in({"source": config.source, "setup": config.setup}) | environment


def table_target(config: RunConfig) -> TableTarget:
    """Where the tables of a run go.

    Raises:
        UserError: on Databricks, when no schema is named.
    """
    if on_databricks() and not config.schema:
        raise UserError("On Databricks the tables need a place: name it with --schema (and --catalog).")
    return TableTarget.at(config.home, config.catalog, config.schema)


def check_same_question(
    config: RunConfig, spark: SparkSession, target: TableTarget, source: SourceTable
) -> float | None:
    """When the run was started, where it is the continuation of one that is in the tables.

    Raises:
        UserError: there is a run of that name which asked something else.
    """
    from bakeoff.results.tables import exists, frame

    if not config.is_named or not exists(spark, target, "runs"):
        return None
    mine = frame(spark, target, "runs").where(f"run_id = '{config.run_id}'")
    rows = mine.selectExpr("config", "data_digest", "unix_micros(started_at) AS started").collect()
    if not rows:
        return None
    if rows[0].config is None or RunConfig.from_sources(json.loads(rows[0].config)).digest() != config.digest():
        raise UserError(f"Run {config.run_id} is there already and asked something else: choose another --run-id.")
    if rows[0].data_digest != source.digest:
        raise UserError(
            f"Run {config.run_id} was made from other rows than {source.name} has now: choose another --run-id."
        )
    return float(rows[0].started) / 1e6 if rows[0].started is not None else None


def _refuse_unsigned(name: str) -> None:
    from bakeoff.results.store import in_unity_catalog

    if in_unity_catalog(name):
        raise UserError(
            "Unity Catalog takes no model without a signature, and a forecaster has none: leave out --register-model "
            f"{name}, or name a model of the workspace's own registry."
        )


@contextmanager
def _importing(module: str) -> Iterator[None]:
    """Import a heavy module on a thread while Java is at work."""
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


def _asked(config: RunConfig) -> dict[str, Any]:
    """What is logged as parameters: what was asked for, by the name of its option."""
    asked = {name: getattr(config, name) for name in _LOGGED}
    return {name: redact(value) for name, value in asked.items() if value not in (None, (), {})}


def _dataset(source: SourceTable) -> DatasetInfo:
    from bakeoff.results.entries import DatasetInfo

    rows, columns = source.frame.shape
    return DatasetInfo(
        name=os.path.basename(source.name.rstrip("/")),  # noqa: PTH119 - a table's name is no path
        digest=source.digest,
        source=source.name,
        source_type="delta_table" if source.kind == "table" else "local",
        profile=json.dumps({"num_rows": rows, "num_elements": rows * columns, "fraction": source.fraction}),
    )


def _default_experiment(spark: SparkSession) -> str:
    """``bakeoff``; on Databricks, where an experiment has a path, under the user's folder."""
    if not on_databricks():
        return "bakeoff"
    return f"/Users/{spark.sql('SELECT current_user()').first()[0]}/bakeoff"
