"""Scoring through Spark Connect, in a process of its own: one that has held a Connect session gives no classic one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

JOB = """
import os, sys, warnings
warnings.simplefilter("ignore")
from importlib.metadata import version
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import numpy as np
from support.champions import log_champion, NAME
from pyspark.sql import SparkSession
import bakeoff
from bakeoff.spark import java, session
from bakeoff.spark.kind import is_connect
from bakeoff.errors import SourceError

home = Path(sys.argv[1])
champion = log_champion(home)
if version("pyspark").startswith("4."):  # which brings the server along
    packages = f"io.delta:delta-spark_2.13:{version('delta-spark')}"
else:
    packages = f"io.delta:delta-spark_2.12:{version('delta-spark')},org.apache.spark:spark-connect_2.12:3.5.7"
settings = {
    **session._settings(home, 2),
    "spark.jars.packages": packages,
    "spark.driver.extraJavaOptions": java._java_options(java.find_java(), home),
}
settings = {name: value for name, value in settings.items() if name not in ("spark.master", "spark.app.name")}
os.environ.update(JAVA_HOME=str(java.find_java()), PYSPARK_PYTHON=sys.executable, SPARK_TESTING="1")
builder = SparkSession.builder.remote("local[2]")
for name, value in settings.items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
os.environ.pop("SPARK_REMOTE", None)
assert is_connect(spark)

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
    support = Path(__file__).parents[1] / "support"
    command = [sys.executable, "-c", JOB, str(tmp_path), str(support)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=290)
    assert said.returncode == 0, said.stdout[-1000:] + said.stderr[-3000:]
    assert "less lacks 'size', 'comment', 'day' that the model takes" in said.stdout
    assert "SCORED 150 False 150 True 150 True" in said.stdout
