"""The wheel, in the environment of a Databricks runtime, does the whole job from its own entry point.

With ``--connect`` as on serverless compute, where the session is the platform's, and Spark Connect's.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
import pytest
from mlflow.tracking import MlflowClient

import bakeoff
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.spark_tables import SparkTables
from bakeoff.tracking.addresses import local_tracking_uri
from support.datasets import breast_cancer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
IN_A_RUNTIME = pytest.mark.skipif(
    not re.search(r"\.venv-(dbr|serverless)-[^/]*$", sys.prefix),
    reason="this is about the environments of `make test-dbr`",
)
RUN_ID, REGISTERED = "77", "main.bakeoff.best_model"


class Done(NamedTuple):
    """A run of the entry point, in a process and a folder of its own."""

    folder: Path
    tables: ResultsLocation
    said: str

    @property
    def tracking_uri(self) -> str:
        return local_tracking_uri(self.folder / ".bakeoff")

    @property
    def model_uri(self) -> str:
        (uri,) = re.findall(r"^Model +(\S+)$", self.said, re.MULTILINE)
        return str(uri)


@pytest.fixture(scope="module")
def done(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder = tmp_path_factory.mktemp("runtime")
    breast_cancer(120).to_csv(folder / "patients.csv", index=False)
    entry_point = Path(sys.executable).with_name("bakeoff")
    command = [entry_point, "run", "--source", "patients.csv", "--target", "target", "--include", "lr,nb,dt"]
    command += ["--fold", "2", "--run-id", RUN_ID, "--batch-size", "2"]
    if request.config.getoption("--connect"):
        additions = _as_on_serverless(request.getfixturevalue("spark"), folder)
        tables = ResultsLocation(schema="of_a_runtime")
        command += ["--schema", "of_a_runtime", "--n-slots", "2", "--payload-dir", folder / "payloads"]
    else:
        additions = {}
        tables = ResultsLocation(path=folder / ".bakeoff" / "tables")
        command += ["--register-model", REGISTERED]
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"} | additions
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    assert said.returncode == 0, said.stderr[-3000:]
    return Done(folder, tables, said.stdout)


def _as_on_serverless(spark: Any, folder: Path) -> dict[str, str]:
    """What a process of serverless compute finds: the platform's session, and an MLflow by name.

    Its registry is Unity Catalog, which is not here, so nothing is registered.
    """
    return {
        "DATABRICKS_RUNTIME_VERSION": "client.5",
        "SPARK_REMOTE": f"sc://{spark.client._builder.endpoint}",
        "MLFLOW_TRACKING_URI": local_tracking_uri(folder / ".bakeoff"),
    }


def _predicted(done: Done, uri: str, python: Path | str = sys.executable) -> list[str]:
    """What a logged model predicts for five rows, in a process of its own."""
    code = (
        "import json, warnings; warnings.simplefilter('ignore'); import mlflow, pandas as pd;"
        f"mlflow.set_tracking_uri({done.tracking_uri!r}); mlflow.set_registry_uri({done.tracking_uri!r});"
        f"rows = pd.read_csv({str(done.folder / 'patients.csv')!r}).drop(columns='target').tail(5);"
        f"print(json.dumps([str(value) for value in mlflow.pyfunc.load_model({uri!r}).predict(rows)]))"
    )
    said = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False, cwd=done.folder)
    assert said.returncode == 0, said.stderr[-2000:]
    return list(json.loads(said.stdout.splitlines()[-1]))


def test_the_tables_hold_the_run(done: Done, spark: Any) -> None:
    tables = SparkTables(spark, done.tables)
    (run,) = tables.frame("runs").collect()
    assert (run.run_id, run.status, run.n_models, run.n_ok) == (RUN_ID, "finished", 3, 3)
    for package in ("pyspark", "mlflow", "pandas"):
        assert run.versions[package] == importlib.metadata.version(package)
    assert tables.frame("trials").count() == 6
    assert [row.rank for row in tables.frame("leaderboard_latest").orderBy("rank").collect()] == [1, 2, 3]


def test_the_logged_model_predicts(done: Done) -> None:
    assert set(_predicted(done, done.model_uri)) <= {"malignant", "benign"}


def test_the_registered_model_is_there_and_predicts(request: pytest.FixtureRequest, done: Done) -> None:
    if request.config.getoption("--connect"):
        pytest.skip("the registry is Unity Catalog there")
    assert f"registered as {REGISTERED}, version 1: the first champion" in done.said
    client = MlflowClient(tracking_uri=done.tracking_uri, registry_uri=done.tracking_uri)
    version = client.get_model_version_by_alias(REGISTERED, "champion")
    assert (version.version, version.tags["bakeoff.run_id"]) in {("1", RUN_ID), (1, RUN_ID)}
    assert set(_predicted(done, f"models:/{REGISTERED}@champion")) <= {"malignant", "benign"}


@IN_A_RUNTIME
@pytest.mark.timeout(1800)
def test_the_champion_predicts_in_an_environment_made_of_its_own_requirements(done: Done, tmp_path: Path) -> None:
    mlflow.set_tracking_uri(done.tracking_uri)
    model = mlflow.artifacts.download_artifacts(done.model_uri, dst_path=str(tmp_path))
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", "requirements.txt"], check=True, cwd=model)
    subprocess.run([python, "-m", "pip", "check"], check=True)
    assert _predicted(done, model, python) == _predicted(done, model)


@IN_A_RUNTIME
def test_it_is_the_wheel_that_was_tested() -> None:
    assert Path(sys.prefix) in Path(bakeoff.__file__).parents
