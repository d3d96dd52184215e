"""Content of a run's MLflow runs: valid keys, bounded texts, metrics, tags and tables.

Nothing here calls MLflow. The limits are the smallest of all MLflow versions and servers in use, in bytes if a server
counts bytes.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric

from bakeoff.comparison.events import BatchDone
from bakeoff.comparison.leaderboard import COMPLETE, FAILED, PARTIAL, STOPPED, Leaderboard, Row, fold_values
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Outcome, Status

RUN_TAG, KIND_TAG, BATCH_TAG = "bakeoff.run_id", "bakeoff.kind", "bakeoff.batch_id"
MODEL_TAG, LOGGED_MODEL_TAG = "model_id", "bakeoff.model_id"
"""Tags that hold PyCaret's id of a model: of the model's run, and of the logged model itself."""
RUN_KIND, BATCH_KIND, MODEL_KIND = "run", "batch", "model"
FOLD_PREFIX, FOLDS_OK = "fold_", "n_folds_ok"
KEY_LIMIT, NAME_LIMIT, TAG_LIMIT, PARAM_LIMIT = 250, 250, 5_000, 6_000
_SCHEMA_LIMIT, _DIGEST_LIMIT = 65_535, 36
_ERROR_LIMIT = 1_000
_TOP = 5
_STATUSES = ("FINISHED", "FAILED", "KILLED")


@dataclass(frozen=True)
class DatasetInfo:
    """The training table, as MLflow shows it.

    Attributes:
        name: name of the table.
        digest: hash of its rows.
        source: a path, an address or a table's name; or the JSON text of an MLflow source of ``source_type``.
        source_type: MLflow's name for the kind of source.
        table_schema: JSON text in MLflow's form (``{"mlflow_colspec": [...]}``).
        profile: JSON text that describes the content (``{"num_rows": 569}``).
    """

    name: str
    digest: str
    source: str
    source_type: str = "local"
    table_schema: str | None = None
    profile: str | None = None

    def to_input(self) -> DatasetInput:
        """Return the entity that a client logs."""
        source = self.source if self.source.startswith("{") else json.dumps({"uri": self.source})
        schema = self.table_schema if self.table_schema and len(self.table_schema) <= _SCHEMA_LIMIT else None
        name, digest = self.name[:NAME_LIMIT], self.digest[:_DIGEST_LIMIT]
        data = Dataset(name, digest, self.source_type, source, schema, self.profile)
        return DatasetInput(data, [InputTag("mlflow.data.context", "training")])


@dataclass(frozen=True)
class ChildRun:
    """A complete run below another one (times in seconds since the epoch)."""

    name: str
    tags: Mapping[str, str]
    metrics: Sequence[Metric]
    started: float
    ended: float
    status: str


@dataclass(frozen=True)
class Story:
    """Text about a run for people: its name, the answer in a sentence, more lines of Markdown, and tags."""

    name: str
    answer: str
    more: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


def legal_key(name: str) -> str:
    """Convert a name to a key of a metric or parameter that is valid in every MLflow.

    Example:
        >>> legal_key("fold_TT (Sec)"), legal_key("R2"), legal_key("../a//b:c/")
        ('fold_TT _Sec_', 'R2', 'a/b_c')
    """
    clean = re.sub(r"[^A-Za-z0-9_\-. /]", "_", name)
    parts = [part for part in clean.split("/") if part not in {"", ".", ".."}]
    return "/".join(parts)[:KEY_LIMIT].rstrip("/") or "_"


def cut(value: object, limit: int) -> str:
    """Convert a value to text of at most ``limit`` bytes, without NUL characters, which databases refuse.

    Example:
        >>> cut("naïve", 3), cut(12, 3)
        ('na', '12')
    """
    text = str(value).replace("\x00", " ").encode(errors="replace")
    return text[:limit].decode(errors="ignore")


def one_line(value: object, limit: int = NAME_LIMIT) -> str:
    r"""Convert a value to one line of text, for names and tables.

    Example:
        >>> one_line("a\n  b")
        'a b'
    """
    return cut(" ".join(str(value).split()), limit) or "-"


def to_metrics(values: Mapping[str, float]) -> list[Metric]:
    """Return metric entities for the values that are finite."""
    return _entities((key, value, 0) for key, value in values.items())


def batch_run(event: BatchDone, plan: Plan | None) -> ChildRun:
    """Return the run of a batch, which is also the model's run if the batch is a single model."""
    batch, rows = event.batch, event.rows
    models = [_model_run(event, row) for row in rows]
    alone = models[0] if len(models) == 1 else None
    started, ended = _span(event)
    return ChildRun(
        name=alone.name if alone else one_line(f"batch {batch.id}: {', '.join(batch.model_ids)}"),
        tags={**(alone.tags if alone else {}), BATCH_TAG: str(batch.id), KIND_TAG: BATCH_KIND},
        metrics=[*_batch_metrics(event, plan), *(alone.metrics if alone else ())],
        started=started,
        ended=ended,
        status=min((model.status for model in models), key=_STATUSES.index),
    )


def model_runs(event: BatchDone) -> list[ChildRun]:
    """Return the runs below the run of a batch: none if the batch is a single model."""
    return [_model_run(event, row) for row in event.rows] if len(event.rows) > 1 else []


def _model_run(event: BatchDone, row: Row) -> ChildRun:
    outcomes = [outcome for outcome in event.outcomes if outcome.model_id == row.model_id]
    batch_started, batch_ended = _span(event)
    ended = row.finished_at or batch_ended
    busy = sum(outcome.fit_seconds + outcome.score_seconds for outcome in outcomes)
    return ChildRun(
        name=one_line(row.model_name),
        tags={**_model_tags(row), BATCH_TAG: str(event.batch.id), KIND_TAG: MODEL_KIND},
        metrics=_model_metrics(row, outcomes),
        started=max(batch_started, ended - busy),
        ended=ended,
        status=_run_status(row, outcomes),
    )


def _span(event: BatchDone) -> tuple[float, float]:
    ended = max((row.finished_at for row in event.rows), default=0.0) or time.time()
    return ended - event.wall_seconds, ended


def _batch_metrics(event: BatchDone, plan: Plan | None) -> list[Metric]:
    """Return counts, wall time and best value of a batch."""
    failed = sum(row.status == FAILED for row in event.rows)
    values: dict[str, float] = {
        "batch_models": len(event.rows),
        "batch_ok": sum(row.complete for row in event.rows),
        "batch_failed": failed,
        "batch_wall_seconds": event.wall_seconds,
    }
    if plan and failed < len(event.rows):
        values[f"best_{plan.sort_by}"] = event.rows[0].primary_value
    return to_metrics(values)


def _model_metrics(row: Row, outcomes: Sequence[Outcome]) -> list[Metric]:
    """Return means, deviations and fold values of a model.

    The number of good folds is last: if it was logged, everything before it was logged, too.
    """
    good = [outcome for outcome in outcomes if outcome.ok]
    folds = [
        (f"{FOLD_PREFIX}{key}", value, outcome.fold)
        for key in row.means
        for outcome, value in zip(good, fold_values(good, key), strict=True)
    ]
    means = [(key, value, 0) for key, value in row.means.items()]
    stds = [(f"{key}_std", value, 0) for key, value in row.stds.items()]
    return _entities([*folds, *means, *stds, ("fit_seconds", row.fit_seconds, 0), (FOLDS_OK, row.n_folds_ok, 0)])


def _model_tags(row: Row) -> dict[str, str]:
    """Return the tags of a model: its id, its name, its status and its error."""
    tags = {MODEL_TAG: row.model_id, "model_name": row.model_name, "status": row.status}
    if row.params:
        tags["params"] = row.params
    if row.error_type:
        tags |= {"error_type": row.error_type, "error": cut(row.error_message or "", _ERROR_LIMIT)}
    return tags


def _run_status(row: Row, outcomes: Sequence[Outcome]) -> str:
    """Return MLflow's status of a model's run: KILLED if all of its trials were cancelled, which is no failure."""
    if row.status != FAILED:
        return "FINISHED"
    cancelled = all(outcome.status is Status.CANCELLED for outcome in outcomes)
    return "KILLED" if cancelled else "FAILED"


def final_metrics(leaderboard: Leaderboard) -> dict[str, float]:
    """Return the metrics of the best model, the counts of models by status, and what a race saved."""
    counts = {"n_ok": COMPLETE, "n_partial": PARTIAL, "n_failed": FAILED}
    values: dict[str, float] = {key: leaderboard.count(status) for key, status in counts.items()}
    if leaderboard.stopped:
        values |= {"n_stopped": len(leaderboard.stopped), "seconds_saved": leaderboard.seconds_saved}
    values["n_models"] = len(leaderboard.rows)
    if best := leaderboard.best:
        values = {**best.means, **values, "best_value": best.primary_value}
    return values


def plain_metric(metric: Metric) -> list[Any]:
    """Return a metric as plain data for JSON."""
    return [metric.key, metric.value, metric.timestamp, metric.step]


def metric_of(written: Sequence[Any]) -> Metric:
    """Return the metric that `plain_metric` converted to plain data."""
    return Metric(*written)


def leaderboard_rows(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return one row for each model, in the order given; hold-out values and members of blends if there are any."""
    held, blended = any(row.holdout_value is not None for row in rows), any(row.members for row in rows)
    return [
        {
            "rank": row.rank,
            "model_id": row.model_id,
            "model_name": row.model_name,
            "status": row.status,
            **row.means,
            **{f"{key}_std": value for key, value in row.stds.items()},
            FOLDS_OK: row.n_folds_ok,
            "fit_seconds": row.fit_seconds,
            "batch_id": row.batch_id,
            "error_type": row.error_type,
            "error_message": cut(row.error_message, _ERROR_LIMIT) if row.error_message else None,
            **({"holdout_value": row.holdout_value} if held else {}),
            **({"members": json.dumps(dict(row.members)) if row.members else None} if blended else {}),
        }
        for row in rows
    ]


def leaderboard_table(rows: Sequence[Mapping[str, Any]], model_run_ids: Mapping[str, str]) -> pd.DataFrame:
    """Return the rows as a table, with the MLflow run of each model."""
    return pd.DataFrame([{**row, "mlflow_run_id": model_run_ids.get(row["model_id"])} for row in rows])


def note(leaderboard: Leaderboard, plan: Plan | None, story: Story | None = None) -> str:
    """Return the answer in words, as Markdown."""
    statuses = (COMPLETE, PARTIAL, *([STOPPED] if leaderboard.stopped else []), FAILED)
    counts = ", ".join(f"{leaderboard.count(status)} {status}" for status in statuses)
    best, metric = leaderboard.best, plan.sort_by if plan else "value"
    if best is None:
        lines = [f"No model came through: {counts}. The reasons are in the tags of the model runs."]
    else:
        plain = f"**{_cell(best.model_name)}** has the best {metric}: {best.primary_value:.4f}."
        lines = [f"**{_cell(story.answer, TAG_LIMIT)}**" if story else plain]
        lines += ["", f"Of {len(leaderboard.rows)} models: {counts}.", ""]
        lines += [f"| rank | model | {metric} | status |", "|---|---|---|---|"]
        lines += [
            f"| {row.rank} | {_cell(row.model_name)} | {row.primary_value:.4f} | {_state(row)} |"
            for row in leaderboard.rows[:_TOP]
        ]
    return cut("\n".join([*lines, "", *(story.more if story else ())]).strip(), TAG_LIMIT)


def _state(row: Row) -> str:
    return "tied with the best" if row.tied_with_best and row.rank > 1 else row.status


def _cell(value: object, limit: int = 80) -> str:
    return re.sub(r"([|*`\\])", r"\\\1", one_line(value, limit))


def _entities(values: Iterable[tuple[str, float, int]]) -> list[Metric]:
    now = int(time.time() * 1000)
    return [Metric(legal_key(key), float(value), now, step) for key, value, step in values if math.isfinite(value)]
