"""Jobs on a classic session are cheap: one plan for all of them, and no waiting between the two halves of a task."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from bakeoff.comparison.limits import Isolation, TrialLimits
from bakeoff.comparison.trial import Trial
from bakeoff.execution.engines.spark import SparkEngine
from bakeoff.execution.worker import bootstrap
from bakeoff.execution.worker.bootstrap import acknowledge, settle_in
from bakeoff.execution.worker.task import RunTrials, work_of_task
from bakeoff.pycaret3.frozen import freeze
from bakeoff.pycaret3.request import read_request
from support.datasets import breast_cancer, experiment


@pytest.fixture(scope="module")
def engine(spark: SparkSession) -> Iterator[tuple[SparkEngine, RunTrials]]:
    exp = experiment(breast_cancer(), "target")
    engine = SparkEngine(spark, {})
    frozen, _ = freeze(exp, read_request(exp, {"include": ["nb", "dt"], "sort": "Accuracy", "verbose": False}))
    yield engine, RunTrials(engine.publish(frozen), (), limits=TrialLimits(isolation=Isolation.FORKED))
    engine.close()


def on_a_slot(engine: SparkEngine, *works: RunTrials) -> list[Any]:
    """The answers of an engine that is asked on a thread of its own, as it always is: it leaves properties there."""
    answers: list[Any] = []
    thread = engine.thread(lambda: answers.extend(engine.run(work, "a test") for work in works), "slot")
    thread.start()
    thread.join(120)
    assert len(answers) == len(works)
    return answers


def test_each_task_does_what_its_own_job_asks_for(engine: tuple[SparkEngine, RunTrials]) -> None:
    spark_engine, work = engine
    asked = [Trial(model_id, fold) for fold in range(3) for model_id in ("nb", "dt")]
    with ThreadPoolExecutor(4) as threads:
        works = [replace(work, trials=(trial,)) for trial in asked]
        answered = [answer for (answer,) in threads.map(lambda each: on_a_slot(spark_engine, each), works)]
    assert [[outcome.trial for outcome in outcomes] for outcomes in answered] == [[trial] for trial in asked]
    assert all(outcome.ok for outcomes in answered for outcome in outcomes)


def test_all_jobs_share_one_plan(engine: tuple[SparkEngine, RunTrials], monkeypatch: pytest.MonkeyPatch) -> None:
    spark_engine, work = engine
    monkeypatch.setattr("bakeoff.execution.engines.spark.map_one_row", lambda *_, **__: pytest.fail("planned again"))
    answers = on_a_slot(spark_engine, *[replace(work, trials=(Trial("nb", fold),)) for fold in range(2)])
    assert all(outcome.ok for (outcome,) in answers)


def test_what_a_job_asks_for_is_seen_by_nobody_else(engine: tuple[SparkEngine, RunTrials], spark: SparkSession) -> None:
    spark_engine, work = engine
    on_a_slot(spark_engine, replace(work, trials=(Trial("nb", 0),)))
    assert spark.sparkContext.getLocalProperty("bakeoff.work") is None


@pytest.mark.slow
def test_without_a_thread_of_its_own_in_java_each_job_has_its_own_plan(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from support.datasets import breast_cancer, experiment\n"
        "from bakeoff import FugueBackend\n"
        "from bakeoff.execution.engines import spark as engine\n"
        "from bakeoff.spark.session import local_session\n"
        "spark = local_session(Path(sys.argv[1]), 2)\n"
        "exp = experiment(breast_cancer(), 'target')\n"
        "planned, plan = [], engine.map_one_row\n"
        "engine.map_one_row = lambda frame, work, *rest, **more: (\n"
        "    planned.append(work) or plan(frame, work, *rest, **more)\n"
        ")\n"
        "backend = FugueBackend(spark, driver_trials=False)\n"
        "exp.compare_models(include=['nb', 'dt', 'lda', 'ridge'], parallel=backend, verbose=False)\n"
        "print([row.status for row in backend.board.rows], len(backend.failures), None in planned)\n"
        "spark.stop()\n"
    )
    tests = Path(__file__).parents[1]
    environment = {**os.environ, "PYSPARK_PIN_THREAD": "false", "PYTHONPATH": str(tests)}
    command = [sys.executable, "-W", "ignore", "-c", code, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=200)
    assert said.stdout.splitlines()[-1:] == ["['ok', 'ok', 'ok', 'ok'] 0 False"], said.stderr


def test_a_task_that_nobody_gave_work_says_so() -> None:
    with pytest.raises(RuntimeError, match=r"has no property bakeoff\.work"):
        work_of_task()


def test_a_worker_acknowledges_between_the_halves_of_a_task(
    engine: tuple[SparkEngine, RunTrials], spark: SparkSession
) -> None:
    spark_engine, work = engine
    on_a_slot(spark_engine, *[replace(work, trials=(Trial("nb", fold),)) for fold in range(2)])

    def look(frames):  # inside of the test, so that it travels by value
        import importlib
        import sys
        import warnings

        from bakeoff.execution.worker import bootstrap

        real, calls = bootstrap.acknowledge, []
        bootstrap.acknowledge = lambda: calls.append(real())
        try:
            importlib.invalidate_caches()
        finally:
            bootstrap.acknowledge = real
        finders = [type(finder).__name__ for finder in sys.meta_path]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                importlib.import_module("nowhere_to_be_found")
            except ModuleNotFoundError:
                missed = True
        for frame in frames:
            yield frame.assign(finders=finders.count("_Acknowledger"), calls=len(calls), told=calls[0], missed=missed)

    schema = "id long, finders long, calls long, told long, missed boolean"
    (row,) = spark.range(0, 1, 1, 1).mapInPandas(look, schema).collect()
    assert (row.finders, row.calls, row.missed) == (1, 1, True)
    assert row.told >= 1 or not hasattr(socket, "TCP_QUICKACK")


def test_this_process_is_no_worker_of_sparks() -> None:
    settle_in()
    assert "_Acknowledger" not in [type(finder).__name__ for finder in sys.meta_path]


def test_a_finder_that_cannot_acknowledge_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "OPEN_FILES", "/nowhere")
    bootstrap._Acknowledger().invalidate_caches()


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="Linux only")
@pytest.mark.parametrize("patience", [None, 30.0])
def test_connections_stay_what_they_are_when_they_are_acknowledged(patience: float | None) -> None:
    before = acknowledge()
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as mine:
        theirs, _ = server.accept()
        with theirs:
            usual = socket.getdefaulttimeout()
            socket.setdefaulttimeout(patience)
            try:
                assert acknowledge() >= before + 2
            finally:
                socket.setdefaulttimeout(usual)
            assert os.get_blocking(mine.fileno())
            assert os.get_blocking(theirs.fileno())
            mine.sendall(b"hello")
            assert theirs.recv(5) == b"hello"
