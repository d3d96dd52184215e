"""MLflow beside a run: a real tracking server over HTTP, and a proxy before it that is down, refuses, or is late."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from mlflow import environment_variables
from mlflow.tracking import MlflowClient

from bakeoff.comparison.leaderboard import rank
from bakeoff.errors import UserError
from bakeoff.storage.rows import RunRecord
from bakeoff.tracking import messages
from bakeoff.tracking.bounded_client import BoundedClient, short_limits
from bakeoff.tracking.mlflow_listener import MlflowListener, open_mlflow_listener
from bakeoff.tracking.outbox import Head, Message, Outbox, read_spool
from bakeoff.tracking.registry import CandidateScore
from bakeoff.tracking.replay import close_stale, left_over, replay, to_send
from support.plans import events_of, good, make_plan
from support.tracking_server import LATE, PASS, REFUSE, Proxy, free_port, mlflow_server, runs_of

PLAN = make_plan()
OUTCOMES = [*good(PLAN, "lr", 0.7), *good(PLAN, "rf", 0.75), *good(PLAN, "nb", 0.6)]
BOARD = rank(PLAN, OUTCOMES)
EVENTS = events_of(PLAN, OUTCOMES)
HANGS = 60.0
"""Seconds that a late answer takes here: whoever waits for one is found out."""


@pytest.fixture(scope="module")
def server(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(template, folder / "mlflow.db")
    with mlflow_server(folder, folder / "mlflow.db") as uri:
        yield uri


@pytest.fixture
def proxy(server: str) -> Iterator[Proxy]:
    with Proxy(server, seconds=HANGS) as proxy:
        yield proxy


def name(monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    """Let the environment name an MLflow, also where an earlier test has set one in this process."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setattr("mlflow.tracking._tracking_service.utils._tracking_uri", None)


@pytest.fixture
def channel(
    proxy: Proxy, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., MlflowListener]]:
    made: list[MlflowListener] = []
    name(monkeypatch, proxy.uri)  # MLflow 2 finds a server's files only there

    def make(experiment: str = "bake-offs", **more: Any) -> MlflowListener:
        run_id = request.node.name
        head = Head(run_id, experiment, params={"source": "here.csv"}, tracking_uri=proxy.uri, **more)
        client = BoundedClient(MlflowClient(tracking_uri=proxy.uri), seconds=2)
        made.append(MlflowListener(client, head, tmp_path))
        return made[-1]

    yield make
    for each in made:
        each.sender.stop()
        each.outbox.close()
        each.sender.join(10)


def tell(channel: MlflowListener, upto: int | None = None) -> None:
    for event in EVENTS[:upto]:
        channel.handle(event)


def finish(channel: MlflowListener) -> list[str]:
    return channel.finish(BOARD, {"wall_seconds": 9.0}, "FINISHED")


def until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def send_what_is_left(home: Path) -> None:
    """As `bakeoff sync` does."""
    for left in left_over(home):
        assert not left.running
        assert not replay(home, left).refusals


def complete(server: str, run_id: str, home: Path) -> None:
    """MLflow holds one copy of everything, nothing runs, and nothing is left to be sent."""
    runs = runs_of(server, run_id)
    assert Counter(run.info.run_name for run in runs) == {run_id: 1, "Model lr": 1, "Model rf": 1, "Model nb": 1}
    assert {run.info.status for run in runs} == {"FINISHED"}
    [parent] = [run for run in runs if run.data.tags["bakeoff.kind"] == "run"]
    assert {run.data.tags["mlflow.parentRunId"] for run in runs if run is not parent} == {parent.info.run_id}
    assert parent.data.params["models"] == "lr, rf, nb"
    assert parent.data.params["source"] == "here.csv"
    assert parent.data.metrics["best_value"] == pytest.approx(0.76)
    client = MlflowClient(tracking_uri=server)
    for run in runs:
        if run is not parent:
            folds = client.get_metric_history(run.info.run_id, "fold_auc")
            assert sorted(metric.step for metric in folds) == [0, 1, 2]
            assert run.data.metrics["n_folds_ok"] == 3
    assert {file.path for file in client.list_artifacts(parent.info.run_id)} == {"leaderboard.json", "leaderboard.csv"}
    assert left_over(home) == []


def test_where_all_is_well_everything_is_sent_and_nothing_is_left(
    channel: Callable[..., MlflowListener], server: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    one = channel()
    assert one.start() is None
    tell(one)
    one.settle()
    assert set(one.model_run_ids) == {"lr", "rf", "nb"}
    assert finish(one) == []
    assert one.close("KILLED") == []  # the end has been told
    complete(server, one.run_id, tmp_path)
    assert not one.outbox.folder.exists()
    assert capfd.readouterr().out == ""


def test_a_server_that_comes_back_in_time_gets_what_waited(
    channel: Callable[..., MlflowListener], proxy: Proxy, server: str, tmp_path: Path
) -> None:
    proxy.down()
    one = channel()
    assert "cannot be reached (ConnectionRefusedError" in str(one.start())
    assert one.tracked is None
    tell(one)
    one.settle()
    assert one.model_run_ids == {}
    proxy.up()
    until(lambda: len(one.model_run_ids) == 3)
    assert finish(one) == []
    complete(server, one.run_id, tmp_path)


@pytest.mark.parametrize(
    ("trouble", "when"),
    [
        ("down", "half-way"),
        (LATE, "at the start"),
        pytest.param("down", "at the start", marks=pytest.mark.slow),
        pytest.param(REFUSE, "at the start", marks=pytest.mark.slow),
        pytest.param(REFUSE, "half-way", marks=pytest.mark.slow),
        pytest.param(LATE, "half-way", marks=pytest.mark.slow),
    ],
)
def test_a_server_that_does_not_come_back_costs_nothing_but_a_warning(  # noqa: PLR0917 - fixtures
    channel: Callable[..., MlflowListener], proxy: Proxy, server: str, tmp_path: Path, trouble: str, when: str
) -> None:
    first = 2 if when == "half-way" else 0
    if not first:
        _break(proxy, trouble)
    one, began = channel(), time.monotonic()
    assert bool(one.start()) == (not first)
    tell(one, first)
    if first:
        one.settle()
        assert list(one.model_run_ids) == ["lr"]
        _break(proxy, trouble)
    for event in EVENTS[first:]:
        one.handle(event)
    one.settle()
    [problem] = finish(one)
    assert time.monotonic() - began < HANGS / 2  # no answer was waited for
    assert f"`bakeoff sync {shlex.quote(one.run_id)} --home {shlex.quote(str(tmp_path))}` sends it" in problem
    assert str(one.outbox.folder) in problem
    assert "\n" not in problem

    if trouble == "down":
        proxy.up()
    proxy.mode = PASS
    send_what_is_left(tmp_path)
    complete(server, one.run_id, tmp_path)


def _break(proxy: Proxy, trouble: str) -> None:
    if trouble == "down":
        proxy.down()
    else:
        proxy.mode = trouble


def test_a_call_that_did_its_work_unheard_is_not_made_twice(
    channel: Callable[..., MlflowListener], proxy: Proxy, server: str, tmp_path: Path
) -> None:
    one = channel()
    one.start()
    proxy.mode = LATE
    tell(one, 2)
    until(lambda: one.sender.failures >= 1)  # the run is there, and nobody was told
    proxy.mode = PASS
    tell(one)
    until(lambda: one.sender.is_idle)
    assert finish(one) == []
    complete(server, one.run_id, tmp_path)


@pytest.mark.slow
def test_what_is_there_twice_after_all_is_deleted(
    channel: Callable[..., MlflowListener], server: str, tmp_path: Path
) -> None:
    one = channel()
    one.start()
    tell(one)
    one.settle()
    client = MlflowClient(tracking_uri=server)
    for run in runs_of(server, one.run_id):  # late answers of calls that were made again
        client.create_run(run.info.experiment_id, tags=run.data.tags, run_name=run.info.run_name)
    one.sender.setbacks = 1
    assert finish(one) == []
    complete(server, one.run_id, tmp_path)


def test_limits_are_those_of_our_calls_alone(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    before = dict(os.environ)
    seen: list[Any] = []
    read = environment_variables.MLFLOW_HTTP_REQUEST_TIMEOUT
    with short_limits(3):
        assert (read.get(), environment_variables.MLFLOW_HTTP_REQUEST_MAX_RETRIES.get()) == (3, 0)
        assert dict(os.environ) == before
        other = threading.Thread(target=lambda: seen.append(read.get()))
        other.start()
        other.join()
    assert seen == [77]
    assert read.get() == 77
    proxy.mode = REFUSE
    client = BoundedClient(MlflowClient(tracking_uri=proxy.uri))
    with pytest.raises(mlflow.MlflowException, match="503"):
        client.search_experiments()
    assert proxy.asked == {REFUSE: 1}


class TestMistakes:
    def test_a_deleted_experiment_is_said_before_the_work(
        self, channel: Callable[..., MlflowListener], server: str
    ) -> None:
        client = MlflowClient(tracking_uri=server)
        client.delete_experiment(client.create_experiment("gone"))
        one = channel(experiment="gone")
        with pytest.raises(UserError, match="'gone' was deleted: restore it, or choose another name"):
            one.start()
        assert not one.outbox.folder.exists()

    @pytest.mark.parametrize(
        ("uri", "says"),
        [
            ("htp://nowhere", "names no MLflow"),
            ("http://127.0.0.1:99999", "InvalidUrlException"),
            ("{server}/not/here", "404"),
        ],
    )
    def test_an_address_that_is_none(
        self, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str, says: str
    ) -> None:
        name(monkeypatch, uri.format(server=server))
        said: list[str] = []
        with pytest.raises(UserError, match=says):
            open_mlflow_listener(tmp_path, Head("one", "bakeoff"), said.append)
        assert said == []
        assert left_over(tmp_path) == []

    def test_no_login_is_said_or_kept(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        name(monkeypatch, f"http://me:s3cret@127.0.0.1:{free_port()}")
        said: list[str] = []
        one = open_mlflow_listener(tmp_path, Head("one", "bakeoff"), said.append)
        said += one.close("FINISHED")
        assert len(said) == 2
        kept = "".join(path.read_text() for path in one.outbox.folder.iterdir())
        assert "s3cret" not in "".join(said) + kept


class TestRefusals:
    def test_what_the_server_fails_at_again_and_again_holds_nothing_up(
        self, client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bakeoff.tracking.sender.LONGEST_PAUSE", 0.01)
        log = client.log_batch

        def fail_at_params(run_id: str, params: Any = (), **more: Any) -> None:
            if params:
                raise mlflow.MlflowException("the server's own mistake")  # which is a 500
            log(run_id, **more)

        monkeypatch.setattr(client, "log_batch", fail_at_params)
        head = Head("one", "bake-offs", artifact_location=(tmp_path / "artifacts").as_uri())
        one = MlflowListener(BoundedClient(client), head, tmp_path)
        one.start()
        tell(one)
        until(lambda: len(one.model_run_ids) == 3)
        [problem] = finish(one)
        assert "the server's own mistake" in problem
        [left] = left_over(tmp_path)
        assert left.attempts[0].status == "FINISHED"

    def test_a_run_that_goes_on_is_left_to_itself(self, client: MlflowClient, tmp_path: Path) -> None:
        one = MlflowListener(BoundedClient(client), Head("one", "bake-offs"), tmp_path)
        one.start()
        [left] = left_over(tmp_path)
        assert left.running
        assert one.close("KILLED") == []

    def test_what_is_refused_is_said_and_kept_and_the_rest_is_sent(self, client: MlflowClient, tmp_path: Path) -> None:
        head = Head("one", "bake-offs", artifact_location=(tmp_path / "artifacts").as_uri())
        one = MlflowListener(BoundedClient(client), head, tmp_path)
        assert one.start() is None
        (tmp_path / "secret").write_text("not of this run")
        tell(one)
        one.put(messages.of_files(["../../secret"]))
        [problem] = finish(one)
        assert "refused something (ValueError: ../../secret is not in the folder" in problem
        [attempt] = read_spool(one.outbox.folder)
        assert attempt.status == "FINISHED"
        assert one.tracked is not None
        runs = client.search_runs([one.tracked.experiment_id])
        assert [run.info.status for run in runs] == ["FINISHED"] * 4
        names = {file.path for file in client.list_artifacts(one.tracked.mlflow_run_id)}
        assert names == {"leaderboard.json", "leaderboard.csv"}

    def test_the_run_is_ended_even_if_its_files_cannot_be_written(self, client: MlflowClient, tmp_path: Path) -> None:
        (tmp_path / "artifacts").write_text("a file where the folder should be")
        head = Head("one", "bake-offs", artifact_location=(tmp_path / "artifacts").as_uri())
        one = MlflowListener(BoundedClient(client), head, tmp_path)
        one.start()
        tell(one)
        [problem] = finish(one)
        assert "`bakeoff sync one --home" in problem
        assert one.tracked is not None
        parent = client.get_run(one.tracked.mlflow_run_id)
        assert (parent.info.status, parent.data.tags["best_model_id"]) == ("FINISHED", "rf")


def test_the_model_is_kept_and_logged_and_registered_later(
    channel: Callable[..., MlflowListener], proxy: Proxy, server: str, tmp_path: Path
) -> None:
    from sklearn.linear_model import LinearRegression

    from bakeoff.tracking.logged_model import save_best_model

    proxy.down()
    one = channel()
    one.start()
    tell(one)
    rows = pd.DataFrame({"x": [0.5, 1.5, 2.5]})
    save_best_model(one.model_folder, LinearRegression().fit(rows, [1.0, 2.0, 3.0]), rows, task="regression")
    standing = CandidateScore("auc", 0.76, higher_is_better=True, target="y")
    name = f"best of {one.run_id}"
    one.put(messages.of_model("rf", "regression", name, standing))
    page = tmp_path / "runs" / one.run_id / "report.html"
    page.write_text("what was found")
    one.put(messages.of_files(["report.html"]))
    [_] = finish(one)
    assert one.logged is None
    assert one.model_folder.is_dir()

    proxy.up()
    send_what_is_left(tmp_path)
    send_what_is_left(tmp_path)  # and once more, when there is nothing
    assert not one.model_folder.exists()
    client = MlflowClient(tracking_uri=server, registry_uri=server)
    [version] = client.search_model_versions(f"name = '{name}'")
    assert client.get_model_version_by_alias(name, "champion").version == version.version
    assert version.tags["bakeoff.metric"] == "auc"
    mlflow.set_tracking_uri(server)
    [parent] = [run for run in runs_of(server, one.run_id) if run.data.tags["bakeoff.kind"] == "run"]
    loaded = mlflow.pyfunc.load_model(f"runs:/{parent.info.run_id}/model")
    assert list(loaded.predict(rows)) == pytest.approx([1.0, 2.0, 3.0])
    assert "report.html" in {file.path for file in client.list_artifacts(parent.info.run_id)}


def test_a_run_whose_process_was_killed_is_ended_as_killed(server: str, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "killed"
    script = (
        "import os, signal, sys; from pathlib import Path;"
        "from bakeoff.tracking.outbox import Head, Outbox;"
        "outbox = Outbox(Path(sys.argv[1]), Head('killed', 'bake-offs', tracking_uri=sys.argv[2]));"
        "outbox.append({'kind': 'plan', 'params': {'models': 'lr'}});"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", script, str(folder / "mlflow"), server], check=False)
    with next(folder.rglob("*.jsonl")).open("ab") as file:
        file.write(b'{"kind": "bat')  # what it was about to write
    [left] = left_over(tmp_path)
    assert not left.running
    replay(tmp_path, left)
    [run] = runs_of(server, "killed")
    assert (run.info.status, run.data.params) == ("KILLED", {"models": "lr"})
    assert left_over(tmp_path) == []


def test_of_several_attempts_the_last_word_counts(tmp_path: Path) -> None:
    def attempt(told: list[Message]) -> None:
        spool = Outbox(tmp_path / "runs" / "one" / "mlflow", Head("one", "bake-offs"))
        for message in told:
            spool.append(message)
        spool.close()

    def batch(number: str, status: str) -> Message:
        return {"kind": "batch", "run": {"tags": {"bakeoff.batch_id": number}, "status": status}, "models": []}

    attempt([batch("1", "FINISHED"), batch("2", "KILLED"), messages.of_end("KILLED")])
    attempt([batch("2", "FINISHED"), messages.of_end("FINISHED")])
    [left] = left_over(tmp_path)
    told = json.loads(json.dumps(to_send(left.attempts)))
    assert [(each["kind"], each.get("status", each.get("run", {}).get("status"))) for each in told] == [
        ("batch", "FINISHED"),
        ("batch", "FINISHED"),
        ("close", "FINISHED"),
    ]


def test_what_runs_in_mlflow_and_has_ended_in_the_tables_is_ended(client: MlflowClient) -> None:
    experiment = client.create_experiment("bake-offs")

    def start(run_id: str, kind: str) -> str:
        tags = {"bakeoff.run_id": run_id, "bakeoff.kind": kind}
        return str(client.create_run(experiment, tags=tags).info.run_id)

    ended, child, going_on = start("ended", "run"), start("ended", "batch"), start("going on", "run")
    theirs = client.create_run(experiment).info.run_id
    rows = [
        RunRecord("ended", "finished", finished_at=12.5, mlflow_experiment_id=experiment),
        RunRecord("going on", "running", mlflow_experiment_id=experiment),
        RunRecord("never logged", "failed"),
    ]
    assert close_stale(client, rows) == ["ended"]
    assert close_stale(client, rows) == []
    found = {run_id: client.get_run(run_id).info for run_id in (ended, child, going_on, theirs)}
    assert [found[run_id].status for run_id in found] == ["FINISHED", "FINISHED", "RUNNING", "RUNNING"]
    assert found[ended].end_time == 12_500
