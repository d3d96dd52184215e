"""The notebooks run from top to bottom, and leave what they say they leave."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bakeoff.tracking.addresses import local_tracking_uri
from support.bundle import CATALOG, ROOT, SOURCE, Filled

# What the libraries that a notebook calls warn of is theirs.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(1200)]  # whichever is first fills the tables

FOLDER = ROOT / "notebooks"
NAMES = sorted(file.stem for file in FOLDER.glob("*.py"))


class Widgets:
    """Databricks' widgets, as far as the notebooks use them: a default, unless a value was given."""

    def __init__(self, **given: str) -> None:
        self._given = given
        self._values: dict[str, str] = {}

    def text(self, name: str, default: str, label: str) -> None:
        assert label
        self._values[name] = self._given.get(name, default)

    def get(self, name: str) -> str:
        return self._values[name]


class Utilities:
    def __init__(self, **given: str) -> None:
        self.widgets = Widgets(**given)


def run_notebook(name: str, spark: Any, **widgets: str) -> dict[str, Any]:
    """Run every cell in the names that a notebook has, and give back what is there at the end."""
    shown: list[Any] = []
    names = {"spark": spark, "dbutils": Utilities(**widgets), "display": shown.append, "__name__": "__main__"}
    code = (FOLDER / f"{name}.py").read_text()
    exec(compile(code, f"{name}.py", "exec"), names)  # noqa: S102 - this is how a notebook is run
    return {**names, "shown": shown}


@pytest.fixture(autouse=True)
def _plots_are_not_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import plotly.graph_objects

    monkeypatch.setattr(plotly.graph_objects.Figure, "show", lambda figure: figure.to_json())
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_one_that_databricks_reads(name: str) -> None:
    code = (FOLDER / f"{name}.py").read_text()
    assert code.startswith("# Databricks notebook source\n# MAGIC %md\n# MAGIC # ")
    compile(code, name, "exec")
    for cell in code.split("\n# COMMAND ----------\n"):
        kinds = {line.startswith("# MAGIC") for line in cell.strip().splitlines() if "notebook source" not in line}
        assert len(kinds) == 1, f"a cell of {name} is text and code"


@pytest.mark.slow
def test_the_quickstart_leaves_a_leaderboard(filled: Filled, spark: Any, tmp_path: Path) -> None:
    schema = "bakeoff_quickstart"  # not where other tests count runs
    asked = {"source": SOURCE, "target": "target", "catalog": CATALOG, "schema": schema, "include": "nb,dummy"}
    left = run_notebook("quickstart", spark, **asked)
    assert [row.model_name for row in left["shown"][0].collect()] == ["Naive Bayes", "Dummy Classifier"]
    assert left["result"].model_uri
    runs = f"SELECT status FROM {CATALOG}.{schema}.runs WHERE run_id = :run"
    stored = spark.sql(runs, args={"run": left["config"].run_id})
    assert [row.status for row in stored.collect()] == ["finished"]


@pytest.mark.slow
def test_exploring_draws_what_is_in_the_tables(filled: Filled) -> None:
    left = run_notebook("explore_results", filled.spark, catalog=CATALOG, schema=filled.schema, run_id="101")
    assert set(left["by_model"].data[0].y) == {"Naive Bayes", "Decision Tree Classifier", "Dummy Classifier"}
    assert len(left["by_fold"].data[0].y) == 6
    assert len(left["cost"].data[0].x) == 3
    assert len(left["over_time"].data[0].x) >= 2
    assert left["shown"][-1].where("run_id = '103'").count() == 2


@pytest.mark.slow
def test_the_winner_scores_a_table(filled: Filled, spark: Any) -> None:
    import mlflow

    uri = local_tracking_uri(filled.home)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    model, output = f"spark_catalog.{filled.schema}.best_model", f"spark_catalog.{filled.schema}.predictions"
    try:
        run_notebook("use_the_winner", spark, model=model, source=SOURCE, output=output)
    finally:
        mlflow.set_registry_uri("")
    scored = spark.table(output).toPandas()
    assert len(scored) == spark.table(SOURCE).count()
    assert set(scored["model_version"]) == {f"{model} 1"}
    assert (scored["prediction"] == scored["target"]).mean() > 0.8


@pytest.mark.slow
def test_existing_code_goes_on_as_before(spark: Any) -> None:
    left = run_notebook("pycaret_on_spark", spark, models="nb,dummy")
    assert list(left["shown"][0].index) == ["nb", "dummy"]
    assert isinstance(left["predictions"], pd.DataFrame)
    assert "prediction_label" in left["predictions"]
    assert "bakeoff" in sys.modules
