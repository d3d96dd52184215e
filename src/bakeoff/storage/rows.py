"""Conversion between the core's values and the rows of the tables.

A row is a dictionary by column name. NaN and infinities become NULL, inside of the maps too, because Spark sorts NaN
above every number and it would win every ``ORDER BY ... DESC``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta, timezone
from typing import Any

from bakeoff.comparison.leaderboard import Row
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Outcome, Status, finite

_NOT_OF_BLENDS = {"run_id", "primary_metric", "mlflow_run_id", "finished_at"}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
BEST_MODEL = "model"
"""Name under which the best model of a run is logged in MLflow."""
TIMES = ("started_at", "finished_at", "heartbeat_at")
"""The points in time of a run."""


@dataclass(frozen=True)
class RunRecord:
    """A row of ``runs``: its columns, with times as seconds since the epoch and ``config`` as JSON."""

    run_id: str
    status: str
    task_type: str | None = None
    source: str | None = None
    source_version: str | None = None
    data_digest: str | None = None
    target: str | None = None
    n_rows: int | None = None
    n_columns: int | None = None
    n_folds: int | None = None
    primary_metric: str | None = None
    higher_is_better: bool | None = None
    n_models: int | None = None
    n_ok: int | None = None
    n_partial: int | None = None
    n_stopped: int | None = None
    n_failed: int | None = None
    best_model_id: str | None = None
    best_value: float | None = None
    slots: int | None = None
    wall_seconds: float | None = None
    ideal_seconds: float | None = None
    mlflow_experiment_id: str | None = None
    mlflow_run_id: str | None = None
    promotion: str | None = None
    engine: str | None = None
    config: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    git_commit: str | None = None
    started_at: float | None = None
    finished_at: float | None = None
    holder: str | None = None
    heartbeat_at: float | None = None
    blend: str | None = None
    tuning: str | None = None

    @property
    def model_uri(self) -> str | None:
        """URI of the best model in MLflow; ``None`` if there is no model, or if MLflow's run is unknown."""
        return f"runs:/{self.mlflow_run_id}/{BEST_MODEL}" if self.best_model_id and self.mlflow_run_id else None


def run_row(run: RunRecord) -> dict[str, Any]:
    """Return the row of a run."""
    row = {item.name: getattr(run, item.name) for item in fields(run)}
    numbers = {name: finite(row[name]) for name in ("best_value", "wall_seconds", "ideal_seconds")}
    times = {name: to_timestamp(row[name]) for name in TIMES}
    return {**row, **numbers, **times, "status": str(run.status), "versions": dict(run.versions)}


def run_of(row: Mapping[str, Any]) -> RunRecord:
    """Return the record of a row of ``runs``; what a table of an earlier version does not have is ``None``.

    As for `outcome_of`, the row has its times in microseconds, too.
    """
    values: dict[str, Any] = {item.name: row.get(item.name) for item in fields(RunRecord)}
    times = {name: (row.get(f"{name}_micros") or 0) / 1e6 or None for name in TIMES}
    return RunRecord(**{**values, **times, "versions": row["versions"] or {}})


def trial_row(run_id: str, plan: Plan, outcome: Outcome) -> dict[str, Any]:
    """Return the row of a trial."""
    return {
        "run_id": run_id,
        "model_id": outcome.model_id,
        "fold": outcome.fold,
        "batch_id": plan.batch_of[outcome.model_id],
        "model_name": plan.name_of[outcome.model_id],
        "status": str(outcome.status),
        "metrics": _finite_values(outcome.metrics),
        "metric_errors": {key: _text(value) for key, value in outcome.metric_errors.items()},
        "fit_seconds": _seconds(outcome.fit_seconds),
        "score_seconds": _seconds(outcome.score_seconds),
        "host": outcome.host,
        "attempt": outcome.attempt,
        "error_type": _text(outcome.error_type),
        "error_message": _text(outcome.error_message),
        "traceback": _text(outcome.traceback),
        "finished_at": to_timestamp(outcome.finished_at),
        "params": outcome.params,
    }


def leaderboard_row(run_id: str, row: Row, primary_metric: str, mlflow_run_id: str | None) -> dict[str, Any]:
    """Return the row of a ranked model."""
    return {
        "run_id": run_id,
        "model_id": row.model_id,
        "rank": row.rank,
        "tied_with_best": row.tied_with_best,
        "model_name": row.model_name,
        "status": row.status,
        "primary_metric": primary_metric,
        "primary_value": finite(row.primary_value),
        "metrics": _finite_values(row.means),
        "metrics_std": _finite_values(row.stds),
        "n_folds_ok": row.n_folds_ok,
        "fit_seconds": _seconds(row.fit_seconds),
        "params": row.params,
        "seconds_saved": _seconds(row.seconds_saved),
        "batch_id": row.batch_id,
        "error_type": _text(row.error_type),
        "error_message": _text(row.error_message),
        "mlflow_run_id": mlflow_run_id,
        "finished_at": to_timestamp(row.finished_at),
        "holdout_value": finite(row.holdout_value),
        "members": dict(row.members) or None,
    }


def blend_text(row: Row) -> str:
    """Return a blend beside the ranking as the JSON in ``runs``: the columns of ``leaderboard`` but for times."""
    values = leaderboard_row("", row, "", None)
    return json.dumps({name: value for name, value in values.items() if name not in _NOT_OF_BLENDS})


def outcome_of(row: Mapping[str, Any]) -> Outcome:
    """Return the outcome that a row of ``trials`` was made from; values that were not finite are NaN.

    The row has its time in microseconds, because Spark returns timestamps in the time zone of the session.
    """
    return Outcome(
        model_id=row["model_id"],
        fold=row["fold"],
        status=Status(row["status"]),
        metrics={key: math.nan if value is None else value for key, value in (row["metrics"] or {}).items()},
        metric_errors=row["metric_errors"] or {},
        fit_seconds=row["fit_seconds"],
        score_seconds=row["score_seconds"],
        host=row["host"] or "",
        attempt=row["attempt"],
        error_type=row["error_type"],
        error_message=row["error_message"],
        traceback=row["traceback"],
        finished_at=(row["finished_at_micros"] or 0) / 1e6,
        params=row.get("params"),  # tables of earlier versions do not have it
    )


def to_timestamp(seconds: float | None) -> datetime | None:
    """Convert seconds since the epoch to a point in time; ``None`` for 0.0, which means that a trial never ran.

    Example:
        >>> to_timestamp(1.5).isoformat(), to_timestamp(0.0)
        ('1970-01-01T00:00:01.500000+00:00', None)
    """
    return _EPOCH + timedelta(seconds=seconds) if seconds else None


def to_micros(moment: datetime) -> int:
    """Return the exact microseconds since the epoch.

    Example:
        >>> to_micros(to_timestamp(1.5))
        1500000
    """
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _finite_values(values: Mapping[str, float]) -> dict[str, float | None]:
    return {key: finite(value) for key, value in values.items()}


def _seconds(value: float) -> float:
    # A clock that was set back, or a lost trial without a time, must not make the tables refuse the whole segment.
    return max(finite(value) or 0.0, 0.0)


def _text(value: str | None) -> str | None:
    # File names in messages can hold lone surrogates, which Spark cannot encode.
    return None if value is None else value.encode("utf-8", "replace").decode("utf-8")
