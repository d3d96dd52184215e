"""The main job on a real session, with real Delta tables and a real MLflow store."""

from __future__ import annotations

import getpass
import json
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow.artifacts import list_artifacts
from mlflow.tracking import MlflowClient
from pyspark import SparkContext
from pyspark.sql import SparkSession

from bakeoff import RunConfig, run
from bakeoff.job.signals import SIGNALS
from bakeoff.report import reproduce
from bakeoff.storage.spark_tables import SparkTables
from bakeoff.tracking.addresses import local_tracking_uri
from support.datasets import cancer_file

MODELS = ("nb", "dt", "lr", "dummy", "ridge")
N_FOLDS = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("job")


@pytest.fixture(scope="module")
def source(folder: Path) -> Path:
    return cancer_file(folder)


@pytest.fixture(autouse=True)
def _here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def config(source: Path, folder: Path, **more: Any) -> RunConfig:
    asked = {"include": MODELS, "fold": N_FOLDS, "batch_size": 2, "run_id": "first", "home": folder / "home"}
    return RunConfig(str(source), "target", **{**asked, **more})


@pytest.fixture(scope="module")
def result(source: Path, folder: Path, spark: Any) -> Any:
    return run(config(source, folder), spark, say=lambda _: None)


@pytest.fixture(scope="module")
def client(folder: Path, result: Any) -> MlflowClient:
    uri = local_tracking_uri(folder / "home")
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def counts(spark: Any, result: Any, run_id: str) -> dict[str, int]:
    return {
        name: SparkTables(spark, result.tables).frame(name).where(f"run_id = '{run_id}'").count()
        for name in ("runs", "leaderboard", "trials")
    }


def test_the_tables_hold_one_row_for_each_thing(spark: Any, result: Any) -> None:
    assert counts(spark, result, "first") == {"runs": 1, "leaderboard": 5, "trials": 15}
    row = SparkTables(spark, result.tables).frame("runs").where("run_id = 'first'").first().asDict()
    assert row["status"] == "finished"
    assert (row["n_models"], row["n_ok"], row["n_failed"], row["n_folds"]) == (5, 5, 0, N_FOLDS)
    assert row["best_model_id"] == result.leaderboard.best.model_id
    assert row["primary_metric"] == "accuracy"
    assert row["mlflow_run_id"] == result.mlflow_run_id
    assert json.loads(row["config"])["include"] == list(MODELS)
    assert row["wall_seconds"] >= row["ideal_seconds"] > 0
    assert row["started_at"] < row["finished_at"]


def test_the_leaderboard_is_ranked_and_points_into_mlflow(spark: Any, result: Any, client: MlflowClient) -> None:
    rows = SparkTables(spark, result.tables).frame("leaderboard").where("run_id = 'first'").orderBy("rank").collect()
    assert [row.rank for row in rows] == [1, 2, 3, 4, 5]
    assert [row.model_id for row in rows] == [row.model_id for row in result.leaderboard.rows]
    for row in rows:
        logged = client.get_run(row.mlflow_run_id).data.metrics
        assert logged["accuracy"] == pytest.approx(row.metrics["accuracy"])
        assert logged["accuracy_std"] == pytest.approx(row.metrics_std["accuracy"])


def test_mlflow_holds_a_tree_of_runs(result: Any, client: MlflowClient) -> None:
    runs = client.search_runs([result.experiment_id], filter_string="tags.`bakeoff.run_id` = 'first'")
    kinds = [run.data.tags["bakeoff.kind"] for run in runs]
    # Three batches of two, two and one: a batch of one is its model's run.
    assert (kinds.count("run"), kinds.count("batch"), len(runs)) == (1, 3, 8)
    parent = client.get_run(result.mlflow_run_id)
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["n_models"] == len(MODELS)
    assert {item.path for item in client.list_artifacts(result.mlflow_run_id)} >= {"leaderboard.json"}
    assert all(run.info.status == "FINISHED" for run in runs)
    # Which is what MLflow's page shows as "Created by" and "Source".
    assert all(run.data.tags["mlflow.user"] == getpass.getuser() for run in runs)
    assert all(run.data.tags["mlflow.source.name"] for run in runs)
    folds = client.get_metric_history(runs[0].info.run_id, "fold_accuracy")
    assert len(folds) in (0, N_FOLDS)


def test_the_report_is_in_the_folder_and_on_the_run_which_is_named_by_its_answer(
    result: Any, client: MlflowClient, spark: Any
) -> None:
    best = result.leaderboard.best
    page = result.report.read_text(encoding="utf-8")
    assert f"{best.model_name} ({best.model_id}) has the best Accuracy" in page
    for section in (
        "Confusion matrix",
        "Where the time went",
        "None: all 15 trials were scored.",
        "No column has missing",
    ):
        assert section in page
    logged = {file.path for file in client.list_artifacts(result.mlflow_run_id)}
    assert {"report.html", "report.json", "plots"} <= logged
    run = client.get_run(result.mlflow_run_id)
    # By its address: MLflow 3.0 looks for a folder of a run in the process's own store, whatever client is asked.
    plots = {Path(file.path).name for file in list_artifacts(f"{run.info.artifact_uri}/plots")}
    assert {"plots.html", "folds.png", "timeline.png", "confusion.png"} <= plots
    assert run.info.run_name == f"{best.model_id} {best.primary_value:.4f} for target of cancer.csv"
    assert f"{best.model_name} ({best.model_id}) has the best Accuracy" in run.data.tags["mlflow.note.content"]
    rows = SparkTables(spark, result.tables).frame("leaderboard").where("run_id = 'first'").orderBy("rank").collect()
    assert [row.tied_with_best for row in rows] == [row.tied_with_best for row in result.leaderboard.rows]
    assert rows[0].tied_with_best is True


def test_the_winner_can_be_had_again_in_plain_pycaret(result: Any) -> None:
    known: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code = reproduce.pycaret_code(result.facts).replace(".setup(", ".setup(html=False, verbose=False, data=")
        exec(code, known)  # noqa: S102 - what the report tells people to run
    scores = known["experiment"]._master_model_container[-1]["scores"]
    assert scores.loc["Mean", "Accuracy"] == pytest.approx(result.leaderboard.best.primary_value, abs=5e-3)


def test_the_best_model_predicts_raw_rows_in_a_fresh_process(source: Path, folder: Path, result: Any) -> None:
    code = (
        "import sys, json, warnings; warnings.simplefilter('ignore'); import pandas as pd\n"
        f"{reproduce.loading(result.facts)}\n"  # what the report tells people to run
        f"rows = pd.read_csv({str(source)!r}).drop(columns='target').tail(7);"
        "print(json.dumps([str(value) for value in model.predict(rows)]));"
        "assert not any(name.startswith('bakeoff') for name in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=folder)
    assert said.returncode == 0, said.stderr[-2000:]
    predicted = json.loads(said.stdout.strip().splitlines()[-1])
    truth = list(pd.read_csv(source)["target"].tail(7))
    assert set(predicted) <= {"malignant", "benign"}
    assert sum(mine == true for mine, true in zip(predicted, truth, strict=True)) >= 5


@pytest.mark.slow
def test_the_session_is_used_and_left_as_it_is(source: Path, folder: Path, spark: Any, result: Any) -> None:
    settings = {row.key: row.value for row in spark.sql("SET").collect()}
    views = {table.name for table in spark.catalog.listTables()}
    handlers = [signal.getsignal(each) for each in SIGNALS]
    other = config(source, folder, run_id="second", include=("nb", "dummy"))
    run(other, say=lambda _: None)  # the session is not passed: it is the active one
    assert SparkSession.getActiveSession() is spark
    assert spark.range(3).count() == 3
    after = {row.key: row.value for row in spark.sql("SET").collect()}
    # Delta itself notes the version of its last commit among the session's settings.
    mine = {key: value for key, value in after.items() if "lastCommitVersionInSession" not in key}
    assert mine == {key: value for key, value in settings.items() if "lastCommitVersionInSession" not in key}
    assert {table.name for table in spark.catalog.listTables()} == views
    assert SparkContext._active_spark_context is spark.sparkContext
    assert [signal.getsignal(each) for each in SIGNALS] == handlers
    # ... and the second run stands beside the first.
    assert counts(spark, result, "second") == {"runs": 1, "leaderboard": 2, "trials": 6}
    assert counts(spark, result, "first") == {"runs": 1, "leaderboard": 5, "trials": 15}


def test_the_same_run_id_again_leaves_one_copy(
    source: Path, folder: Path, spark: Any, result: Any, client: Any
) -> None:
    said: list[str] = []
    again = run(config(source, folder), spark, say=said.append)
    assert counts(spark, result, "first") == {"runs": 1, "leaderboard": 5, "trials": 15}
    assert len(client.search_runs([result.experiment_id], "tags.`bakeoff.run_id` = 'first'")) == 8
    assert again.mlflow_run_id == result.mlflow_run_id
    assert again.summary.n_resumed == 15
    assert [row.primary_value for row in again.leaderboard.rows] == [
        row.primary_value for row in result.leaderboard.rows
    ]
    assert "Run first goes on: 15 of its trials are finished already." in said
    page = again.report.read_text(encoding="utf-8")
    assert "15 trials had been finished when the run went on" in page
    assert page.count("What the slots did before</h3>") == 1
    assert "Nothing ran" not in page


def test_another_question_under_the_same_run_id_is_refused(source: Path, folder: Path, spark: Any, result: Any) -> None:
    from bakeoff.errors import UserError

    with pytest.raises(UserError, match="asked something else: choose another --run-id"):
        run(config(source, folder, fold=2), spark, say=lambda _: None)


def test_when_no_model_survives_the_job_fails_and_says_why(source: Path, folder: Path, spark: Any, result: Any) -> None:
    from bakeoff.errors import NoModelSurvivedError

    broken = config(source, folder, run_id="none", include=("nb",), budget_minutes=1e-9)
    with pytest.raises(NoModelSurvivedError, match="None of the 1 models survived"):
        run(broken, spark, say=lambda _: None)
    row = SparkTables(spark, result.tables).frame("runs").where("run_id = 'none'").first()
    assert (row.status, row.n_failed, row.best_model_id) == ("failed", 1, None)


def test_a_table_is_compared_by_its_name(source: Path, folder: Path, spark: Any, result: Any) -> None:
    rows = spark.createDataFrame(pd.read_csv(source))
    rows.write.format("delta").saveAsTable("patients")
    asked = RunConfig("patients", "target", include=("nb",), fold=3, run_id="table", home=folder / "home")
    try:
        run(asked, spark, say=lambda _: None)
    finally:
        spark.sql("DROP TABLE patients")
    row = SparkTables(spark, result.tables).frame("runs").where("run_id = 'table'").first()
    assert (row.source, row.source_version) == ("patients", "0")


@pytest.mark.slow
def test_a_time_series_runs_too(folder: Path, spark: Any) -> None:
    from bakeoff.cli.demo_data import demo_config

    asked = demo_config("time_series", folder / "home", ("naive", "snaive", "polytrend"))
    series = run(asked, spark, say=lambda _: None)
    assert series.leaderboard.count("ok") == 3
    assert series.plan.sort_by == "mase"
    assert series.model_uri is not None
