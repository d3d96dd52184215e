"""Autologging that a user has turned on logs nothing of what Bakeoff fits, and goes on with what the user fits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, sys
import mlflow
from sklearn.linear_model import LogisticRegression
from bakeoff import FugueBackend
from support.datasets import breast_cancer, experiment

mlflow.set_tracking_uri(sys.argv[1])
mlflow.sklearn.autolog(silent=True, log_models=False)
rows = breast_cancer(120)
made = experiment(rows, "target", fold=2)
client = mlflow.MlflowClient()
def runs():
    return client.search_runs([each.experiment_id for each in client.search_experiments()])
before = len(runs())
with mlflow.start_run() as mine:
    mlflow.log_param("colour", "blue")
    made.compare_models(include=["lr", "dt"], verbose=False, parallel=FugueBackend("native", isolation="none"))
    still = mlflow.active_run().info.run_id == mine.info.run_id
known = client.get_run(mine.info.run_id).data
during = len(runs()) - before
LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
told = {"params": known.params, "metrics": known.metrics, "during": during, "still": still}
told["after"] = len(runs()) - before
print("told", json.dumps(told))
"""


@pytest.mark.slow
def test_the_runs_of_a_user_hold_what_the_user_logs(tmp_path: Path) -> None:
    # In a process of its own, since autologging patches scikit-learn for good.
    answer = subprocess.run(
        [sys.executable, "-c", SCRIPT, f"sqlite:///{tmp_path}/mine.db"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    (line,) = [line for line in answer.stdout.splitlines() if line.startswith("told ")]
    told = json.loads(line.removeprefix("told "))
    assert told == {"params": {"colour": "blue"}, "metrics": {}, "during": 1, "still": True, "after": 2}
