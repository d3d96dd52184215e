"""A job that commits batch after batch to tables that others commit to, too."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from bakeoff.comparison.leaderboard import rank
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Metric, Model, Outcome
from bakeoff.storage.folder_tables import FolderTables
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.rows import RunRecord
from bakeoff.storage.spark_tables import SparkTables

N_FOLDS = 2
SHARED = "shared"
"""Run that all jobs write to, each the same."""


def commit_batches(tables: Any, job: str, n_batches: int) -> None:
    """Make the tables, and store one model after the other: its trials, now and then three times, and its ranking.

    All jobs write the same rows of one run besides.
    """
    models = tuple(Model(f"m{n}", f"Model {n}") for n in range(n_batches))
    plan = Plan(models, N_FOLDS, (Metric("auc", "AUC"),), "auc")
    tables.create()
    tables.enter_run(RunRecord(job, "running"))
    tables.enter_run(RunRecord(SHARED, "running"))
    for n, model in enumerate(models):
        batch = [Outcome(model.id, fold, metrics={"auc": n / n_batches}, finished_at=1.0) for fold in range(N_FOLDS)]
        for _ in range(3 if n % 10 == 0 else 1):
            tables.append_trials(job, plan, f"batch-{n}", batch)
        tables.append_trials(SHARED, plan, f"batch-{n}", batch)
        for run_id in (job, SHARED):
            tables.upsert_leaderboard(run_id, rank(plan, batch, [model.id]).rows, "auc", {})
    for run_id in (job, SHARED):
        tables.upsert_run(RunRecord(run_id, "finished"))


if __name__ == "__main__":
    folder, kind = Path(sys.argv[1]), sys.argv[4]
    location = ResultsLocation(path=folder / "tables")
    if kind == "folder":
        commit_batches(FolderTables(location), sys.argv[2], int(sys.argv[3]))
    else:
        from bakeoff.spark.session import local_session

        session = local_session(folder / "home", slots=1)
        commit_batches(SparkTables(session, location), sys.argv[2], int(sys.argv[3]))
        session.stop()
