"""Two jobs that write to the same tables at once lose nothing and store nothing twice."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from bakeoff.storage.commits import commit
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.spark_tables import SparkTables
from support import table_writer
from support.table_writer import N_FOLDS, commit_batches

SCHEMA = "bakeoff_commits_test"


def _check(spark: Any, target: ResultsLocation, n_batches: int) -> None:
    tables = SparkTables(spark, target)
    trials = tables.frame("trials")
    keys = [(row.run_id, row.model_id, row.fold) for row in trials.collect()]
    jobs, models = ("one", "other"), [f"m{n}" for n in range(n_batches)]
    assert sorted(keys) == sorted((job, model, fold) for job in jobs for model in models for fold in range(N_FOLDS))
    ranked = [(row.run_id, row.model_id) for row in tables.frame("leaderboard").collect()]
    assert sorted(ranked) == sorted((job, model) for job in jobs for model in models)
    runs = {row.run_id: row.status for row in tables.frame("runs").collect()}
    assert runs == dict.fromkeys(jobs, "finished")


def _both(spark: Any, target: ResultsLocation, n_batches: int) -> None:
    """Two jobs in this process, each with a session of its own, at once."""
    start, errors = threading.Barrier(2), []

    def work(session: Any, job: str) -> None:
        try:
            start.wait()
            commit_batches(session, target, job, n_batches)
        except BaseException as error:  # noqa: BLE001 - it is looked at below
            errors.append(error)

    sessions = [spark.newSession() for _ in range(2)]
    threads = [threading.Thread(target=work, args=pair) for pair in zip(sessions, ("one", "other"), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


@pytest.mark.parametrize("n_batches", [1, pytest.param(25, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_two_sessions_make_the_same_tables_and_write_to_them_at_once(spark: Any, n_batches: int) -> None:
    # In a catalog nothing but Delta itself keeps them apart: commits collide, and are tried again.
    target = ResultsLocation(schema=SCHEMA)
    try:
        _both(spark, target, n_batches)
        _check(spark, target, n_batches)
    finally:
        spark.sql(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_write_to_the_same_folder_at_once(spark: Any, tmp_path: Path) -> None:
    # Delta itself does not keep two processes apart on a plain disk.
    target, n_batches = ResultsLocation(path=tmp_path / "tables"), 25
    command = [sys.executable, "-m", "support.table_writer", str(tmp_path), "other", str(n_batches)]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=Path(table_writer.__file__).parents[1]
    ) as process:
        commit_batches(spark, target, "one", n_batches)
        _, said = process.communicate()
    assert process.returncode == 0, said[-2000:]
    _check(spark, target, n_batches)


def test_only_one_commits_to_a_folder_at_a_time(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def action() -> None:
        inside.append(1)
        most.append(len(inside))
        threading.Event().wait(0.02)
        inside.pop()

    threads = [threading.Thread(target=commit, args=(tmp_path, action)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8
