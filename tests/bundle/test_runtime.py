"""The wheel, in the environment of a Databricks runtime, does the whole job from its own entry point."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow.tracking import MlflowClient

import bakeoff
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.spark_tables import SparkTables
from bakeoff.tracking.addresses import local_tracking_uri
from support.datasets import breast_cancer

pytestmark = pytest.mark.slow
IN_A_RUNTIME = pytest.mark.skipif("dbr" not in sys.prefix, reason="this is about the environments of `make test-dbr`")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run of the entry point, in a process and a folder of its own."""
    folder = tmp_path_factory.mktemp("runtime")
    breast_cancer(120).to_csv(folder / "patients.csv", index=False)
    entry_point = Path(sys.executable).with_name("bakeoff")
    command = [entry_point, "run", "--source", "patients.csv", "--target", "target", "--include", "lr,nb,dt"]
    command += ["--fold", "2", "--run-id", "77", "--register-model", "main.bakeoff.best_model", "--batch-size", "2"]
    quiet = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=quiet)
    assert said.returncode == 0, said.stderr[-3000:]
    return folder, said.stdout


def test_the_tables_hold_the_run(done: tuple[Path, str], spark: Any) -> None:
    tables = ResultsLocation(path=done[0] / ".bakeoff" / "tables")
    (run,) = SparkTables(spark, tables).frame("runs").collect()
    assert (run.run_id, run.status, run.n_models, run.n_ok) == ("77", "finished", 3, 3)
    for package in ("pyspark", "mlflow", "pandas"):
        assert run.versions[package] == importlib.metadata.version(package)
    assert SparkTables(spark, tables).frame("trials").count() == 6
    assert [row.rank for row in SparkTables(spark, tables).frame("leaderboard_latest").orderBy("rank").collect()] == [
        1,
        2,
        3,
    ]


def test_the_registered_model_is_there_and_predicts(done: tuple[Path, str]) -> None:
    folder, said = done
    assert "registered as main.bakeoff.best_model, version 1: the first champion" in said
    uri = local_tracking_uri(folder / ".bakeoff")
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    version = client.get_model_version_by_alias("main.bakeoff.best_model", "champion")
    assert (version.version, version.tags["bakeoff.run_id"]) in {("1", "77"), (1, "77")}
    code = (
        "import json, warnings; warnings.simplefilter('ignore'); import mlflow, pandas as pd;"
        f"mlflow.set_tracking_uri({uri!r}); mlflow.set_registry_uri({uri!r});"
        "model = mlflow.pyfunc.load_model('models:/main.bakeoff.best_model@champion');"
        f"rows = pd.read_csv({str(folder / 'patients.csv')!r}).drop(columns='target').tail(5);"
        "print(json.dumps([str(value) for value in model.predict(rows)]))"
    )
    predicted = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=folder)
    assert predicted.returncode == 0, predicted.stderr[-2000:]
    assert set(json.loads(predicted.stdout.splitlines()[-1])) <= {"malignant", "benign"}


@IN_A_RUNTIME
@pytest.mark.timeout(1800)
def test_the_champion_predicts_in_an_environment_made_of_its_own_requirements(
    done: tuple[Path, str], tmp_path: Path
) -> None:
    uri = local_tracking_uri(done[0] / ".bakeoff")
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    mlflow.set_tracking_uri(uri)
    source = client.get_model_version_download_uri("main.bakeoff.best_model", "1")
    model = Path(mlflow.artifacts.download_artifacts(source, dst_path=str(tmp_path)))
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", "requirements.txt"], check=True, cwd=model)
    subprocess.run([python, "-m", "pip", "check"], check=True)
    code = (
        "import warnings; warnings.simplefilter('ignore'); import mlflow, pandas as pd;"
        f"rows = pd.read_csv({str(done[0] / 'patients.csv')!r}).drop(columns='target').tail(5);"
        f"print(len(mlflow.pyfunc.load_model({str(model)!r}).predict(rows)))"
    )
    predicted = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert predicted.stdout.splitlines()[-1:] == ["5"], predicted.stderr[-2000:]


@IN_A_RUNTIME
def test_it_is_the_wheel_that_was_tested() -> None:
    assert Path(sys.prefix) in Path(bakeoff.__file__).parents
