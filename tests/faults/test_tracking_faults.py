"""The whole job with a tracking server that is down, refuses, or is late: results complete, MLflow catches up."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from bakeoff import RunConfig, run
from bakeoff.cli.app import main
from bakeoff.comparison.events import BatchDone, Event
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.open_results import open_tables
from bakeoff.storage.spark_tables import SparkTables
from bakeoff.tracking import client
from bakeoff.tracking.replay import left_over
from bakeoff.tracking.sync import NotSyncedError, SyncSession
from support.tracking_server import LATE, PASS, REFUSE, Proxy, free_port, mlflow_server, runs_of

MODELS = ("nb", "dt", "dummy", "ridge")
RUNS_IN_MLFLOW = {"run": 1, "batch": 2, "model": 4}
HANGS = 30.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    client.make_client(folder)
    with mlflow_server(folder, folder / "mlflow.db") as uri:
        yield uri


@pytest.fixture
def proxy(server: str) -> Iterator[Proxy]:
    with Proxy(server, seconds=HANGS) as proxy:
        yield proxy


@pytest.fixture
def name(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def set_it(uri: str) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        monkeypatch.setattr("mlflow.tracking._tracking_service.utils._tracking_uri", None)

    return set_it


class At:
    """Does something when a batch is done, and remembers when the last event came."""

    def __init__(self, number: int, do: Callable[[], object]) -> None:
        self._left = number
        self._do = do

    def handle(self, event: Event) -> None:
        if isinstance(event, BatchDone):
            self._left -= 1
            if self._left == 0:
                self._do()


def config(source: Path, home: Path, **more: Any) -> RunConfig:
    asked = {"include": MODELS, "fold": 3, "batch_size": 2, "run_id": "one", "home": home}
    return RunConfig(str(source), "target", **{**asked, **more})


def tables(spark: Any, home: Path) -> dict[str, pd.DataFrame]:
    target = ResultsLocation(path=home / "tables")
    return {each: SparkTables(spark, target).frame(each).toPandas() for each in ("runs", "trials", "leaderboard")}


def results_are_complete(spark: Any, home: Path) -> dict[str, pd.DataFrame]:
    found = tables(spark, home)
    assert found["runs"]["status"].tolist() == ["finished"]
    assert Counter(found["trials"]["status"]) == {"ok": 3 * len(MODELS)}
    assert not found["trials"].duplicated(["model_id", "fold"]).any()
    assert sorted(found["leaderboard"]["model_id"]) == sorted(MODELS)
    return found


def mlflow_is_complete(uri: str, home: Path, run_id: str = "one") -> Any:
    runs = runs_of(uri, run_id)
    assert Counter(each.data.tags["bakeoff.kind"] for each in runs) == RUNS_IN_MLFLOW
    assert {each.info.status for each in runs} == {"FINISHED"}
    [parent] = [each for each in runs if each.data.tags["bakeoff.kind"] == "run"]
    files = {file.path for file in MlflowClient(tracking_uri=uri).list_artifacts(parent.info.run_id)}
    assert {"report.html", "report.json", "plots", "leaderboard.json"} <= files
    assert left_over(home) == []
    return parent


def send(home: Path, run_id: str | None = "one") -> list[str]:
    """As `bakeoff sync` does."""
    said: list[str] = []
    location = ResultsLocation(path=home / "tables")
    SyncSession(home, location, partial(open_tables, home=home), said.append, count=lambda _: None).sync(run_id)
    return said


def test_a_server_that_is_not_there_costs_a_warning(
    spark: Any, source: Path, tmp_path: Path, name: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    uri = f"http://127.0.0.1:{free_port()}"
    name(uri)
    home, said = tmp_path / "home", []
    result = run(config(source, home), spark, say=said.append)

    found = results_are_complete(spark, home)
    assert found["runs"]["mlflow_run_id"].tolist() == [None]
    assert found["leaderboard"]["mlflow_run_id"].tolist() == [None] * len(MODELS)
    assert (result.mlflow_run_id, result.model_uri, result.mlflow_url) == (None, None, None)
    assert result.report is not None
    assert result.report.is_file()
    assert any(f"MLflow at {uri} cannot be reached" in each for each in said)
    [problem] = result.problems
    assert f"`bakeoff sync one --home {shlex.quote(str(home))}` sends it" in problem
    [left] = left_over(home)
    assert [each["kind"] for each in left.attempts[0].messages][-2:] == ["answer", "close"]
    with pytest.raises(NotSyncedError, match=r"cannot be reached .* is kept: try `bakeoff sync` again later"):
        send(home)
    assert len(left_over(home)) == 1
    # ... and the winner is there all the same.
    from bakeoff.runs.loading import load_best_model

    rows = pd.read_csv(source).drop(columns="target").tail(3)
    assert result.facts is not None
    assert set(load_best_model(result.facts, home).predict(rows)) <= {"malignant", "benign"}
    with pytest.raises(SystemExit) as stopped:
        main(["sync", "nobody", "--home", str(home)])
    assert stopped.value.code == 2
    assert "There is no run 'nobody'" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("trouble", ["down", REFUSE, LATE])
@pytest.mark.parametrize("when", ["at the start", "half-way"])
def test_results_are_complete_and_mlflow_catches_up(  # noqa: PLR0917 - fixtures
    spark: Any,
    source: Path,
    tmp_path: Path,
    name: Callable[[str], None],
    server: str,
    proxy: Proxy,
    trouble: str,
    when: str,
) -> None:
    name(proxy.uri)
    home, run_id = tmp_path / "home", f"{trouble} {when}".replace(" ", "-")

    def break_it() -> None:
        if trouble == "down":
            proxy.down()
        else:
            proxy.mode = trouble

    if when == "at the start":
        break_it()
    at = At(1, break_it if when == "half-way" else lambda: None)
    asked = config(source, home, run_id=run_id, experiment=run_id, register_model=f"best {run_id}")
    result = run(asked, spark, say=lambda _: None, listeners=[at])

    found = results_are_complete(spark, home)
    [problem] = result.problems
    assert f"`bakeoff sync {run_id} --home" in problem
    assert result.registered is None

    if trouble == "down":
        proxy.up()
    proxy.mode = PASS
    said = send(home, None)
    assert said[0].startswith(f"Run {run_id} is in MLflow at {proxy.uri}")
    parent = mlflow_is_complete(server, home, run_id)
    after = tables(spark, home)
    assert after["runs"]["mlflow_run_id"].tolist() == [parent.info.run_id]
    assert after["leaderboard"]["mlflow_run_id"].notna().all()
    kept = ["run_id", "model_id", "rank", "primary_value"]
    first, last = (each["leaderboard"][kept].sort_values("rank", ignore_index=True) for each in (found, after))
    assert last.equals(first)
    mlflow.set_tracking_uri(server)
    rows = pd.read_csv(source).drop(columns="target").tail(3)
    predicted = mlflow.pyfunc.load_model(f"models:/best {run_id}@champion").predict(rows)
    assert set(predicted) <= {"malignant", "benign"}
    before = {each.info.run_id for each in runs_of(server, run_id)}
    assert send(home, None) == ["MLflow has everything."]
    assert {each.info.run_id for each in runs_of(server, run_id)} == before


@pytest.mark.slow
def test_a_server_that_is_back_before_the_end_gets_all_of_it(  # noqa: PLR0917 - fixtures
    spark: Any, source: Path, tmp_path: Path, name: Callable[[str], None], server: str, proxy: Proxy
) -> None:
    name(proxy.uri)
    proxy.mode = REFUSE
    home = tmp_path / "home"
    at = At(2, lambda: setattr(proxy, "mode", PASS))
    result = run(config(source, home, run_id="back", experiment="back"), spark, say=lambda _: None, listeners=[at])
    found = results_are_complete(spark, home)
    assert result.problems == ()
    parent = mlflow_is_complete(server, home, "back")
    assert [result.mlflow_run_id] == found["runs"]["mlflow_run_id"].tolist() == [parent.info.run_id]
    assert found["leaderboard"]["mlflow_run_id"].notna().all()
    assert result.model_uri is not None


KILLED = """
import os, signal, sys
from pathlib import Path
import bakeoff
from bakeoff.storage.folder_tables import FolderTables
from bakeoff.tracking.mlflow_listener import MlflowListener

def die(*_args, **_more):
    os.kill(os.getpid(), signal.SIGKILL)

place, attribute = sys.argv[3].rsplit(".", 1)
setattr({"MlflowListener": MlflowListener, "FolderTables": FolderTables}[place], attribute, die)
bakeoff.run(
    bakeoff.RunConfig(sys.argv[1], "target", include=("nb", "dt", "dummy", "ridge"), fold=3, batch_size=2, run_id="one",
                      home=Path(sys.argv[2])),
    say=lambda _: None,
)
"""


@pytest.mark.slow
@pytest.mark.parametrize("dies_at", ["MlflowListener.finish", "FolderTables.upsert_leaderboard"])
def test_a_crash_between_the_tables_and_mlflow_is_made_good(
    spark: Any, source: Path, tmp_path: Path, dies_at: str
) -> None:
    """Either all is in the tables and MLflow has no answer, or MLflow has every batch and the tables no leaderboard."""
    home = tmp_path / "home"
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    died = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), str(source), str(home), dies_at],
        env=environment,
        cwd=tmp_path,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    uri = client.local_tracking_uri(home)
    before = {each.info.run_id: each.info.status for each in runs_of(uri, "one")}
    assert "RUNNING" in before.values()

    # Without going on with the run, its MLflow run is ended.
    copy = tmp_path / "copy"
    shutil.copytree(home, copy)
    send(copy)
    assert {each.info.status for each in runs_of(client.local_tracking_uri(copy), "one")} <= {"FINISHED", "KILLED"}

    result = run(config(source, home), spark, say=lambda _: None)
    assert result.problems == ()
    assert result.summary.n_resumed == 3 * len(MODELS)
    found = results_are_complete(spark, home)
    parent = mlflow_is_complete(uri, home)
    assert found["runs"]["mlflow_run_id"].tolist() == [parent.info.run_id] == [result.mlflow_run_id]
    assert set(before) <= {each.info.run_id for each in runs_of(uri, "one")}


@pytest.mark.slow
def test_no_thread_outlives_a_run_for_long(
    spark: Any, source: Path, tmp_path: Path, name: Callable[[str], None]
) -> None:
    name(f"http://127.0.0.1:{free_port()}")
    run(config(source, tmp_path / "home", include=("nb",)), spark, say=lambda _: None)
    deadline = time.monotonic() + 30
    while any(thread.name == "bakeoff-mlflow" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
