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

pytestmark = pytest.mark.slow
IN_A_RUNTIME = pytest.mark.skipif(
    not re.search(r"\.venv-(dbr|serverless)-[^/]*$", sys.prefix),
    reason="this is about the environments of `make test-dbr`",
)
RUN_ID = "77"


class Done(NamedTuple):
    """A run of the entry point, in a process and a folder of its own."""

    folder: Path
    tables: ResultsLocation
    model: str
    said: str

    @property
    def tracking_uri(self) -> str:
        return local_tracking_uri(self.folder / ".bakeoff")


@pytest.fixture(scope="module")
def done(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder = tmp_path_factory.mktemp("runtime")
    breast_cancer(120).to_csv(folder / "patients.csv", index=False)
    entry_point = Path(sys.executable).with_name("bakeoff")
    command = [entry_point, "run", "--source", "patients.csv", "--target", "target", "--include", "lr,nb,dt"]
    command += ["--fold", "2", "--run-id", RUN_ID, "--batch-size", "2", "--register-model"]
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    if request.config.getoption("--connect"):
        environment |= _as_on_serverless(request.getfixturevalue("spark"), folder)
        tables, model = ResultsLocation(schema="of_a_runtime"), "best_model"  # three parts would be Unity Catalog's
        command += [model, "--schema", tables.schema, "--n-slots", "2", "--payload-dir", folder / "payloads"]
    else:
        tables, model = ResultsLocation(path=folder / ".bakeoff" / "tables"), "main.bakeoff.best_model"
        command += [model]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    assert said.returncode == 0, said.stderr[-3000:]
    return Done(folder, tables, model, said.stdout)


def _as_on_serverless(spark: Any, folder: Path) -> dict[str, str]:
    """What a process of serverless compute finds: the platform's session, and a server for MLflow."""
    return {
        "DATABRICKS_RUNTIME_VERSION": "client.5",
        "SPARK_REMOTE": f"sc://{spark.client._builder.endpoint}",
        "MLFLOW_TRACKING_URI": local_tracking_uri(folder / ".bakeoff"),
    }


def test_the_tables_hold_the_run(done: Done, spark: Any) -> None:
    tables = SparkTables(spark, done.tables)
    (run,) = tables.frame("runs").collect()
    assert (run.run_id, run.status, run.n_models, run.n_ok) == (RUN_ID, "finished", 3, 3)
    for package in ("pyspark", "mlflow", "pandas"):
        assert run.versions[package] == importlib.metadata.version(package)
    assert tables.frame("trials").count() == 6
    assert [row.rank for row in tables.frame("leaderboard_latest").orderBy("rank").collect()] == [1, 2, 3]


def test_the_registered_model_is_there_and_predicts(done: Done) -> None:
    assert f"registered as {done.model}, version 1: the first champion" in done.said
    client = MlflowClient(tracking_uri=done.tracking_uri, registry_uri=done.tracking_uri)
    version = client.get_model_version_by_alias(done.model, "champion")
    assert (version.version, version.tags["bakeoff.run_id"]) in {("1", RUN_ID), (1, RUN_ID)}
    code = (
        "import json, warnings; warnings.simplefilter('ignore'); import mlflow, pandas as pd;"
        f"mlflow.set_tracking_uri({done.tracking_uri!r}); mlflow.set_registry_uri({done.tracking_uri!r});"
        f"model = mlflow.pyfunc.load_model('models:/{done.model}@champion');"
        f"rows = pd.read_csv({str(done.folder / 'patients.csv')!r}).drop(columns='target').tail(5);"
        "print(json.dumps([str(value) for value in model.predict(rows)]))"
    )
    predicted = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=done.folder
    )
    assert predicted.returncode == 0, predicted.stderr[-2000:]
    assert set(json.loads(predicted.stdout.splitlines()[-1])) <= {"malignant", "benign"}


@IN_A_RUNTIME
@pytest.mark.timeout(1800)
def test_the_champion_predicts_in_an_environment_made_of_its_own_requirements(done: Done, tmp_path: Path) -> None:
    client = MlflowClient(tracking_uri=done.tracking_uri, registry_uri=done.tracking_uri)
    mlflow.set_tracking_uri(done.tracking_uri)
    source = client.get_model_version_download_uri(done.model, "1")
    model = Path(mlflow.artifacts.download_artifacts(source, dst_path=str(tmp_path)))
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", "requirements.txt"], check=True, cwd=model)
    subprocess.run([python, "-m", "pip", "check"], check=True)
    code = (
        "import warnings; warnings.simplefilter('ignore'); import mlflow, pandas as pd;"
        f"rows = pd.read_csv({str(done.folder / 'patients.csv')!r}).drop(columns='target').tail(5);"
        f"print(len(mlflow.pyfunc.load_model({str(model)!r}).predict(rows)))"
    )
    predicted = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert predicted.stdout.splitlines()[-1:] == ["5"], predicted.stderr[-2000:]


@IN_A_RUNTIME
def test_it_is_the_wheel_that_was_tested() -> None:
    assert Path(sys.prefix) in Path(bakeoff.__file__).parents
