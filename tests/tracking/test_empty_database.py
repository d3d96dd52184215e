"""A database that is copied is the same as one that MLflow has made by its migrations."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from bakeoff.errors import TrackingError
from bakeoff.tracking import client as store
from bakeoff.tracking import empty_database

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that is kept, not there yet."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION", raising=False)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "shared"
    folder.mkdir()
    monkeypatch.setattr(empty_database, "shared_folder", lambda: folder)
    return empty_database.kept_file()


def content(database: Path) -> dict[str, Any]:
    """Return all that a database holds, without the times at which its experiments were made."""
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        # MLflow's migrations write the constraints of a table in another order each time.
        schema = sorted(
            (kind, name, table, *sorted(line.strip(", \t") for line in (sql or "").splitlines()))
            for kind, name, table, sql in connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")
        )
        tables = [name for kind, name, *_ in schema if kind == "table"]
        rows = {name: [dict(row) for row in connection.execute(f'SELECT * FROM "{name}"')] for name in tables}
        pragmas = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("user_version", "application_id", "page_size", "journal_mode", "encoding", "auto_vacuum")
        }
    for row in rows["experiments"]:
        row.pop("creation_time", None), row.pop("last_update_time", None)
    return {"schema": schema, "rows": rows, "pragmas": pragmas}


@pytest.mark.slow
def test_a_copy_is_the_same_as_what_mlflow_makes(tmp_path: Path, kept: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    store.make_client(first)
    assert kept.is_file()
    before = kept.read_bytes()
    store.make_client(second)
    assert content(second / "mlflow.db") == content(first / "mlflow.db")
    assert kept.read_bytes() == before
    by_mlflow_alone = tmp_path / "alone.db"
    with store.quiet_migrations():
        MlflowClient(tracking_uri=f"sqlite:///{by_mlflow_alone}")
    assert content(by_mlflow_alone) == content(second / "mlflow.db")


@pytest.mark.slow
def test_a_copy_can_be_logged_to_and_holds_nothing_of_another_home(tmp_path: Path) -> None:
    client = store.make_client(tmp_path / "one")
    client.create_experiment("mine", store.experiment_location(tmp_path / "one"))
    other = store.make_client(tmp_path / "two")
    assert [experiment.name for experiment in other.search_experiments()] == ["Default"]
    made = other.create_experiment("mine", store.experiment_location(tmp_path / "two"))
    run = other.create_run(made)
    other.log_metric(run.info.run_id, "auc", 0.5)
    assert other.get_run(run.info.run_id).data.metrics == {"auc": 0.5}


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["no database", "cut off", "nothing"])
def test_a_copy_that_is_damaged_is_made_anew(tmp_path: Path, kept: Path, damage: str) -> None:
    store.make_client(tmp_path / "one")
    if damage == "no database":
        kept.write_bytes(b"not a database" * 100)
    elif damage == "cut off":
        kept.write_bytes(kept.read_bytes()[:5000])
    else:
        kept.write_bytes(b"")
    client = store.make_client(tmp_path / "two")
    assert client.get_experiment("0").name == "Default"
    assert content(tmp_path / "two" / "mlflow.db") == content(tmp_path / "one" / "mlflow.db")
    assert empty_database.copy_kept(tmp_path / "kept anew.db")


def test_another_set_of_migrations_is_another_file(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert empty_database.kept_file() == kept
    monkeypatch.setattr(mlflow, "__file__", str(tmp_path / "mlflow" / "__init__.py"))
    assert empty_database.kept_file() != kept


def test_a_folder_that_cannot_be_written_to_keeps_nothing(
    tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "made.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE experiments (experiment_id INTEGER)")
    monkeypatch.setattr(empty_database, "kept_file", lambda: tmp_path / "not there" / "kept.db")
    empty_database.keep(database)
    assert not empty_database.copy_kept(tmp_path / "copy.db")
    assert not kept.exists()


@pytest.mark.slow
def test_an_old_database_of_the_users_is_never_replaced(tmp_path: Path) -> None:
    store.make_client(tmp_path / "one")
    old = tmp_path / "two" / "mlflow.db"
    old.parent.mkdir()
    shutil.copyfile(tmp_path / "one" / "mlflow.db", old)
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
    before = content(old)
    with pytest.raises(TrackingError, match="mlflow db upgrade"):
        store.make_client(old.parent)
    assert content(old) == before
