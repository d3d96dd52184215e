"""Runs to store, and the result tables as any adapter gives them."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from bakeoff.comparison.leaderboard import rank
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Metric, Model, Outcome, Status
from bakeoff.storage import delta_sql
from bakeoff.storage.rows import RunRecord

PLAN = Plan(
    (Model("lr", "Logistic"), Model("rf", "Forest"), Model("nb", "Bayes")),
    n_folds=2,
    metrics=(Metric("auc", "AUC"), Metric("f1", "F1")),
    sort_by="auc",
    batch_size=2,
)
OLD = [
    Outcome("lr", 0, metrics={"auc": 0.8, "f1": 0.5}, fit_seconds=1.0, score_seconds=0.5, finished_at=1.7e9 + 1),
    Outcome("lr", 1, metrics={"auc": 0.6, "f1": math.nan}, fit_seconds=2.0, finished_at=1.7e9 + 2.123456, host="h"),
    Outcome("rf", 0, metrics={"auc": 0.99, "f1": 0.1}, metric_errors={"f1": "none"}, finished_at=1.7e9 + 3),
    Outcome("rf", 1, status=Status.TIMEOUT, error_type="TimeoutError", finished_at=1.7e9 + 5, attempt=2),
    Outcome("nb", 0, status=Status.FAILED, error_type="ValueError", error_message="no\nü", finished_at=1.7e9 + 4),
    Outcome("nb", 1, status=Status.CANCELLED),
]
"""A run with a partial and a failed model."""
NEW = [replace(OLD[0], finished_at=1.8e9), replace(OLD[1], finished_at=1.8e9), replace(OLD[2], finished_at=1.8e9)]
NEW.append(replace(NEW[2], fold=1))
RUN = RunRecord(
    "old",
    "finished",
    source="t.csv",
    target="y",
    task_type="classification",
    n_rows=2**40,
    higher_is_better=True,
    best_value=0.7,
    config='{"a": "it\'s"}',
    versions={"python": "3.11"},
    started_at=1.7e9,
    finished_at=1.7e9 + 9.5,
)


class InTurns:
    """Adapters of the result tables that take turns, call by call: what one has written, the next one meets."""

    def __init__(self, *adapters: Any) -> None:
        self.location = adapters[0].location
        self._turns = itertools.cycle(adapters)

    def __getattr__(self, name: str) -> Any:
        return getattr(next(self._turns), name)


def store_runs(tables: Any) -> None:
    """Make the tables and store three runs: ``old``, ``new``, and ``later``, which is still running."""
    tables.create()
    tables.append_trials("old", PLAN, "d1", OLD)
    tables.append_trials("new", PLAN, "d1", NEW)
    tables.upsert_run(RUN)
    tables.upsert_run(replace(RUN, run_id="new", started_at=1.8e9, finished_at=1.8e9 + 9))
    tables.upsert_run(replace(RUN, run_id="later", status="running", started_at=1.9e9, finished_at=None))
    for run_id, outcomes in (("old", OLD), ("new", NEW)):
        tables.upsert_leaderboard(run_id, rank(PLAN, outcomes).rows, "auc", {"lr": "mlflow-1"})


def rows(tables: Any, name: str, run_id: str | None = None) -> list[dict[str, Any]]:
    """The rows of a table or a view as everybody sees them."""
    found = tables._rows(delta_sql.queries(tables.location)[name])
    return [row for row in found if run_id in {None, row["run_id"]}]


def stored_rows(tables: Any, name: str, run_id: str) -> list[dict[str, Any]]:
    """The rows of a table as they are stored."""
    query = f"SELECT * FROM {tables.location.name(name)} WHERE run_id = :run_id"
    found: list[dict[str, Any]] = tables._rows(query, run_id=run_id)
    return found


def n_commits(tables: Any, name: str) -> int:
    """The number of commits to a local table, counted on disk."""
    return len(list((tables.location.path / name / "_delta_log").glob("[0-9]*.json")))


def files_of(tables: Any, name: str) -> set[Path]:
    """The data files of a local table, those of earlier versions included."""
    return set((tables.location.path / name).glob("*.parquet"))
