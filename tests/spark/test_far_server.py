"""Comparisons on a Spark Connect server that shares neither machine nor user nor folders with its client."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from bakeoff.storage.journal import read_folder
from support.datasets import breast_cancer
from support.far_server import FarServer, far_server
from support.waiting import until

pytestmark = pytest.mark.timeout(1800)

MODELS, N_FOLDS = ("lr", "dt", "nb", "dummy"), 4
ALL_TRIALS = {(model_id, fold) for model_id in MODELS for fold in range(N_FOLDS)}


@pytest.fixture
def server() -> Iterator[FarServer]:
    with far_server() as made:
        yield made


def answer(server: FarServer, step: str) -> Any:
    """Run a step of `support.far_client`; return what it has found."""
    said = server.run("-W", "ignore", "-m", "support.far_client", step, str(server.volume))
    assert said.returncode == 0, said.stdout[-1000:] + said.stderr[-3000:] + server.log()[-1000:]
    return json.loads(said.stdout.splitlines()[-1])


def trials_of(notes: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(model_id, fold) for note in notes for model_id, fold in note["trials"]]


def is_apart(server: FarServer) -> bool:
    """Whether the server's workers are processes of the server's user, and this machine's driver is not among them."""
    notes = server.notes()
    return {note["user"] for note in notes} == {server.user} and os.getpid() not in {note["pid"] for note in notes}


def test_models_are_compared_on_workers_that_share_one_folder_with_the_client(server: FarServer) -> None:
    found = answer(server, "through_volume")
    assert found["far"]["ranking"] == found["here"]["ranking"]
    assert is_apart(server)
    assert Counter(trials_of(server.notes())) == Counter((m, f) for m in ("nb", "dummy") for f in range(2))
    assert {note["delivery"] for note in server.notes()} == {"FileDelivery"}
    assert found["far"]["on_driver"] == 0
    assert list(server.volume.iterdir()) == []  # the payload is gone
    assert not list(server.mine.rglob("bakeoff-shelf-*"))  # a sandbox has no disk for folds


@pytest.mark.slow
def test_an_artifact_is_found_wherever_the_platform_has_put_it(server: FarServer) -> None:
    found = answer(server, "by_artifact")
    assert list(found) == ["spark", "files", "archives"]
    assert {trial["status"] for each in found.values() for trial in each["trials"]} == {"ok"}
    assert {note["delivery"] for note in server.notes()} == {"ArtifactDelivery"}
    assert is_apart(server)


@pytest.mark.slow
def test_a_trial_that_takes_too_much_memory_costs_itself_and_no_worker(server: FarServer) -> None:
    trials = answer(server, "hungry")["trials"]
    assert sorted(trial["status"] for trial in trials) == ["ok"] * 4 + ["oom"] * 4
    assert len({trial["model_id"] for trial in trials if trial["status"] == "oom"}) == 2
    assert server.warden.killed == []


@pytest.mark.slow
def test_what_workers_have_no_room_for_runs_on_the_driver_and_is_refused_where_that_is_ruled_out(
    server: FarServer,
) -> None:
    found = answer(server, "too_large")
    assert [trial["status"] for trial in found["trials"]] == ["ok"] * 4
    assert found["on_driver"] == 4
    assert "a worker here may take 430 MB in all" in found["refused"]
    assert "leave driver_trials out" in found["refused"]
    assert server.notes() == []


@pytest.mark.slow
def test_outside_of_sandboxes_workers_leave_folds_for_each_other() -> None:
    with far_server(sandboxed=False) as server:
        answer(server, "through_volume")
        assert list(server.mine.rglob("bakeoff-shelf-*"))


def command(server: FarServer, run_id: str, engine: str) -> list[str]:
    """A run as the bundle's serverless job starts it, on a file that only the client sees."""
    source = server.client / "cancer.csv"
    if not source.exists():
        breast_cancer().to_csv(source, index=False)
    options = {
        "source": str(source),
        "target": "target",
        "include": ",".join(MODELS),
        "fold": str(N_FOLDS),
        "run-id": run_id,
        "engine": engine,
        "home": str(server.client / engine),
        "n-slots": "2",
    }
    if engine == "spark":
        options |= {"payload-dir": str(server.volume), "schema": "made"}
    return [
        "-m",
        "bakeoff",
        "run",
        "--json",
        *(part for name, value in options.items() for part in (f"--{name}", value)),
    ]


def settled_notes(server: FarServer) -> int:
    """Number of notes once the tasks of a client that is gone have ended: the server hears of that late."""
    n_notes = -1
    while n_notes != len(server.notes()):
        n_notes = len(server.notes())
        time.sleep(10)
    return n_notes


def ranking(said: subprocess.CompletedProcess[str]) -> list[Any]:
    assert said.returncode == 0, said.stdout[-1000:] + said.stderr[-3000:]
    rows = json.loads(said.stdout)["leaderboard"]
    return [_without_seconds(row) for row in rows]


def _without_seconds(value: Any) -> Any:
    """Leave out how long something took, also in what the value holds."""
    if not isinstance(value, dict):
        return value
    return {key: _without_seconds(each) for key, each in value.items() if key != "tt_sec" and "seconds" not in key}


@pytest.mark.slow
def test_a_run_gives_what_a_classic_one_gives_and_goes_on_after_its_client_was_killed(server: FarServer) -> None:
    home = server.client / "spark" / "runs" / "far" / "journal"
    asked = command(server, "far", "spark")
    with (server.client / "first.log").open("wb") as log:
        first = subprocess.Popen(
            [sys.executable, *asked], env=server.environment(), cwd=server.client, stdout=log, stderr=log
        )
    try:
        until(lambda: first.poll() is not None or len(read_folder(home)) >= 3, 900)
        assert first.poll() is None, (server.client / "first.log").read_text()[-3000:]
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    kept = {(outcome.trial.model_id, outcome.trial.fold) for outcome in read_folder(home)}
    n_before = settled_notes(server)
    assert 3 <= len(kept) < len(ALL_TRIALS)

    far = ranking(server.run(*asked))
    later = trials_of(server.notes()[n_before:])
    assert kept.isdisjoint(later)  # nothing is repeated
    assert kept | set(later) == ALL_TRIALS  # nothing is lost
    assert max(Counter(later).values()) == 1
    assert is_apart(server)
    assert server.warden.killed == []

    classic = server.run(*command(server, "classic", "local"), serverless=False)
    assert ranking(classic) == far
