"""Sources on file systems that this Spark has no package for, which it has for none of those below."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from bakeoff.config import RunConfig
from bakeoff.errors import SourceError
from bakeoff.source import load_source
from bakeoff.spark.session import submit_arguments

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.mark.parametrize(
    ("source", "package"),
    [
        ("abfss://box@account.dfs.core.windows.net/rows.csv", "org.apache.hadoop:hadoop-azure:3."),
        ("wasbs://box@account/table", "org.apache.hadoop:hadoop-azure:3."),
        ("s3a://box/table", "org.apache.hadoop:hadoop-aws:3."),
        ("gs://box/rows.parquet", "com.google.cloud.bigdataoss:gcs-connector:hadoop3"),
    ],
)
def test_the_package_that_is_missing_is_named(spark: SparkSession, source: str, package: str) -> None:
    with pytest.raises(SourceError, match=package) as caught:
        load_source(RunConfig(source, "y"), spark)
    said = str(caught.value)
    assert said.startswith(f"--source {source} needs the package ")
    assert "--packages" in said
    assert "spark.jars.packages" in said
    assert "\n" not in said


@pytest.mark.parametrize(("source", "says"), [("s3://box/table", "write s3a://"), ("odd://box/table", "odd")])
def test_one_that_no_package_reads_is_named_too(spark: SparkSession, source: str, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        load_source(RunConfig(source, "y"), spark)


def test_packages_that_were_asked_for_come_beside_delta_s() -> None:
    from pyspark import SparkConf

    conf = SparkConf(loadDefaults=False).set("spark.jars.packages", "io.delta:delta")
    with patch.dict(os.environ, {"PYSPARK_SUBMIT_ARGS": "--packages a:b:1 --conf x='y z' pyspark-shell"}):
        assert submit_arguments(conf) == {
            "PYSPARK_SUBMIT_ARGS": "--packages io.delta:delta,a:b:1 --conf 'x=y z' pyspark-shell"
        }
    with patch.dict(os.environ, {"PYSPARK_SUBMIT_ARGS": "pyspark-shell"}):
        assert submit_arguments(conf) == {}
