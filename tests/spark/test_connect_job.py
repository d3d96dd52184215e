"""The job on Spark Connect with ``--engine native``, which is what serverless compute allows.

In a process of its own: one that has held a Connect session gives no classic one any more.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.datasets import breast_cancer

pytestmark = pytest.mark.slow

JOB = """
import sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from bakeoff import RunConfig, run
from bakeoff.errors import UserError
sys.path.insert(0, sys.argv[2])
from support.connect_session import start_connect

home = Path(sys.argv[1])
spark = start_connect(home)

import pandas as pd
spark.createDataFrame(pd.read_csv(home / "patients.csv")).write.format("delta").saveAsTable("patients")
asked = dict(source="patients", target="target", include=("nb", "dummy"), fold=2, home=home, run_id="c", schema="made")
try:
    run(RunConfig(**asked), spark)
except UserError as error:
    assert "--engine native" in str(error)
else:
    raise AssertionError("the job broadcasts, which Spark Connect cannot")
result = run(RunConfig(**asked, engine="native"), spark)
rows = spark.sql("SELECT model_id FROM made.leaderboard_latest ORDER BY rank").collect()
print("RANKED", *[row.model_id for row in rows], spark.table("made.trials").count(), result.model_uri is not None)
"""


def test_the_job_fits_on_the_driver_and_writes_through_connect(tmp_path: Path) -> None:
    breast_cancer(100).to_csv(tmp_path / "patients.csv", index=False)
    command = [sys.executable, "-c", JOB, str(tmp_path), str(Path(__file__).parents[1])]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=280)
    assert said.returncode == 0, said.stdout[-1000:] + said.stderr[-3000:]
    assert "RANKED nb dummy 4 True" in said.stdout
