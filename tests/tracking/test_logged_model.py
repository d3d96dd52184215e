"""The best model, logged from a real PyCaret experiment and loaded by a process that knows nothing of Bakeoff."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient
from sklearn.datasets import load_breast_cancer
from sktime.forecasting.naive import NaiveForecaster

from bakeoff.tracking import client as store
from bakeoff.tracking.logged_model import pip_requirements, save_best_model
from bakeoff.tracking.model_inputs import any_type, input_schema
from support.logged_models import log_best_model

pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),  # importing mlflow.pyfunc
]

READ_AND_PREDICT = """
import json, sys
import mlflow, pandas as pd
import mlflow.pyfunc
mlflow.set_tracking_uri(sys.argv[1])
answers = []
for uri in sys.argv[2:4]:
    model = mlflow.pyfunc.load_model(uri)
    answers.append([list(map(str, model.predict(pd.read_csv(path)))) for path in sys.argv[4:]])
assert not any(name.partition(".")[0] == "bakeoff" for name in sys.modules)
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    """Floats, whole numbers, text, a category in numbers, truth values; text for a target."""
    data = load_breast_cancer(as_frame=True)
    rows = data.data.iloc[:200, :4].copy()
    rng = np.random.default_rng(0)
    rows["age"] = rng.integers(20, 90, len(rows))
    rows["grade"] = rng.choice([1, 2, 3], len(rows))
    rows["ward"] = rng.choice(["a", "b c", "ü"], len(rows))
    rows["smoker"] = rng.random(len(rows)) > 0.5
    rows["diagnosis"] = np.where(data.target[:200] == 1, "benign", "malignant")
    return rows


@pytest.fixture(scope="module")
def experiment(raw: pd.DataFrame) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyCaret's own, on import and in setup
        from pycaret.classification import ClassificationExperiment

        made = ClassificationExperiment()
        made.setup(
            raw,
            target="diagnosis",
            categorical_features=["grade", "ward"],
            session_id=1,
            fold=2,
            n_jobs=1,
            html=False,
            verbose=False,
        )
    return made


@pytest.fixture(scope="module")
def pipeline(experiment: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return experiment.finalize_model(experiment.create_model("lightgbm", verbose=False, cross_validation=False))


@pytest.fixture
def run_id(client: MlflowClient, tmp_path: Path) -> str:
    made = client.create_experiment("bake-offs", store.experiment_location(tmp_path))
    return str(client.create_run(made).info.run_id)


@pytest.fixture
def _users_run(template: Path, tmp_path: Path) -> Iterator[None]:
    """A user with a run of their own, in an MLflow of their own."""
    before, home = mlflow.get_tracking_uri(), tmp_path / "theirs"
    home.mkdir()
    (home / "mlflow.db").write_bytes(template.read_bytes())
    mlflow.set_tracking_uri(store.local_tracking_uri(home))
    with mlflow.start_run() as theirs:
        yield
        active = mlflow.active_run()
        assert active is not None
        assert active.info.run_id == theirs.info.run_id
        assert mlflow.get_tracking_uri() == store.local_tracking_uri(home)
    mlflow.set_tracking_uri(before)


@pytest.mark.usefixtures("_users_run")
@pytest.mark.slow
def test_a_fresh_process_predicts_the_same_from_raw_rows(  # noqa: PLR0917 - fixtures
    client: MlflowClient,
    run_id: str,
    experiment: Any,
    pipeline: Any,
    raw: pd.DataFrame,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    rows = raw.drop(columns="diagnosis")
    gaps = rows.astype({"age": float}).astype(object).mask(np.random.default_rng(1).random(rows.shape) < 0.1)
    gaps["smoker"] = rows["smoker"]
    if any_type() is None:  # then MLflow takes no gaps in columns that had none in training
        gaps[["age", "grade"]] = rows[["age", "grade"]]
    files = {"whole.csv": rows, "five.csv": rows.head(), "gaps.csv": gaps, "with_target.csv": raw}
    for name, frame in files.items():
        frame.to_csv(tmp_path / name, index=False)

    best = log_best_model(client, run_id, pipeline, rows, model_id="lightgbm")

    captured = capfd.readouterr()
    assert captured.out + captured.err == ""
    assert best.uri == f"runs:/{run_id}/model"
    assert client.get_run(run_id).info.status == "RUNNING"

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        native = experiment.predict_model(pipeline, data=raw, verbose=False)["prediction_label"].astype(str).tolist()
        native_gaps = pipeline.predict(pd.read_csv(tmp_path / "gaps.csv")).astype(str).tolist()
    script = tmp_path / "predict.py"
    script.write_text(textwrap.dedent(READ_AND_PREDICT))
    paths = [str(tmp_path / name) for name in files]
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), client.tracking_uri, best.uri, best.location, *paths],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=env,
    )
    assert done.returncode == 0, done.stderr
    by_run, by_location = json.loads(done.stdout.splitlines()[-1])
    assert by_run == by_location == [native, native[:5], native_gaps, native]


def test_it_has_a_signature_an_example_and_requirements(
    client: MlflowClient, run_id: str, pipeline: Any, raw: pd.DataFrame
) -> None:
    best = log_best_model(client, run_id, pipeline, raw.drop(columns="diagnosis"), model_id="lightgbm")

    folder = Path(mlflow.artifacts.download_artifacts(best.location))
    model = mlflow.models.Model.load(folder)
    assert model.run_id == run_id
    assert model.signature.inputs.input_names() == [*raw.columns.drop("diagnosis")]
    assert model.signature.outputs.input_types() == [mlflow.types.DataType.string]
    example = model.load_input_example(str(folder))
    assert example.shape == (5, 8)
    required = (folder / "requirements.txt").read_text().split()
    named = {re.split(r"==|-(?=\d)", line.removeprefix("wheels/"))[0].replace("_", "-") for line in required}
    assert named >= {"pycaret-core", "scikit-learn", "lightgbm", "mlflow"}
    assert all("==" in line or (folder / line).is_file() for line in required)  # a relaxed pycaret-core goes along
    assert "bakeoff" not in "".join(required)


def test_requirements_name_what_holds_the_model_and_nothing_of_ours(pipeline: Any) -> None:
    required = [line.partition("==")[0] for line in pip_requirements(pipeline)]
    assert required == sorted(required)
    assert {"pandas", "numpy", "cloudpickle", "lightgbm"} <= set(required)
    assert "bakeoff" not in required


def test_once_more_for_the_same_run_leaves_one_model_and_one_version(
    client: MlflowClient, run_id: str, pipeline: Any, raw: pd.DataFrame
) -> None:
    rows = raw.drop(columns="diagnosis")
    name = "the best, it's said"
    first = log_best_model(client, run_id, pipeline, rows, model_id="lightgbm", registered_model_name=name)
    again = log_best_model(client, run_id, pipeline, rows, model_id="lightgbm", registered_model_name=name)

    assert first == again
    assert first.registered == (name, "1")
    [version] = client.search_model_versions()
    assert (version.status, version.run_id) == ("READY", run_id)
    if first.logged_model_id:
        [output] = client.get_run(run_id).outputs.model_outputs
        assert output.model_id == first.logged_model_id


def test_a_resumed_run_may_have_another_best_model(
    client: MlflowClient, run_id: str, pipeline: Any, raw: pd.DataFrame
) -> None:
    rows = raw.drop(columns="diagnosis")
    first = log_best_model(client, run_id, pipeline, rows, model_id="lr")
    second = log_best_model(client, run_id, pipeline, rows, model_id="lightgbm")

    assert first.logged_model_id is None or first.logged_model_id != second.logged_model_id
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(client.tracking_uri)
    try:
        assert mlflow.pyfunc.load_model(second.uri).metadata.model_uuid == _uuid(second.location)
    finally:
        mlflow.set_tracking_uri(before)


def _uuid(location: str) -> str:
    return str(mlflow.models.Model.load(mlflow.artifacts.download_artifacts(location)).model_uuid)


def test_a_pipeline_that_cannot_predict_is_not_left_half_logged(
    client: MlflowClient, run_id: str, pipeline: Any, raw: pd.DataFrame
) -> None:
    with pytest.raises(KeyError):
        log_best_model(client, run_id, pipeline, raw[["age"]], model_id="lightgbm")
    run = client.get_run(run_id)
    assert run.info.status == "RUNNING"
    assert not client.list_artifacts(run_id)
    outputs = getattr(run, "outputs", None)
    assert not (outputs and outputs.model_outputs)


def test_the_types_of_columns() -> None:
    frame = pd.DataFrame(
        {
            "float": [0.5, None],
            "int": [1, 2],
            "int with gaps": [1.0, None],
            "text": ["a", None],
            "nothing": [None, None],
            "bool": [True, False],
            "bool with gaps": [True, None],
            "day": pd.to_datetime(["2024-01-01", None]),
            "category": pd.Categorical(["a", "b"]),
            "mixed": ["a", 1],
        }
    )
    schema = input_schema(frame)
    types = {spec.name: str(getattr(spec.type, "name", "any")) for spec in schema.inputs}
    lenient = {"int", "int with gaps", "mixed"}
    assert {name: kind for name, kind in types.items() if name not in lenient} == {
        "float": "double",
        "text": "string",
        "nothing": "string",
        "bool": "boolean",
        "bool with gaps": "boolean",
        "day": "datetime",
        "category": "string",
    }
    assert {name: types[name] for name in lenient} in (
        dict.fromkeys(lenient, "any"),
        {"int": "long", "int with gaps": "double", "mixed": "string"},
    )
    assert all(spec.required for spec in schema.inputs)


def test_a_forecaster_of_a_series_alone_is_saved_without_a_signature(tmp_path: Path) -> None:
    series = pd.Series([1.0, 2.0, 3.0, 4.0], pd.period_range("2024-01", periods=4, freq="M"), name="sold")
    save_best_model(tmp_path / "model", NaiveForecaster().fit(series), series.to_frame()[[]], task="time_series")
    loaded = mlflow.sklearn.load_model(str(tmp_path / "model"))
    assert loaded.predict(fh=[1]).tolist() == [4.0]
    assert mlflow.models.Model.load(str(tmp_path / "model")).signature is None
