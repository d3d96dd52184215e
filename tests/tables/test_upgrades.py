"""Tables that another version has made, or somebody else, and what becomes of them."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bakeoff.comparison.leaderboard import rank
from bakeoff.errors import TablesError, UserError
from bakeoff.storage.folder_reader import FolderReader
from bakeoff.storage.folder_tables import FolderTables
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.open_results import result_tables
from bakeoff.storage.rows import RunRecord
from bakeoff.storage.schema import LEADERBOARD, RUNS, TABLES, Table
from bakeoff.storage.spark_tables import SparkTables
from support.stored_runs import OLD, PLAN, RUN, n_commits, rows, stored_rows

OLDER = {
    "runs": replace(
        RUNS,
        columns=tuple(column for column in RUNS.columns if column.name not in {"holder", "heartbeat_at"}),
        checks=(("known_status", "status IN ('running', 'finished')"),),
    ),
    "leaderboard": replace(
        LEADERBOARD,
        columns=tuple(column for column in LEADERBOARD.columns if column.name not in {"tied_with_best", "metrics_std"}),
    ),
}
"""Tables as earlier versions made them."""


def make_as_before(spark: Any, place: ResultsLocation, table: Table) -> None:
    """Make a table as earlier versions did, which clustered local tables, too."""
    checks = ", ".join(f"'delta.constraints.{check}' = \"{condition}\"" for check, condition in table.checks)
    spark.sql(f"CREATE TABLE {place.name(table.name)} {table.definition(clustered=True)} TBLPROPERTIES ({checks})")


@pytest.fixture(scope="module")
def earlier_home(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of an earlier version, with a run in them."""
    place = ResultsLocation(path=tmp_path_factory.mktemp("earlier") / "tables")
    for table in TABLES.values():
        make_as_before(spark, place, table)
    tables = SparkTables(spark, place)
    tables.enter_run(RUN)
    for n in range(3):
        tables.append_trials("old", PLAN, f"d{n}", OLD[2 * n : 2 * n + 2])
    tables.upsert_leaderboard("old", rank(PLAN, OLD).rows, "auc", {"lr": "m"})
    return place.path


@pytest.fixture
def earlier(earlier_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(earlier_home, tmp_path / "tables"))


def everything(folder: Path) -> list[str]:
    """All rows of the tables, as text."""
    with FolderReader(ResultsLocation(path=folder)) as reader:
        return sorted(repr(row) for name in TABLES for row in stored_rows(reader, name, "old"))


def features(folder: Path, name: str) -> set[str]:
    """The features of a table by the last commit that says so."""
    found: set[str] = set()
    for commit in sorted((folder / name / "_delta_log").glob("[0-9]*.json")):
        for line in commit.read_text().splitlines():
            if protocol := json.loads(line).get("protocol"):
                found = set(protocol.get("writerFeatures", []))
    return found


def test_a_home_of_an_earlier_version_keeps_all_and_is_written_to_without_spark(spark: Any, earlier: Path) -> None:
    said: list[str] = []
    place = ResultsLocation(path=earlier)
    before = everything(earlier)
    n_before = [n_commits(FolderTables(place), name) for name in TABLES]
    assert all("clustering" in features(earlier, name) for name in TABLES)

    for _ in range(2):
        FolderTables(place, said.append).create()

    assert len(said) == 1
    assert re_sentence(said[0], earlier)
    tables = FolderTables(place)
    assert [n_commits(tables, name) for name in TABLES] == [n + 1 for n in n_before]
    assert not any(features(earlier, name) & {"clustering", "domainMetadata"} for name in TABLES)
    assert everything(earlier) == before
    # What was stored before is known as stored, and what is new is not.
    for n in range(3):
        tables.append_trials("old", PLAN, f"d{n}", OLD[2 * n : 2 * n + 2])
    assert everything(earlier) == before
    tables.upsert_run(replace(RUN, status="interrupted"))
    tables.append_trials("more", PLAN, "d0", OLD)
    by_spark = SparkTables(spark, place)
    by_spark.append_trials("more", PLAN, "d0", OLD)
    by_spark.upsert_run(replace(RUN, best_value=0.9))
    assert (tables.run("old").best_value, len(stored_rows(tables, "trials", "more"))) == (0.9, len(OLD))
    history = spark.sql(f"DESCRIBE HISTORY {place.name('trials')}").collect()
    assert [row.version for row in history] == list(range(len(history) - 1, -1, -1))
    first = spark.sql(f"SELECT * FROM {place.name('trials')} VERSION AS OF 1").count()
    assert first == tables.frame("SELECT count(*) AS n FROM trials VERSION AS OF 1").n[0] == 2


def re_sentence(said: str, folder: Path) -> bool:
    return said.startswith(f"The tables in {folder} are an earlier version's: ") and "\n" not in said


def test_whoever_writes_first_upgrades(earlier: Path) -> None:
    """As `bakeoff sync` does, which makes no tables."""
    said: list[str] = []
    tables = FolderTables(ResultsLocation(path=earlier), said.append)
    tables.fill_mlflow_ids(replace(RUN, mlflow_run_id="m", mlflow_experiment_id="1"), {"rf": "n"})
    assert tables.run("old") == replace(RUN, mlflow_run_id="m", mlflow_experiment_id="1")
    assert len(said) == 1


KILL = """
import os, signal, sys
from pathlib import Path
from bakeoff.storage.folder_tables import FolderTables
from bakeoff.storage.location import ResultsLocation
link, left = os.link, [int(sys.argv[2])]
def dying(*names):
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    link(*names)
    if left[0] == 0 and sys.argv[3] == "after":
        os.kill(os.getpid(), signal.SIGKILL)
os.link = dying
FolderTables(ResultsLocation(path=Path(sys.argv[1]))).create()
"""


@pytest.mark.parametrize("n_links", [0, 1, 3])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_process_that_is_killed_on_the_way_loses_nothing(earlier: Path, n_links: int, when: str) -> None:
    before = everything(earlier)
    command = [sys.executable, "-c", KILL, str(earlier), str(n_links), when]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert everything(earlier) == before
    FolderTables(ResultsLocation(path=earlier)).create()
    assert everything(earlier) == before
    assert not any("clustering" in features(earlier, name) for name in TABLES)


@pytest.mark.parametrize("when", ["before", "after"])
def test_tables_that_were_made_in_part_are_made(tmp_path: Path, when: str) -> None:
    command = [sys.executable, "-c", KILL, str(tmp_path / "tables"), "1", when]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    tables = FolderTables(ResultsLocation(path=tmp_path / "tables"))
    tables.create()
    tables.upsert_run(RUN)
    assert [len(tables.read(name)) for name in TABLES] == [1] + [0] * (len(TABLES) - 1)


def test_a_log_without_a_commit_gets_one(tmp_path: Path) -> None:
    (tmp_path / "runs" / "_delta_log").mkdir(parents=True)
    tables = FolderTables(ResultsLocation(path=tmp_path))
    tables.create()
    tables.upsert_run(RUN)
    assert tables.runs() == [RUN]


def test_processes_that_start_at_once_upgrade_once(earlier: Path) -> None:
    before = everything(earlier)
    n_before = [n_commits(FolderTables(ResultsLocation(path=earlier)), name) for name in TABLES]
    starting = f"""
import sys, deltalake
from pathlib import Path
from bakeoff.storage.folder_tables import FolderTables
from bakeoff.storage.location import ResultsLocation
tables = FolderTables(ResultsLocation(path=Path({str(earlier)!r})), print)
sys.stdin.read()
tables.create()
"""
    processes = [
        subprocess.Popen([sys.executable, "-c", starting], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = "".join(process.communicate()[0] for process in processes)
    assert [process.returncode for process in processes] == [0] * 4
    assert said.count("earlier version's") == 1
    assert [n_commits(FolderTables(ResultsLocation(path=earlier)), name) for name in TABLES] == [
        n + 1 for n in n_before
    ]
    assert everything(earlier) == before


def test_a_table_of_an_earlier_version_gets_what_is_new_and_keeps_what_it_has(
    spark: Any, open_tables: Callable[[Path], Any], tmp_path: Path
) -> None:
    place = ResultsLocation(path=tmp_path)
    for name, table in TABLES.items():
        make_as_before(spark, place, OLDER.get(name, table))
    columns = ", ".join(column.name for column in OLDER["leaderboard"].columns)
    spark.sql(
        f"INSERT INTO {place.name('leaderboard')} (run_id, model_id, rank, status, n_folds_ok, fit_seconds, metrics) "
        "VALUES ('r', 'lr', 1, 'ok', 2, 1.5, map('auc', 0.5)), ('r', 'rf', 2, 'failed', 0, 0.0, NULL)"
    )
    spark.sql(f"INSERT INTO {place.name('runs')} (run_id, status) VALUES ('r', 'finished')")
    tables = open_tables(tmp_path)
    before = tables._rows(f"SELECT {columns} FROM {place.name('leaderboard')} ORDER BY rank")
    for _ in range(2):  # by each of those that take turns
        tables.create()
    commits = [n_commits(tables, name) for name in TABLES]
    for _ in range(2):
        tables.create()
    assert [n_commits(tables, name) for name in TABLES] == commits
    assert tables._rows(f"SELECT {columns} FROM {place.name('leaderboard')} ORDER BY rank") == before
    assert {row["tied_with_best"] for row in rows(tables, "leaderboard")} == {None}
    tables.upsert_leaderboard("r", rank(PLAN, OLD).rows, "auc", {"rf": "m"})
    board = {row["model_id"]: row for row in rows(tables, "leaderboard")}
    assert board["rf"]["mlflow_run_id"] == "m"
    assert set(board["rf"]["metrics_std"]) >= {"auc", "f1"}
    assert len(board) == len(PLAN.models)
    # Its checks are this version's, too.
    tables.upsert_run(RunRecord("r", "interrupted"))
    assert [row["status"] for row in stored_rows(tables, "runs", "r")] == ["interrupted"]


def test_a_table_of_a_later_version_is_written_to_as_well(
    spark: Any, open_tables: Callable[[Path], Any], tmp_path: Path
) -> None:
    tables = open_tables(tmp_path)
    tables.create()
    for table in TABLES:
        spark.sql(f"ALTER TABLE {tables.location.name(table)} ADD COLUMNS (from_the_future STRING)")
    tables.create()
    tables.append_trials("r", PLAN, "d", OLD)
    for status in ("running", "finished"):
        tables.upsert_run(replace(RUN, run_id="r", status=status))
    assert [(row["status"], row["from_the_future"]) for row in rows(tables, "runs")] == [("finished", None)]
    assert len(tables.trials("r")) == len(OLD)


def test_a_column_of_another_type_is_said_in_one_sentence(
    spark: Any, open_tables: Callable[[Path], Any], tmp_path: Path
) -> None:
    name = ResultsLocation(path=tmp_path).name("runs")
    spark.sql(f"CREATE TABLE {name} (run_id STRING, status STRING, n_rows STRING) USING DELTA")
    with pytest.raises(
        UserError, match="has n_rows as STRING, and this version of Bakeoff writes BIGINT: name another"
    ):
        open_tables(tmp_path).create()
    assert spark.table(name).columns == ["run_id", "status", "n_rows"]


def test_a_table_of_somebody_else_is_left_alone(spark: Any, open_tables: Callable[[Path], Any], tmp_path: Path) -> None:
    name = ResultsLocation(path=tmp_path).name("runs")
    spark.sql(f"CREATE TABLE {name} (id INT) USING DELTA")
    with pytest.raises(UserError, match="is not Bakeoff's"):
        open_tables(tmp_path).create()
    assert spark.table(name).columns == ["id"]


def test_tables_that_only_spark_can_write_are_written_by_it(spark: Any, tmp_path: Path) -> None:
    place = ResultsLocation(path=tmp_path)
    assert isinstance(result_tables(place, spark, print), FolderTables)
    FolderTables(place).create()
    spark.sql(f"ALTER TABLE {place.name('runs')} SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')")

    assert isinstance(result_tables(place, spark, print), SparkTables)
    result_tables(place, spark, print).upsert_run(RUN)
    assert result_tables(place, spark, print).runs() == [RUN]
    with pytest.raises(TablesError, match="can be written through Spark only"):
        result_tables(place, None, print)
    with pytest.raises(TablesError, match="can be written through Spark only"):
        result_tables(ResultsLocation(schema="results"), None, print)


def test_a_folder_with_a_name_that_delta_rs_does_not_take_is_said_in_one_sentence(spark: Any, tmp_path: Path) -> None:
    place = ResultsLocation(path=tmp_path / "v[2]" / "tables")
    with pytest.raises(UserError, match=r"has \[ in its name, .*: name another --home\.$"):
        FolderTables(place).create()
    tables = result_tables(place, spark, print)
    tables.create()
    tables.upsert_run(RUN)
    with FolderReader(place) as reader:
        assert reader.runs() == tables.runs() == [RUN]
