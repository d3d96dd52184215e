"""The job on Spark Connect, with its trials on the server's workers, and with ``--engine native``.

In a process of its own: one that has held a Connect session gives no classic one any more.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.datasets import breast_cancer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

JOB = """
import json, sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from bakeoff import RunConfig, run
from bakeoff.errors import RunConflictError
from bakeoff.job import main
from support.connect_session import start_connect

main.LISTENER_SECONDS = 600  # commits may take a minute where the machine is busy
home = Path(sys.argv[1])
spark = start_connect(home)

import pandas as pd
spark.createDataFrame(pd.read_csv(home / "patients.csv")).write.format("delta").saveAsTable("patients")
asked = dict(source="patients", target="target", include=("nb", "dummy"), fold=2, home=home, schema="made")
told = []
asked["register_model"] = "best"

def ask(run_id, **more):
    return run(RunConfig(**{**asked, "run_id": run_id, **more}), spark, told.append)

first = ask("workers", n_slots=2, payload_dir=home / "payloads")
again = ask("workers", n_slots=2, payload_dir=home / "payloads")
here = ask("driver", engine="native")
ranked = spark.sql("SELECT run_id, model_id, primary_value FROM made.leaderboard ORDER BY run_id, rank").collect()
try:
    ask("workers", fold=3)
except RunConflictError as error:
    told.append(str(error))
print(json.dumps({
    "ranked": [list(row) for row in ranked],
    "trials": spark.table("made.trials").count(),
    "slots": [first.summary.slots, here.summary.slots],
    "on_driver": first.summary.n_on_driver,
    "resumed": again.summary.n_resumed,
    "models": [first.model_uri is not None, here.model_uri is not None],
    "promotion": first.promotion,
    "payloads": len(list((home / "payloads").iterdir())),
    "problems": [*first.problems, *again.problems, *here.problems],
    "told": told,
}, default=lambda number: number.item()))  # Connect's rows hold numbers of numpy's
"""


def test_the_job_does_on_connect_what_it_does_on_a_classic_session(tmp_path: Path) -> None:
    breast_cancer(100).to_csv(tmp_path / "patients.csv", index=False)
    command = [sys.executable, "-c", JOB, str(tmp_path), str(Path(__file__).parents[1])]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=1700)
    assert said.returncode == 0, said.stdout[-1000:] + said.stderr[-3000:]
    found = json.loads(said.stdout.splitlines()[-1])
    runs = {run_id: [row[1:] for row in found["ranked"] if row[0] == run_id] for run_id in ("workers", "driver")}
    assert runs["workers"] == runs["driver"]  # the same scores, to the last digit
    assert [row[0] for row in runs["workers"]] == ["nb", "dummy"]
    assert (found["trials"], found["slots"], found["on_driver"], found["resumed"]) == (8, [2, 1], 0, 4)
    assert found["models"] == [True, True]
    assert "the first champion" in found["promotion"]
    assert found["payloads"] == 0
    assert found["problems"] == []
    assert "Run workers goes on: 4 of its trials are finished already." in found["told"]
    assert "asked something else" in found["told"][-1]
