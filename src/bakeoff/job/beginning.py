"""A run as it is known at its beginning: its row in the tables, and its head in MLflow."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from bakeoff._utils.platform import on_databricks
from bakeoff._utils.redaction import redact, secrets_in
from bakeoff.config import RunConfig
from bakeoff.job.ground import EngineChoice, Ground
from bakeoff.job.provenance import git_commit, versions
from bakeoff.source import SourceTable
from bakeoff.storage.lease import Holder
from bakeoff.storage.rows import RunRecord
from bakeoff.storage.run_status import RunStatus

if TYPE_CHECKING:
    from bakeoff.tracking.entities import DatasetInfo
    from bakeoff.tracking.outbox import Head

_LONG = 8
"""Least length of a secret in the environment; shorter values are more often words."""
_LOGGED = (
    "source", "target", "task", "include", "exclude", "sort", "fold", "n_select", "batch_size", "budget_minutes",
    "seed", "setup", "max_rows", "time_col", "fh", "keep_predictions", "blend", "holdout", "tune", "tune_minutes",
    "threshold", "calibrate", "split_time", "split_col",
)  # fmt: skip


def first_record(
    config: RunConfig, source: SourceTable, choice: EngineChoice, holder: Holder, began: float
) -> RunRecord:
    """Return the row of a run that begins.

    Args:
        config: what was asked for.
        source: the table to compare on.
        choice: the engine, and why.
        holder: this process.
        began: when the first attempt of the run was started, in seconds since the epoch.
    """
    n_rows, n_columns = source.frame.shape
    return RunRecord(
        run_id=config.run_id,
        status=RunStatus.RUNNING,
        task_type=source.task,
        source=source.name,
        source_version=source.version,
        data_digest=source.digest,
        target=config.target,
        n_rows=n_rows,
        n_columns=n_columns,
        engine=choice.sentence,
        config=config.to_json(),
        versions=versions(),
        git_commit=git_commit(),
        started_at=began,
        holder=holder.to_json(),
        heartbeat_at=holder.beat,
    )


def head_of(config: RunConfig, source: SourceTable, record: RunRecord, ground: Ground) -> Head:
    """Return the description of a run that MLflow gets first.

    Args:
        config: what was asked for.
        source: the table to compare on.
        record: the row of the run.
        ground: what it stands on; on Databricks its session knows the user.
    """
    from bakeoff.tracking.client import context_tags, experiment_location
    from bakeoff.tracking.outbox import Head

    return Head(
        config.run_id,
        config.experiment or _default_experiment(ground),
        params={name: str(value) for name, value in _logged_options(config).items()},
        tags={
            **context_tags(),
            "source": source.name,
            "source_version": source.version or "",
            "source_fraction": f"{source.fraction:.6g}",
            "source_findings": str(len(source.findings)),
            "git_commit": record.git_commit or "",
            "engine": ground.choice.sentence,
        },
        dataset=_dataset(source),
        artifact_location=experiment_location(config.home),
        started_at=record.started_at,
        catalog=config.catalog,
        schema=config.schema,
    )


def secrets_of(config: RunConfig) -> frozenset[str]:
    """Return the secrets in the options and in the environment."""
    environment = {value for value in secrets_in(dict(os.environ)) if len(value) >= _LONG and not value.startswith("/")}
    return secrets_in({"source": config.source, "setup": config.setup}) | environment


def _logged_options(config: RunConfig) -> dict[str, Any]:
    """Return the options that were given and are logged as parameters, by name."""
    options = {name: getattr(config, name) for name in _LOGGED}
    return {
        name: redact(value)
        for name, value in options.items()
        if value not in (None, (), {}) and (name != "tune" or value)
    }


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


def _default_experiment(ground: Ground) -> str:
    """Return the default experiment: ``bakeoff``; on Databricks, where experiments have paths, in the user's folder."""
    if not on_databricks() or ground.spark is None:
        return "bakeoff"
    return f"/Users/{ground.spark.sql('SELECT current_user()').first()[0]}/bakeoff"
