"""A run as its tables hold it: read back, looked at, and made into a report again."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.comparison.leaderboard import Leaderboard, Row
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.significance import judge, mark_ties
from bakeoff.comparison.summary import Summary
from bakeoff.comparison.trial import TT, Metric, Model
from bakeoff.errors import UserError
from bakeoff.report.facts import Diagnostics, Facts, earlier_than
from bakeoff.report.page import LOOK
from bakeoff.storage.location import ResultsLocation, run_folder
from bakeoff.storage.rows import RunRecord

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LOG = logging.getLogger(__name__)
MODEL = "model"
"""The best model is logged under this name."""


def read_facts(spark: SparkSession, tables: ResultsLocation, home: Path, run_id: str | None = None) -> Facts:
    """What the tables hold of a run; of the one that began last, where none is named.

    Raises:
        UserError: there is no such run, or it has no leaderboard.
    """
    from bakeoff.storage.tables import frame, read_trials
    from bakeoff.tracking.client import uri_to_set

    runs = frame(spark, tables, "runs").selectExpr(
        "*", "unix_micros(started_at) AS started_micros", "unix_micros(finished_at) AS finished_micros"
    )
    found = runs.where(runs.run_id == run_id) if run_id else runs.orderBy("started_at", ascending=False)
    first = found.first()
    if first is None:
        raise UserError(f"There is no run {run_id!r}: `bakeoff runs` lists the runs.")
    run = _record(first.asDict())
    board = frame(spark, tables, "leaderboard")
    rows = [row.asDict() for row in board.where(board.run_id == run.run_id).orderBy("rank").collect()]
    if not rows:
        raise UserError(
            f"Run {run.run_id} is {run.status} and has no leaderboard: start it again with `--run-id {run.run_id}`, "
            "and it goes on where it stopped."
        )
    outcomes = read_trials(spark, tables, run.run_id)
    facts = facts_of(run, rows, tuple(outcomes), read_look(home, run), tables)
    return replace(facts, tracking_uri=uri_to_set(home))


def facts_of(
    run: RunRecord, rows: list[dict[str, Any]], outcomes: tuple[Any, ...], look: Diagnostics, tables: ResultsLocation
) -> Facts:
    """The facts of a run from its row, those of its leaderboard, and its outcomes."""
    plan = _plan(run, rows, look)
    board = Leaderboard(tuple(_row(row) for row in rows), outcomes)
    verdict = judge(plan, board)
    return Facts(
        run=run,
        plan=plan,
        board=mark_ties(board, verdict),
        verdict=verdict,
        summary=Summary(
            run.slots or 1,
            run.wall_seconds or 0.0,
            run.ideal_seconds or 0.0,
            n_resumed=len(earlier_than(look.began_at, outcomes)),
            began_at=look.began_at,
        ),
        look=look,
        tables=tuple(tables.name(name) for name in ("runs", "trials", "leaderboard")),
        model_uri=f"runs:/{run.mlflow_run_id}/{MODEL}" if run.best_model_id and run.mlflow_run_id else None,
    )


def read_look(home: Path, run: RunRecord) -> Diagnostics:
    """What no table holds, from the run's folder or from MLflow; empty where it is in neither."""
    file = run_folder(home, run.run_id) / LOOK
    try:
        if file.exists():
            return Diagnostics.from_json(file.read_text(encoding="utf-8"))
        if run.mlflow_run_id:
            return Diagnostics.from_json(_artifact(home, run.mlflow_run_id, LOOK).read_text(encoding="utf-8"))
    except Exception as error:  # noqa: BLE001 - whatever a store raises: the report then says what it does not know
        _LOG.info("What the driver saw of run %s cannot be read: %s", run.run_id, error)
    return Diagnostics()


def load_best_model(facts: Facts, home: Path) -> Any:
    """The fitted pipeline of the best model.

    Raises:
        UserError: the run has none.
    """
    import mlflow.sklearn

    from bakeoff.tracking.outbox import FOLDER, MODEL_FOLDER

    kept = run_folder(home, facts.run.run_id) / FOLDER / MODEL_FOLDER
    if kept.is_dir():  # MLflow has not got it yet
        return mlflow.sklearn.load_model(str(kept))
    run_id = facts.run.mlflow_run_id
    if facts.model_uri is None or run_id is None:
        raise UserError(f"Run {facts.run.run_id} has no best model: no model came through.")
    return mlflow.sklearn.load_model(str(model_folder(home, run_id)))


def model_folder(home: Path, mlflow_run_id: str) -> Path:
    """The model's files: an entity of its own in MLflow 3, a folder of the run's artifacts before."""
    import mlflow.artifacts

    from bakeoff.tracking.client import make_client

    client = make_client(home)
    outputs = getattr(client.get_run(mlflow_run_id), "outputs", None)
    for output in outputs.model_outputs if outputs else ():
        logged = client.get_logged_model(output.model_id)
        if logged.status == "READY":
            place = logged.artifact_location
            return Path(mlflow.artifacts.download_artifacts(artifact_uri=place, tracking_uri=client.tracking_uri))
    return _artifact(home, mlflow_run_id, MODEL)


def _artifact(home: Path, mlflow_run_id: str, path: str) -> Path:
    import mlflow.artifacts

    from bakeoff.tracking.client import make_client

    uri = make_client(home).tracking_uri
    return Path(mlflow.artifacts.download_artifacts(run_id=mlflow_run_id, artifact_path=path, tracking_uri=uri))


def _record(row: Mapping[str, Any]) -> RunRecord:
    known: dict[str, Any] = {name: row.get(name) for name in RunRecord.__dataclass_fields__}
    times = {
        f"{name}_at": (row.get(f"{name}_micros") or 0) / 1e6 or None for name in ("started", "finished", "heartbeat")
    }
    return RunRecord(**(known | times | {"versions": row["versions"] or {}}))


def _plan(run: RunRecord, rows: list[dict[str, Any]], look: Diagnostics) -> Plan:
    """As much of the plan as the tables know: the order in which the models were given is not among it."""
    sort_by = str(rows[0]["primary_metric"])
    keys = dict.fromkeys(key for row in rows for key in (row["metrics"] or {}) if key != TT)
    better = bool(run.higher_is_better)
    # Names are kept in PyCaret's order of columns; a map in a table has none.
    order = {key: place for place, key in enumerate(look.metric_names)}
    metrics = tuple(
        Metric(key, look.metric_names.get(key, key), greater_is_better=better if key == sort_by else True)
        for key in sorted(keys, key=lambda key: order.get(key, len(order)))
    )
    if sort_by not in {TT, *keys}:
        metrics = (*metrics, Metric(sort_by, look.metric_names.get(sort_by, sort_by), greater_is_better=better))
    return Plan(
        models=tuple(Model(row["model_id"], row["model_name"] or row["model_id"]) for row in rows),
        n_folds=run.n_folds or 1,
        metrics=metrics,
        sort_by=sort_by,
        test_rows_per_training_row=look.test_ratio,
    )


def _row(row: Mapping[str, Any]) -> Row:
    return Row(
        rank=row["rank"],
        model_id=row["model_id"],
        model_name=row["model_name"] or row["model_id"],
        status=row["status"],
        primary_value=_number(row["primary_value"]),
        means=_numbers(row["metrics"]),
        stds=_numbers(row["metrics_std"]),
        n_folds_ok=row["n_folds_ok"] or 0,
        fit_seconds=_number(row["fit_seconds"]),
        batch_id=row["batch_id"] or 0,
        error_type=row["error_type"],
        error_message=row["error_message"],
        tied_with_best=row["tied_with_best"],
    )


def _numbers(values: Mapping[str, float | None] | None) -> dict[str, float]:
    return {key: _number(value) for key, value in (values or {}).items()}


def _number(value: float | None) -> float:
    return math.nan if value is None else value
