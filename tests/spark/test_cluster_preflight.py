"""Driver and workers, compared on a real worker that has another pandas, another Python, or none."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bakeoff.errors import UserError
from bakeoff.job.preflight import check_cluster

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_workers_like_the_driver_pass(spark: SparkSession) -> None:
    check_cluster(spark)


def test_a_worker_with_another_pandas_is_shown_in_a_table(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "other" / "pandas-1.5.3.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pandas\nVersion: 1.5.3\n")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{info.parent}:$PYTHONPATH" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(spark.sparkContext, "pythonExec", str(python))
    with pytest.raises(UserError) as caught:
        check_cluster(spark)
    lines = str(caught.value).splitlines()
    assert lines[0].endswith("not of a notebook:")
    assert lines[-1].split()[0] == "pandas"
    assert lines[-1].split()[2] == "1.5.3"
    assert len(lines) == 3


def test_a_worker_without_what_it_takes_is_one_sentence(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    # No packages at all: a Python to which the cluster's libraries were not given.
    python.write_text(f'#!/bin/sh\nexec "{sys.base_prefix}/bin/python3" -S "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(spark.sparkContext, "pythonExec", str(python))
    with pytest.raises(UserError, match="A worker cannot run Python as the driver does") as caught:
        check_cluster(spark)
    assert "\n" not in str(caught.value)


def test_a_spark_that_is_too_new_is_refused(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(spark), "version", property(lambda _: "4.3.0"))
    with pytest.raises(UserError, match=r"Spark 4\.3\.0 is newer than Bakeoff knows"):
        check_cluster(spark)
