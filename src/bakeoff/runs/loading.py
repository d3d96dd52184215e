"""Load a finished run from its tables, its folder and MLflow."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bakeoff.comparison.blend import BLEND
from bakeoff.comparison.leaderboard import Leaderboard, Row
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.significance import judge, mark_ties
from bakeoff.comparison.summary import Summary
from bakeoff.comparison.trial import TT, Metric, Model, Outcome
from bakeoff.comparison.tuning_result import TuningResult
from bakeoff.errors import RunNotFoundError, UserError
from bakeoff.report.diagnostics import Diagnostics
from bakeoff.report.facts import Facts, earlier_than, table_names
from bakeoff.report.page import LOOK
from bakeoff.storage.location import ResultsLocation, run_folder
from bakeoff.storage.result_tables import ResultReader
from bakeoff.storage.rows import BEST_MODEL, RunRecord
from bakeoff.tracking.addresses import uri_to_set

_LOG = logging.getLogger(__name__)


def read_facts(tables: ResultReader, home: Path, run_id: str | None = None) -> Facts:
    """Read the facts of a run from its tables.

    Args:
        tables: the result tables.
        home: folder of the local files.
        run_id: id of the run; the run that started last by default.

    Raises:
        RunNotFoundError: There is no such run.
        TablesError: There are no tables yet.
        UserError: The run has no leaderboard.
    """
    tables.require()
    run = tables.run(run_id) if run_id else tables.newest_run()
    if run is None:
        raise RunNotFoundError(f"There is no run {run_id!r}: `bakeoff runs` lists the runs.")
    rows = tables.leaderboard(run.run_id)
    if not rows:
        raise UserError(
            f"Run {run.run_id} is {run.status} and has no leaderboard: start it again with `--run-id {run.run_id}`, "
            "and it goes on where it stopped."
        )
    outcomes = tuple(tables.trials(run.run_id))
    facts = facts_from_rows(run, rows, outcomes, read_diagnostics(home, run), tables.location)
    return replace(facts, tracking_uri=uri_to_set(home))


def facts_from_rows(
    run: RunRecord, rows: list[dict[str, Any]], outcomes: tuple[Any, ...], look: Diagnostics, tables: ResultsLocation
) -> Facts:
    """Return the facts of a run that its tables hold.

    Args:
        run: row of the run.
        rows: rows of its leaderboard, in the order of their rank.
        outcomes: outcomes of its trials.
        look: diagnostics that no table holds.
        tables: location of the tables.
    """
    tuning = TuningResult.from_json(run.tuning) if run.tuning else None
    plan = _with_tuned(_plan(run, rows, look), tuning)
    is_ranked = any(row["model_id"] == BLEND for row in rows)
    blended = tuple(Outcome.from_dict(each) for each in look.blend) if is_ranked else ()
    board = Leaderboard(tuple(_leaderboard_row(row) for row in rows), (*outcomes, *blended))
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
        tables=table_names(tables),
        offered=_leaderboard_row(json.loads(run.blend)) if run.blend else None,
        tuning=tuning,
    )


def read_diagnostics(home: Path, run: RunRecord) -> Diagnostics:
    """Read the diagnostics of a run, from its folder or from MLflow; empty if neither has them."""
    file = run_folder(home, run.run_id) / LOOK
    try:
        if file.exists():
            return Diagnostics.from_json(file.read_text(encoding="utf-8"))
        if run.mlflow_run_id:
            return Diagnostics.from_json(_download_artifact(home, run.mlflow_run_id, LOOK).read_text(encoding="utf-8"))
    except Exception as error:  # noqa: BLE001 - stores raise all kinds of errors; the report says what is missing
        _LOG.info("What the driver saw of run %s cannot be read: %s", run.run_id, error)
    return Diagnostics()


def load_best_model(facts: Facts, home: Path) -> Any:
    """Load the fitted pipeline of the best model, from the run's folder or from MLflow.

    Raises:
        UserError: The run has none.
    """
    import mlflow.sklearn

    from bakeoff.tracking.outbox import FOLDER, MODEL_FOLDER

    local_folder = run_folder(home, facts.run.run_id) / FOLDER / MODEL_FOLDER
    if local_folder.is_dir():  # not sent to MLflow yet
        return mlflow.sklearn.load_model(str(local_folder))
    run_id = facts.run.mlflow_run_id
    if facts.model_uri is None or run_id is None:
        raise UserError(f"Run {facts.run.run_id} has no best model: no model came through.")
    return mlflow.sklearn.load_model(str(model_folder(home, run_id)))


def model_folder(home: Path, mlflow_run_id: str) -> Path:
    """Download a model's files: an entity of its own in MLflow 3, a folder of the run's artifacts before."""
    import mlflow.artifacts

    from bakeoff.tracking.client import make_client

    client = make_client(home)
    outputs = getattr(client.get_run(mlflow_run_id), "outputs", None)
    found = [client.get_logged_model(output.model_id) for output in (outputs.model_outputs if outputs else ())]
    ready = [logged for logged in found if logged.status == "READY"]
    if ready:  # of an attempt that had another winner there may be another one
        uri = max(ready, key=lambda logged: int(logged.creation_timestamp)).artifact_location
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, tracking_uri=client.tracking_uri))
    return _download_artifact(home, mlflow_run_id, BEST_MODEL)


def _download_artifact(home: Path, mlflow_run_id: str, path: str) -> Path:
    import mlflow.artifacts

    from bakeoff.tracking.client import make_client

    uri = make_client(home).tracking_uri
    return Path(mlflow.artifacts.download_artifacts(run_id=mlflow_run_id, artifact_path=path, tracking_uri=uri))


def _plan(run: RunRecord, rows: list[dict[str, Any]], look: Diagnostics) -> Plan:
    """Rebuild the plan from the tables, which do not hold the order in which the models were given."""
    sort_by = str(rows[0]["primary_metric"])
    keys = dict.fromkeys(key for row in rows for key in (row["metrics"] or {}) if key != TT)
    greater_is_better = bool(run.higher_is_better)
    # The diagnostics keep PyCaret's order of metrics, which a map in a table loses.
    order = {key: position for position, key in enumerate(look.metric_names)}
    metrics = tuple(
        Metric(key, look.metric_names.get(key, key), greater_is_better=greater_is_better if key == sort_by else True)
        for key in sorted(keys, key=lambda key: order.get(key, len(order)))
    )
    if sort_by not in {TT, *keys}:
        metrics = (
            *metrics,
            Metric(sort_by, look.metric_names.get(sort_by, sort_by), greater_is_better=greater_is_better),
        )
    return Plan(
        models=tuple(Model(row["model_id"], row["model_name"] or row["model_id"]) for row in rows),
        n_folds=run.n_folds or 1,
        metrics=metrics,
        sort_by=sort_by,
        test_rows_per_training_row=look.test_ratio,
    )


def _with_tuned(plan: Plan, tuning: TuningResult | None) -> Plan:
    """Return the plan with the best candidates as what they are, which the leaderboard does not tell."""
    tuned = {each.tuned: each.untuned for each in tuning.families} if tuning else {}
    models = tuple(model for model in plan.models if model.id not in tuned)
    candidates = tuple(replace(model, tunes=tuned[model.id]) for model in plan.models if model.id in tuned)
    return replace(plan, models=models, candidates=candidates)


def _leaderboard_row(row: Mapping[str, Any]) -> Row:
    return Row(
        rank=row["rank"],
        model_id=row["model_id"],
        model_name=row["model_name"] or row["model_id"],
        status=row["status"],
        primary_value=_nan_if_none(row["primary_value"]),
        means=_nan_if_none_by_key(row["metrics"]),
        stds=_nan_if_none_by_key(row["metrics_std"]),
        n_folds_ok=row["n_folds_ok"] or 0,
        fit_seconds=_nan_if_none(row["fit_seconds"]),
        batch_id=row["batch_id"] or 0,
        error_type=row["error_type"],
        error_message=row["error_message"],
        tied_with_best=row["tied_with_best"],
        params=row.get("params"),
        holdout_value=row.get("holdout_value"),
        members=row.get("members") or {},
        seconds_saved=row.get("seconds_saved") or 0.0,  # tables of earlier versions do not have it
    )


def _nan_if_none_by_key(values: Mapping[str, float | None] | None) -> dict[str, float]:
    return {key: _nan_if_none(value) for key, value in (values or {}).items()}


def _nan_if_none(value: float | None) -> float:
    return math.nan if value is None else value
