"""Logs that have a checkpoint, which stands for the commits before it and may be anybody's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from bakeoff.storage.folder_tables import FolderTables
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.spark_tables import SparkTables
from support.stored_runs import OLD, PLAN, RUN, stored_rows

N_SEGMENTS = 3


def store(tables: Any, run_id: str) -> None:
    """Store a run in segments."""
    for n in range(N_SEGMENTS):
        tables.append_trials(run_id, PLAN, f"d{n}", OLD[2 * n : 2 * n + 2])


def test_what_is_behind_a_checkpoint_is_known(spark: Any, tmp_path: Path) -> None:
    location = ResultsLocation(path=tmp_path)
    by_spark, by_us = SparkTables(spark, location), FolderTables(location)
    by_us.create()
    store(by_us, "ours")
    log = tmp_path / "trials" / "_delta_log"
    DeltaTable(str(tmp_path / "trials")).create_checkpoint()
    for commit in log.glob("[0-9]*.json"):
        if int(commit.stem) < N_SEGMENTS:
            commit.unlink()

    # Spark knows from our checkpoint what is stored; it makes one of its own after ten commits.
    store(by_spark, "ours")
    assert len(by_spark.trials("ours")) == len(stored_rows(by_spark, "trials", "ours")) == len(OLD)
    by_spark.enter_run(RUN)
    store(by_spark, "its")
    for n in range(5):
        by_spark.append_trials("its", PLAN, f"again-{n}", [replace(OLD[0], attempt=n + 2)])
    checkpoints = sorted(log.glob("*.checkpoint.parquet"))
    assert len(checkpoints) == 2
    for path in log.glob("[0-9]*.json"):
        if path.stem < checkpoints[-1].name[:20]:
            path.unlink()

    for run_id in ("ours", "its"):
        store(by_us, run_id)
    assert len(stored_rows(by_us, "trials", "ours")) == len(OLD)
    assert len(stored_rows(by_us, "trials", "its")) == len(OLD) + 5
    assert by_us.trials("ours") != []
