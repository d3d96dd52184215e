"""What is particular to an engine: the session that is used, what is left behind, how the payload gets there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bakeoff import FugueBackend
from bakeoff.errors import UserError
from support import datasets
from support.datasets import breast_cancer, experiment, shared
from support.fake_models import Sleeps
from support.pycaret_parity import through

QUICK = ["nb", "dt", "dummy"]


@pytest.fixture
def exp() -> Any:
    return shared("binary")


def test_a_spark_session_is_used_and_left_as_it_is(exp: Any, spark: Any) -> None:
    settings = {row.key: row.value for row in spark.sql("SET").collect()}  # first: Spark completes its own settings
    before = dict(spark.sparkContext.getConf().getAll())
    backend = through(spark, exp, QUICK).backend
    assert backend.summary.slots == 2
    assert spark.range(3).count() == 3
    assert dict(spark.sparkContext.getConf().getAll()) == before
    assert {row.key: row.value for row in spark.sql("SET").collect()} == settings
    assert not spark.sparkContext.statusTracker().getActiveJobsIds()
    assert spark.sparkContext.getLocalProperty("spark.job.description") is None


@pytest.mark.parametrize("named", [None, "spark"])
def test_no_engine_means_the_active_session(exp: Any, spark: Any, named: Any) -> None:
    backend = through(named, exp, ["nb"]).backend
    assert backend.summary.slots == spark.sparkContext.defaultParallelism


def test_the_users_own_jobs_live_on_when_ours_are_cancelled(exp: Any, spark: Any) -> None:
    import threading

    done: list[int] = []

    def slowly(row: Any) -> int:
        import time

        time.sleep(2)
        return int(row.id)

    theirs = threading.Thread(target=lambda: done.append(spark.range(2).rdd.map(slowly).sum()))
    theirs.start()
    mine = through(spark, exp, ["dummy", *[Sleeps(1.0) for _ in range(6)]], budget_time=1 / 60, n_select=0)
    theirs.join(60)
    assert done == [1]
    assert "cancelled" in set(mine.backend.failures["status"])


def test_data_that_was_read_with_spark(spark: Any) -> None:
    from pycaret.classification import ClassificationExperiment

    from support.datasets import QUIET

    rows = spark.createDataFrame(breast_cancer(120))
    for load in (rows.toPandas, lambda: _through_pandas_on_spark(rows)):
        made = ClassificationExperiment().setup(data_func=load, target="target", **{**QUIET, "fold": 2})
        assert through(spark, made, QUICK).grid.index[0] == "nb"


def _through_pandas_on_spark(rows: Any) -> Any:
    """As a user would write it; on Spark 4, which is ANSI unless told otherwise, that takes one more option."""
    import pyspark
    import pyspark.pandas as ps

    if int(pyspark.__version__.partition(".")[0]) < 4:
        return rows.pandas_api().to_pandas()
    with ps.option_context("compute.fail_on_ansi_mode", False):  # noqa: FBT003 - its signature
        return rows.pandas_api().to_pandas()


def test_a_dask_cluster_of_threads_is_one_slot(exp: Any) -> None:
    from distributed import Client

    with Client(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as client:
        mine = through(client, exp, QUICK)
        assert mine.backend.summary.slots == 1
        plugins = client.run(lambda dask_worker: list(dask_worker.plugins))
        assert not [name for names in plugins.values() for name in names if name.startswith("bakeoff")]
    assert mine.scores.equals(through("native", exp, QUICK).scores)


@pytest.mark.slow
def test_dask_by_its_name_makes_a_cluster_for_the_run(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(Path(datasets.__file__).parents[1])!r})\n"
        "from support.pycaret_parity import through\n"
        "from support.datasets import shared\n"
        "from distributed import Client\n"
        "if __name__ == '__main__':\n"
        "    mine = through('dask', shared('binary'), ['nb', 'dt', 'dummy'])\n"
        "    assert mine.scores.equals(through('native', shared('binary'), ['nb', 'dt', 'dummy']).scores)\n"
        "    try:\n"
        "        Client.current()\n"
        "    except ValueError:\n"
        "        print('slots', mine.backend.summary.slots)\n"
    )
    command = [sys.executable, "-W", "ignore", str(script)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert said.stdout.startswith("slots "), said.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.connect
def test_connect_needs_nothing_that_it_does_not_have(exp: Any, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.session import SparkSession

    touched: list[str] = []
    for owner, name in [
        (SparkSession, "sparkContext"),
        (DataFrame, "rdd"),
        (DataFrame, "persist"),
        (DataFrame, "cache"),
    ]:
        monkeypatch.setattr(owner, name, property(lambda _, name=name: touched.append(name)), raising=False)
    backend = through(connect, exp, QUICK).backend
    assert touched == []
    assert backend.summary.slots == 2


@pytest.mark.slow
@pytest.mark.connect
def test_connect_is_found_when_it_is_active(exp: Any, connect: Any) -> None:
    assert through(None, exp, ["nb"]).backend.summary.slots == 2


@pytest.mark.slow
@pytest.mark.connect
def test_connect_reads_the_payload_from_a_shared_folder(exp: Any, connect: Any, tmp_path: Path) -> None:
    folder = tmp_path / "made" / "when missing"
    mine = through(connect, exp, QUICK, options={"payload_dir": folder})
    assert mine.scores.equals(through(connect, exp, QUICK).scores)
    assert list(folder.iterdir()) == []  # and takes it away afterwards


@pytest.mark.slow
@pytest.mark.connect
def test_connect_says_what_to_do_about_a_folder_that_will_not_do(exp: Any, connect: Any, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(UserError, match=r"payload_dir .* cannot be written to .*choose another folder"):
        through(connect, exp, QUICK, options={"payload_dir": file})


@pytest.mark.slow
@pytest.mark.connect
def test_connect_takes_another_way_where_workers_cannot_read_the_folder(
    exp: Any, connect: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from bakeoff.execution.engines import spark_connect
    from bakeoff.execution.worker.payload import FileDelivery

    elsewhere = FileDelivery(str(tmp_path / "not here.pkl"))  # as a volume that is mounted on the driver only
    monkeypatch.setattr(spark_connect, "FileDelivery", lambda _: elsewhere)
    assert len(through(connect, exp, QUICK, options={"payload_dir": tmp_path}).grid) == 3
    assert f"A task could not read payload_dir {tmp_path}" in caplog.text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.connect
@pytest.mark.parametrize("allowed", [True, False])
def test_connect_without_artifacts_sends_small_payloads_with_the_plan(
    exp: Any,
    connect: Any,
    monkeypatch: pytest.MonkeyPatch,
    allowed: bool,  # noqa: FBT001
) -> None:
    from bakeoff.execution.engines import spark_connect
    from bakeoff.execution.worker.payload import InlineDelivery

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError("no artifacts here")

    monkeypatch.setattr(type(connect), "addArtifact", refuse)
    made = experiment(breast_cancer(150 + allowed), "target", fold=2)  # a payload that was never sent
    if not allowed:
        monkeypatch.setattr(spark_connect, "INLINE_BYTES", 1000)
        with pytest.raises(UserError, match="no files: set payload_dir"):
            through(connect, made, QUICK)
        return
    deliveries: list[Any] = []
    deliver = spark_connect.ConnectEngine.deliver
    monkeypatch.setattr(
        spark_connect.ConnectEngine, "deliver", lambda *args: deliveries.append(deliver(*args)) or deliveries[-1]
    )
    assert len(through(connect, made, QUICK).grid) == 3
    assert isinstance(deliveries[0], InlineDelivery)


@pytest.mark.slow
@pytest.mark.connect
@pytest.mark.timeout(900)  # plain PyCaret fits the forest first
def test_a_large_model_comes_home_in_parts(exp: Any, connect: Any) -> None:
    from support.datasets import diabetes

    made = experiment(diabetes(), "target", fold=2)
    forest = made.create_model("et", n_estimators=1700, cross_validation=False, verbose=False)
    best = through(connect, made, [forest], n_select=1).models
    import pickle

    assert len(pickle.dumps(best)) > 64 * 1024 * 1024
    assert best.n_estimators == 1700


def test_listeners_hear_everything_in_order(engine: Any, exp: Any) -> None:
    from bakeoff.comparison.events import BatchDone, PlanMade, RunDone, TrialDone

    class Ear:
        def __init__(self) -> None:
            self.heard: list[Any] = []

        def handle(self, event: Any) -> None:
            self.heard.append(event)

    ear = Ear()
    through(engine, exp, QUICK, options={"batch_size": 2, "listeners": [ear]})
    kinds = [type(event) for event in ear.heard]
    assert kinds[0] is PlanMade
    assert kinds[-1] is RunDone
    assert kinds.count(TrialDone) == 9
    batches = [event.batch.model_ids for event in ear.heard if isinstance(event, BatchDone)]
    assert sorted(batches) == [("dummy",), ("nb", "dt")]


def test_a_listener_that_fails_changes_nothing(exp: Any) -> None:
    class Grumpy:
        def handle(self, event: Any) -> None:
            raise OSError("no disk")

    mine = through("native", exp, ["nb"], options={"listeners": [Grumpy()]})
    assert list(mine.grid.index) == ["nb"]
    assert "no disk" in mine.backend.listener_problems[0]


def test_progress_is_seen_on_every_engine(engine: Any, exp: Any, capfd: pytest.CaptureFixture[str]) -> None:
    made = experiment(breast_cancer(200), "target", html=True)
    made.compare_models(QUICK, parallel=FugueBackend(engine, display_remote=True), verbose=True)
    shown = capfd.readouterr()
    assert "3/3 models" in shown.err
    assert "Naive Bayes" in shown.out  # the final ranking
    made.compare_models(QUICK, parallel=FugueBackend(engine, display_remote=True), verbose=False)
    shown = capfd.readouterr()
    assert "Naive Bayes" not in shown.out + shown.err
