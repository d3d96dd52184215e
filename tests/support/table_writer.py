"""A job that commits batch after batch to tables that another one commits to, too."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from bakeoff.comparison.leaderboard import rank
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Metric, Model, Outcome
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.rows import RunRecord
from bakeoff.storage.spark_tables import SparkTables

N_FOLDS = 2


def commit_batches(spark: Any, target: ResultsLocation, job: str, n_batches: int) -> None:
    """Make the tables, and store one model after the other: its trials, now and then three times, and its ranking."""
    models = tuple(Model(f"m{n}", f"Model {n}") for n in range(n_batches))
    plan = Plan(models, N_FOLDS, (Metric("auc", "AUC"),), "auc")
    tables = SparkTables(spark, target)
    tables.create()
    tables.enter_run(RunRecord(job, "running"))
    for n, model in enumerate(models):
        batch = [Outcome(model.id, fold, metrics={"auc": n / n_batches}, finished_at=1.0) for fold in range(N_FOLDS)]
        for _ in range(3 if n % 10 == 0 else 1):
            tables.append_trials(job, plan, f"batch-{n}", batch)
        tables.upsert_leaderboard(job, rank(plan, batch, [model.id]).rows, "auc", {})
    tables.upsert_run(RunRecord(job, "finished"))


if __name__ == "__main__":
    from bakeoff.spark.session import local_session

    folder = Path(sys.argv[1])
    session = local_session(folder / "home", slots=1)
    commit_batches(session, ResultsLocation(path=folder / "tables"), sys.argv[2], int(sys.argv[3]))
    session.stop()
