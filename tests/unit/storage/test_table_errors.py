"""Logs of local tables that are broken, found without Spark."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bakeoff.errors import TablesError
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.table_errors import check_logs, table_trouble


def commit(table: Path, version: int, *actions: dict[str, object]) -> Path:
    log = table / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    path = log / f"{version:020d}.json"
    path.write_text("\n".join(map(json.dumps, actions)))
    return path


@pytest.fixture
def tables(tmp_path: Path) -> ResultsLocation:
    target = ResultsLocation(path=tmp_path / "home" / "tables")
    assert target.path is not None
    for name in ("runs", "trials", "leaderboard"):
        commit(target.path / name, 0, {"metaData": {}})
        commit(target.path / name, 1, {"add": {"path": "old"}})
        commit(target.path / name, 2, {"remove": {"path": "old"}}, {"add": {"path": "new"}})
        (target.path / name / "new").touch()
    return target


def break_commit(table: Path) -> None:
    (table / "_delta_log" / f"{1:020d}.json").write_text('{"add": ')


def lose_commit(table: Path, version: int = 1) -> None:
    (table / "_delta_log" / f"{version:020d}.json").unlink()


def lose_data(table: Path) -> None:
    (table / "new").unlink()


def empty_log(table: Path) -> None:
    for path in (table / "_delta_log").iterdir():
        path.unlink()


def be_a_file(table: Path) -> None:
    table.rename(table.with_name("elsewhere"))
    table.write_text("x")


def test_whole_tables_pass_and_so_do_none(tables: ResultsLocation, tmp_path: Path) -> None:
    check_logs(tables)
    check_logs(ResultsLocation(path=tmp_path / "nothing"))
    check_logs(ResultsLocation(schema="results"))


def test_commits_from_before_a_checkpoint_are_not_asked_for(tables: ResultsLocation) -> None:
    assert tables.path is not None
    log = tables.path / "trials" / "_delta_log"
    (log / f"{1:020d}.checkpoint.parquet").touch()
    lose_commit(tables.path / "trials", 0)
    check_logs(tables)
    commit(tables.path / "trials", 4)
    with pytest.raises(TablesError, match="commit 3 is missing"):
        check_logs(tables)


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (break_commit, "commit 1 in its log cannot be read"),
        (lose_commit, "commit 1 is missing in its log"),
        (lambda table: lose_commit(table, 0), "commit 0 is missing in its log"),
        (lose_data, "its data file new is missing"),
        (empty_log, "there is no commit in"),
        (be_a_file, "it is a file and no folder"),
    ],
)
@pytest.mark.parametrize("name", ["runs", "trials", "leaderboard"])
def test_a_broken_table_is_named_with_what_is_wrong_and_what_is_safe(
    tables: ResultsLocation, harm: Callable[[Path], None], says: str, name: str
) -> None:
    assert tables.path is not None
    harm(tables.path / name)
    with pytest.raises(TablesError, match=says) as raised:
        check_logs(tables)
    said = str(raised.value)
    assert f"The table {tables.name(name)} cannot be used" in said
    assert f"RESTORE TABLE {tables.name(name)}" in said
    assert f"{tables.path.parent / 'runs'} still hold every trial" in said


def test_an_error_that_is_not_sparks_is_about_something_else(tables: ResultsLocation) -> None:
    assert table_trouble(ValueError(f"{tables.path}/runs"), tables) is None
