from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pyspark.errors import AnalysisException

from bakeoff.spark.kind import is_connect
from bakeoff.spark.session import active_session, open_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def conf_of(spark: SparkSession) -> dict[str, str]:
    return {row.key: row.value for row in spark.sql("SET").collect()}


def test_the_session_that_is_there_is_used_and_left_alone(spark: SparkSession, tmp_path: Path) -> None:
    before = conf_of(spark)
    with open_session(home=tmp_path / "home") as (opened, owned):
        # Not "opened is spark": an earlier test may have made another session of the same context the active one.
        assert opened.sparkContext is spark.sparkContext
        assert not owned
    assert spark.range(1).count() == 1
    assert conf_of(spark) == before
    assert not (tmp_path / "home").exists()


def test_the_session_is_found_from_another_thread(spark: SparkSession) -> None:
    before = conf_of(spark)
    found: list[SparkSession | None] = []
    thread = threading.Thread(target=lambda: found.append(active_session()))
    thread.start()
    thread.join()
    assert found[0] is not None
    assert found[0].sparkContext is spark.sparkContext
    assert conf_of(spark) == before


def test_an_error_that_is_caught_prints_nothing(spark: SparkSession, capfd: pytest.CaptureFixture[str]) -> None:
    with open_session(spark), pytest.raises(AnalysisException):
        spark.sql("SELECT nothing").collect()
    said = capfd.readouterr()
    assert said.out + said.err == ""


def test_the_local_session_has_delta_and_this_python(spark: SparkSession, tmp_path: Path) -> None:
    path = str(tmp_path / "numbers")
    spark.range(3).write.format("delta").save(path)
    assert spark.read.format("delta").load(path).count() == 3
    assert spark.sparkContext.range(1).map(lambda _: sys.executable).collect() == [sys.executable]
    assert spark.sparkContext.defaultParallelism == 2
    assert not is_connect(spark)
