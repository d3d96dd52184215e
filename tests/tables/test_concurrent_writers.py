"""Jobs that write to the same tables at once lose nothing and store nothing twice."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bakeoff.storage import commits
from bakeoff.storage.commits import commit
from bakeoff.storage.folder_tables import FolderTables
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.spark_tables import SparkTables
from support import table_writer
from support.stored_runs import stored_rows
from support.table_writer import N_FOLDS, SHARED, commit_batches

SCHEMA = "bakeoff_commits_test"


def check(tables: Any, jobs: Sequence[str], n_batches: int) -> None:
    """Every row that any job has written is stored once, and those that all have written, too."""
    runs, models = sorted([*jobs, SHARED]), [f"m{n}" for n in range(n_batches)]
    trials = [
        (row["run_id"], row["model_id"], row["fold"]) for run in runs for row in stored_rows(tables, "trials", run)
    ]
    expected = [(run, model, fold) for run in runs for model in models for fold in range(N_FOLDS)]
    assert sorted(trials) == sorted(expected)
    board = [(row["run_id"], row["model_id"]) for run in runs for row in stored_rows(tables, "leaderboard", run)]
    assert sorted(board) == sorted((run, model) for run in runs for model in models)
    entered = [(row["run_id"], row["status"]) for run in runs for row in stored_rows(tables, "runs", run)]
    assert entered == [(run, "finished") for run in runs]


def at_once(writers: dict[str, Any], n_batches: int) -> None:
    """Let jobs of this process write at once."""
    start, errors = threading.Barrier(len(writers)), []

    def work(job: str, tables: Any) -> None:
        try:
            start.wait()
            commit_batches(tables, job, n_batches)
        except BaseException as error:  # noqa: BLE001 - it is looked at below
            errors.append(error)

    threads = [threading.Thread(target=work, args=pair) for pair in writers.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def start_writer(folder: Path, job: str, n_batches: int, kind: str) -> subprocess.Popen[str]:
    """Start a process that writes."""
    command = [sys.executable, "-m", "support.table_writer", str(folder), job, str(n_batches), kind]
    tests = Path(table_writer.__file__).parents[1]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tests)


def wait_for(processes: Sequence[subprocess.Popen[str]]) -> None:
    """Wait until processes have ended well."""
    said = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), "\n".join(said)[-2000:]


@pytest.mark.parametrize("n_batches", [1, pytest.param(12, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_two_sessions_make_the_same_tables_and_write_to_them_at_once(spark: Any, n_batches: int) -> None:
    # In a catalog nothing but Delta itself keeps them apart: commits collide, and are tried again.
    target = ResultsLocation(schema=SCHEMA)
    try:
        at_once({job: SparkTables(spark.newSession(), target) for job in ("one", "other")}, n_batches)
        check(SparkTables(spark, target), ("one", "other"), n_batches)
    finally:
        spark.sql(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


def test_processes_without_spark_write_to_the_same_folder_at_once(tmp_path: Path) -> None:
    jobs = ("one", "two", "three")
    wait_for([start_writer(tmp_path, job, 5, "folder") for job in jobs])
    check(FolderTables(ResultsLocation(path=tmp_path / "tables")), jobs, 5)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kinds", [["spark"], ["folder", "folder"]], ids=["spark", "folder"])
def test_processes_write_to_the_same_folder_as_spark_does_here(spark: Any, tmp_path: Path, kinds: list[str]) -> None:
    # Delta itself does not keep two processes apart on a plain disk.
    n_batches = 8
    location, jobs = ResultsLocation(path=tmp_path / "tables"), [f"job-{n}" for n in range(len(kinds))]
    processes = [start_writer(tmp_path, job, n_batches, kind) for job, kind in zip(jobs, kinds, strict=True)]
    commit_batches(SparkTables(spark, location), "here", n_batches)
    wait_for(processes)
    for tables in (SparkTables(spark, location), FolderTables(location)):
        check(tables, [*jobs, "here"], n_batches)


def test_where_there_are_no_locks_the_second_of_two_commits_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, and on file systems without locks."""
    monkeypatch.setattr(commits, "fcntl", None)
    location = ResultsLocation(path=tmp_path / "tables")
    at_once({job: FolderTables(location) for job in ("one", "two", "three")}, 3)
    check(FolderTables(location), ("one", "two", "three"), 3)


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
