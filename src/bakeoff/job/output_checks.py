"""Checks of a run's outputs before anything is computed or written."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from bakeoff._utils.platform import on_databricks
from bakeoff.config import RunConfig
from bakeoff.errors import ConfigError, RunConflictError
from bakeoff.job.ground_request import GroundRequest
from bakeoff.source import SourceTable
from bakeoff.storage.disk import check_folder, check_local_folders
from bakeoff.storage.lease import holder_of
from bakeoff.storage.location import ResultsLocation, run_folder
from bakeoff.storage.result_tables import ResultTables
from bakeoff.storage.run_file import read_run_file
from bakeoff.storage.table_errors import check_logs
from bakeoff.tracking.database import check_tracking


def table_target(config: RunConfig | GroundRequest) -> ResultsLocation:
    """Return the location of a run's tables.

    Raises:
        ConfigError: no schema is named, on Databricks.
    """
    if on_databricks() and not config.schema:
        raise ConfigError("On Databricks the tables need a place: name it with --schema (and --catalog).")
    return ResultsLocation.at(config.home, config.catalog, config.schema)


def refuse_if_held(home: Path, run_id: str) -> None:
    """Check early, before Spark is started, that no process of this machine works on a run.

    Raises:
        RunConflictError: a process works on it.
    """
    holder = holder_of(run_folder(home, run_id))
    if holder is not None and holder.is_here:
        raise holder.conflict(run_id)


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


def check_outputs(config: RunConfig, tables: ResultTables, source: SourceTable) -> None:
    """Check, once the ground and the table to compare on are there, that the results of a run can be written.

    Raises:
        ConfigError: the experiment or the registered model cannot have its name.
        StorageError: the folder of the tables cannot be written to.
        TablesError: the tables cannot be created.
    """
    if on_databricks():
        check_names(config, source.task)
    tables.check()


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


def check_names(config: RunConfig, task: str) -> None:
    """Refuse names that Databricks' MLflow would refuse once everything else has been done.

    Raises:
        ConfigError: the experiment has no path, or the registry takes no model of this name.
    """
    import mlflow

    from bakeoff.tracking.client import in_unity_catalog

    experiment, name = config.experiment or "/", config.register_model
    if not experiment.startswith("/") and mlflow.get_tracking_uri().startswith("databricks"):
        raise ConfigError(
            f"--experiment {experiment!r} needs a path on Databricks: use /Shared/{experiment} or a folder of yours."
        )
    if name is None:
        return
    if not in_unity_catalog(name):
        if mlflow.get_registry_uri().startswith("databricks-uc"):
            raise ConfigError(
                f"--register-model {name!r} has no catalog and no schema, which the registry of this workspace needs: "
                f"use catalog.schema.{name.replace('.', '_')}."
            )
        return
    if re.search(r"\s", name) or not all(name.split(".")):
        raise ConfigError(
            f"--register-model {name!r} is no name of Unity Catalog: use catalog.schema.name, without blanks."
        )
    if task == "time_series":
        raise ConfigError(
            "Unity Catalog takes no model without a signature, and a forecaster has none: leave out --register-model "
            f"{name}, or name a model of the workspace's own registry."
        )
