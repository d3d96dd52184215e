"""Scoring through Spark Connect, in a process of its own: one that has held a Connect session gives no classic one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

JOB = """
import sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import numpy as np
from support.champions import log_champion, NAME
from support.connect_session import start_connect
import bakeoff
from bakeoff.errors import SourceError

home = Path(sys.argv[1])
champion = log_champion(home)
spark = start_connect(home)

spark.createDataFrame(champion.rows).write.format("delta").saveAsTable("rows")
asked = dict(model=f"{NAME}@champion", source="rows", to="scored", batch_id="monday", home=home, spark=spark)
first, again = bakeoff.score(**asked), bakeoff.score(**asked)
scored = spark.table("scored").orderBy("score", "size", "day").toPandas()
rows = scored[list(champion.rows.columns)].drop(columns="answer")
rows = rows.assign(colour=rows["colour"].where(rows["colour"].notna(), np.nan))
same = list(scored["prediction"]) == list(champion.pipeline.predict(rows))
spark.sql("SELECT score, colour FROM rows").write.format("delta").saveAsTable("less")
try:
    bakeoff.score(**{**asked, "source": "less", "batch_id": "tuesday"})
except SourceError as error:
    print(error)
print("SCORED", first.n_rows, first.repeated, again.n_rows, again.repeated, len(scored), same)
"""


def test_a_table_is_scored_once_through_connect(tmp_path: Path) -> None:
    command = [sys.executable, "-c", JOB, str(tmp_path), str(Path(__file__).parents[1])]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=290)
    assert said.returncode == 0, said.stdout[-1000:] + said.stderr[-3000:]
    assert "less lacks 'size', 'comment', 'day' that the model takes" in said.stdout
    assert "SCORED 150 False 150 True 150 True" in said.stdout
