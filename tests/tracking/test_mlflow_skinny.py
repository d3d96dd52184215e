"""A run without what mlflow-skinny leaves out of MLflow, as on serverless compute and in Databricks' standard mode."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from support.datasets import breast_cancer
from support.tracking_server import mlflow_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

WITHOUT = """
import sys
from importlib.machinery import PathFinder

LEFT_OUT = {"alembic", "docker", "flask", "flask_cors", "graphene", "gunicorn", "huey", "skops", "sqlalchemy"}
find_spec = PathFinder.find_spec
PathFinder.find_spec = lambda name, *more: None if name.partition(".")[0] in LEFT_OUT else find_spec(name, *more)
from bakeoff.cli import main
main(["run", *sys.argv[1:]])
"""


def run_without(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    breast_cancer(100).to_csv(folder / "patients.csv", index=False)
    asked = ["--source", "patients.csv", "--target", "target", "--include", "nb,dummy", "--fold", "2", *options]
    inherited = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, *asked],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**inherited, **environment},
    )


def test_a_run_is_logged_and_registered_where_mlflow_is_a_server(template: Path, tmp_path: Path) -> None:
    database = Path(shutil.copy(template, tmp_path / "mlflow.db"))  # the template is of all tests
    with mlflow_server(tmp_path, database) as uri:
        said = run_without(tmp_path, "--register-model", "skinny", MLFLOW_TRACKING_URI=uri)
        assert said.returncode == 0, said.stderr[-3000:]
        assert "registered as skinny, version 1: the first champion" in said.stdout
        client = MlflowClient(uri, uri)
        source = client.get_model_version_by_alias("skinny", "champion").run_id
        assert client.get_run(source).info.status == "FINISHED"


def test_a_database_of_its_own_says_what_it_needs(tmp_path: Path) -> None:
    said = run_without(tmp_path)
    assert said.returncode == 2
    assert "MLflow's database needs 'sqlalchemy', which is not installed" in said.stderr
    assert "pip install mlflow" in said.stderr
