"""Jobs on a classic session are cheap: one plan for all of them, and no waiting between the two halves of a task."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from data import breast_cancer, experiment
from pyspark.sql import SparkSession

from bakeoff.comparison.trial import Trial
from bakeoff.execution.settling import acknowledge
from bakeoff.execution.spark_engine import SparkEngine
from bakeoff.execution.worker import Work, work_of_task
from bakeoff.pycaret3.frozen import freeze
from bakeoff.pycaret3.request import read_request


@pytest.fixture(scope="module")
def engine(spark: SparkSession) -> Iterator[tuple[SparkEngine, Work]]:
    exp = experiment(breast_cancer(), "target")
    engine = SparkEngine(spark, {})
    frozen, _ = freeze(exp, read_request(exp, {"include": ["nb", "dt"], "sort": "Accuracy", "verbose": False}))
    yield engine, Work(engine.publish(frozen), host="fork")
    engine.close()


def test_each_task_does_what_its_own_job_asks_for(engine: tuple[SparkEngine, Work]) -> None:
    spark_engine, work = engine
    asked = [Trial(model_id, fold) for fold in range(3) for model_id in ("nb", "dt")]
    with ThreadPoolExecutor(4) as threads:
        answered = list(threads.map(lambda trial: spark_engine.run(replace(work, trials=(trial,)), "one"), asked))
    assert [[outcome.trial for outcome in outcomes] for outcomes in answered] == [[trial] for trial in asked]
    assert all(outcome.ok for outcomes in answered for outcome in outcomes)


def test_all_jobs_share_one_plan(engine: tuple[SparkEngine, Work], monkeypatch: pytest.MonkeyPatch) -> None:
    spark_engine, work = engine
    monkeypatch.setattr("bakeoff.execution.spark_engine.map_one_row", lambda *_, **__: pytest.fail("planned again"))
    for fold in range(2):
        (outcome,) = spark_engine.run(replace(work, trials=(Trial("nb", fold),)), "again")
        assert outcome.ok


def test_what_a_job_asks_for_is_seen_by_nobody_else(engine: tuple[SparkEngine, Work], spark: SparkSession) -> None:
    spark_engine, work = engine
    thread = spark_engine.thread(lambda: spark_engine.run(replace(work, trials=(Trial("nb", 0),)), "mine"), "slot")
    thread.start()
    thread.join(60)
    assert spark.sparkContext.getLocalProperty("bakeoff.work") is None


def test_a_task_that_nobody_gave_work_says_so() -> None:
    with pytest.raises(RuntimeError, match=r"has no property bakeoff\.work"):
        work_of_task()


def test_a_worker_acknowledges_between_the_halves_of_a_task(
    engine: tuple[SparkEngine, Work], spark: SparkSession
) -> None:
    spark_engine, work = engine
    for fold in range(2):
        spark_engine.run(replace(work, trials=(Trial("nb", fold),)), "before")

    def look(frames):  # inside of the test, so that it travels by value
        import sys

        from bakeoff.execution.settling import acknowledge

        finders = [type(finder).__name__ for finder in sys.meta_path]
        for frame in frames:
            yield frame.assign(finders=finders.count("_Acknowledger"), connections=acknowledge())

    (row,) = spark.range(0, 1, 1, 1).mapInPandas(look, "id long, finders long, connections long").collect()
    assert row.finders == 1
    assert row.connections >= 1


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="Linux only")
def test_connections_stay_open_when_they_are_acknowledged() -> None:
    before = acknowledge()
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as mine:
        theirs, _ = server.accept()
        with theirs:
            echo = threading.Thread(target=lambda: theirs.sendall(theirs.recv(5)))
            echo.start()
            mine.sendall(b"hello")
            assert acknowledge() >= before + 2
            assert mine.recv(5) == b"hello"
            echo.join(10)
