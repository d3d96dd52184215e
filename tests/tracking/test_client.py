"""Which MLflow is used, and how the local one comes to be."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from pathlib import Path

import mlflow
import pytest

from bakeoff.errors import UserError
from bakeoff.tracking import client as store

# MLflow's own tables, under a SQLAlchemy that is newer than they are.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION", raising=False)


def test_a_new_home_is_made_quietly_by_whoever_is_first(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = mlflow.get_tracking_uri(), logging.root.level, list(logging.root.handlers), logging.root.manager.disable
    home = tmp_path / "a home"
    client = store.make_client(home)
    with store.quiet_migrations():
        store.make_database(home / "mlflow.db")  # as a job does that looked at the same time
    again = store.make_client(home)

    assert [path.name for path in home.iterdir()] == ["mlflow.db"]
    made = client.create_experiment("mine", store.experiment_location(home))
    assert again.get_experiment(made).artifact_location == (home / "artifacts").as_uri()
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""
    assert before == (
        mlflow.get_tracking_uri(),
        logging.root.level,
        list(logging.root.handlers),
        logging.root.manager.disable,
    )


def test_a_file_of_another_mlflow_is_said_in_a_sentence(template: Path, tmp_path: Path) -> None:
    shutil.copy(template, tmp_path / "mlflow.db")
    connection = sqlite3.connect(tmp_path / "mlflow.db")
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
    connection.close()
    with pytest.raises(UserError, match="mlflow db upgrade sqlite:///"):
        store.make_client(tmp_path)


@pytest.mark.parametrize("name", ["MLFLOW_TRACKING_URI", "DATABRICKS_RUNTIME_VERSION"])
def test_the_environment_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    home = tmp_path / "home"
    uri = f"sqlite:///{tmp_path}/theirs.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv(name, uri)
    assert store.named_by_environment()
    assert store.experiment_location(home) is None
    assert not home.exists()
