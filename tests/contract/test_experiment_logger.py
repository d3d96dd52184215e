"""``setup(log_experiment=True)``: one run for the session, one for each model, and workers that log nothing."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import mlflow
import pytest

from support.datasets import breast_cancer, experiment
from support.pycaret_parity import native, through

QUICK = ["nb", "dt", "dummy"]


def _is_classic() -> bool:
    try:
        return version("pycaret") < "3.4"
    except PackageNotFoundError:
        return False


@pytest.mark.skipif(_is_classic(), reason="PyCaret 3.3's own logger fails in setup() with MLflow 2.18 and later")
def test_one_run_for_each_model(engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    made = experiment(breast_cancer(200), "target", fold=2, log_experiment=True, experiment_name="mine")
    for compare in (
        lambda: through(engine, made, QUICK, experiment_custom_tags={"by": "us"}),
        lambda: native(made, QUICK),
    ):
        before = {run.info.run_id for run in _runs()}
        compare()
        fresh = [run for run in _runs() if run.info.run_id not in before]
        assert sorted(run.info.run_name for run in fresh) == [
            "Decision Tree Classifier",
            "Dummy Classifier",
            "Naive Bayes",
        ]
        assert {run.data.tags["mlflow.parentRunId"] for run in fresh} == before & {
            run.info.run_id for run in _runs() if run.info.run_name.startswith("Session")
        }
        assert all("Accuracy" in run.data.metrics for run in fresh)
    for logger in made.logging_param.loggers:
        logger.finish_experiment()
    assert {run.data.tags.get("by") for run in _runs()} == {"us", None}


def _runs() -> list[Any]:
    client = mlflow.MlflowClient()
    return list(client.search_runs([client.get_experiment_by_name("mine").experiment_id]))
