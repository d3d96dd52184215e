"""The process behind the engine ``local`` stays for the next comparison, is replaced when lost, and leaves nobody."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.reduction import send_handle
from pathlib import Path
from typing import Any

import psutil
import pytest

from bakeoff import warm_up
from bakeoff._utils import pickling
from bakeoff.comparison.events import Event, TrialDone
from bakeoff.errors import WorkerError
from bakeoff.execution.engines import local
from bakeoff.execution.engines.local_server import Experiment, LocalServer, is_server_ready, running_server
from bakeoff.execution.worker.fork_requests import Fork, Load
from bakeoff.execution.worker.fork_server import ForkServer
from bakeoff.pycaret3.prepared import prepare
from support import datasets
from support.datasets import breast_cancer, experiment
from support.fake_models import CountsItself
from support.faulty_models import Hurts
from support.pycaret_parity import through
from support.waiting import until

QUICK = ["nb", "dt", "dummy"]

# Tells the ids of all its processes once a trial is on, and then waits to be killed.
HAS_WORKERS = """
import sys, threading, time
sys.path.insert(0, sys.argv[1])
import psutil
from bakeoff.execution.engines.local_server import running_server
from support.datasets import shared
from support.fake_models import Sleeps
from support.pycaret_parity import through

def tell():
    server = psutil.Process(running_server().pid)
    while len(server.children(recursive=True)) < 2:
        time.sleep(0.5)
    print(server.pid, *(child.pid for child in server.children(recursive=True)), flush=True)

threading.Thread(target=tell, daemon=True).start()
through("local", shared("binary"), [Sleeps(600)], fold=2, options={"n_slots": 1})
"""


def below(server: LocalServer) -> list[psutil.Process]:
    return psutil.Process(server.pid).children(recursive=True)


def restarted() -> LocalServer:
    """A process that has only just been started."""
    last = running_server()
    last.kill()
    until(lambda: not last.is_alive)
    return running_server()


class CountsSlowly(CountsItself):
    """A transformer that is worth being shared with other processes."""

    def transform(self, X: Any) -> Any:
        time.sleep(0.1)
        return X


@pytest.fixture
def undisturbed(exp: Any) -> Any:
    return through("local", exp, QUICK, fold=2)


def test_the_process_stays_for_the_next_comparison_and_its_workers_do_not(exp: Any, undisturbed: Any) -> None:
    server = running_server()
    assert is_server_ready()
    assert below(server) == []
    again = through("local", exp, QUICK, fold=2)
    assert again.scores.equals(undisturbed.scores)
    assert running_server() is server
    assert below(server) == []


def test_a_process_that_was_lost_between_two_comparisons_is_replaced(exp: Any, undisturbed: Any) -> None:
    lost = running_server()
    psutil.Process(lost.pid).kill()
    until(lambda: not lost.is_alive)
    again = through("local", exp, QUICK, fold=2)
    assert running_server().pid != lost.pid
    assert again.scores.equals(undisturbed.scores)
    assert set(again.backend.trials["attempt"]) == {1}


def test_a_process_that_is_lost_again_and_again_ends_no_comparison(exp: Any, undisturbed: Any) -> None:
    class Kills:
        """Kills the process whenever another model has had its first trial."""

        def __init__(self) -> None:
            self.seen: set[str] = set()

        def handle(self, event: Event) -> None:
            if isinstance(event, TrialDone) and event.outcome.trial.model_id not in self.seen:
                self.seen.add(event.outcome.trial.model_id)
                running_server().kill()

    kills = Kills()
    mine = through("local", exp, QUICK, fold=2, options={"listeners": [kills], "max_retries": 4})
    assert len(kills.seen) == len(QUICK)
    assert mine.scores.equals(undisturbed.scores)


def test_it_is_ready_before_it_is_needed() -> None:
    starting = restarted()
    assert not starting.is_ready
    thread = warm_up("local")
    thread.join(120)
    assert starting.is_ready
    assert running_server() is starting


def test_what_is_ended_while_the_process_still_imports_pycaret_ends_at_once(exp: Any) -> None:
    starting = restarted()
    psutil.Process(starting.pid).suspend()  # so that it imports for longer than the budget lasts
    mine = through("local", exp, QUICK, fold=2, budget_time=2 / 60, n_select=1)
    assert set(mine.backend.trials["status"]) == {"cancelled"}
    assert not starting.is_alive


def test_of_a_killed_driver_nothing_stays() -> None:
    tests = Path(datasets.__file__).parents[1]
    command = [sys.executable, "-W", "ignore", "-c", HAS_WORKERS, str(tests)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as driver:
        assert driver.stdout is not None
        pids = [int(pid) for pid in driver.stdout.readline().split()]
        assert len(pids) == 3  # the process, a worker, and its child
        driver.send_signal(signal.SIGKILL)
    until(lambda: not any(psutil.pid_exists(pid) for pid in pids))


def test_a_fold_that_was_transformed_in_a_process_that_is_lost_is_not_transformed_again(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    made = experiment(breast_cancer(200), "target", fold=2, custom_pipeline=[("notes", CountsSlowly(str(notes)))])
    notes.unlink(missing_ok=True)
    options = {"n_slots": 1, "max_retries": 2}
    mine = through("local", made, ["nb", Hurts("_exit"), "dt"], n_select=0, options=options)
    assert set(mine.backend.failures["attempts"]) == {3}
    assert [line for line in notes.read_text().split() if line == "fit"] == ["fit"] * 2


def test_without_a_folder_for_folds_the_scores_are_the_same(
    exp: Any, undisturbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(local, "scratch_folder", full)
    assert through("local", exp, QUICK, fold=2).scores.equals(undisturbed.scores)


def test_a_process_forked_from_the_driver_has_one_of_its_own() -> None:
    mine, told = running_server().pid, os.pipe()
    pid = os.fork()
    if pid == 0:
        theirs = running_server()
        os.write(told[1], str(theirs.pid).encode())
        theirs.kill()
        os._exit(0)
    os.waitpid(pid, 0)
    assert int(os.read(told[0], 100)) != mine
    for end in told:
        os.close(end)


def test_where_no_process_can_be_forked_the_answer_says_why(exp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refuse)
    (driver, server), (_, worker) = Pipe(), Pipe()

    def serve() -> None:
        with suppress(EOFError):
            ForkServer(server).serve()

    serving = threading.Thread(target=serve, daemon=True)
    serving.start()
    driver.send(Load("some", None, ()))
    driver.send_bytes(pickling.dumps(prepare(exp, {"include": ["nb"], "sort": "Accuracy"}, batch_size=1).frozen))
    assert driver.recv() == ""
    for _ in range(2):  # and goes on
        driver.send(Fork("some"))
        send_handle(driver, worker.fileno(), os.getpid())
        assert "Resource temporarily unavailable" in driver.recv()
    driver.close()
    serving.join(60)
    assert not serving.is_alive()
    gc.unfreeze()


def test_an_experiment_that_cannot_be_read_elsewhere_says_so(tmp_path: Path) -> None:
    server = running_server()
    with pytest.raises(WorkerError, match=r"cannot be read in another process[\s\S]*UnpicklingError"):
        server.load(Experiment("broken", b"no pickle", tmp_path))
    assert server.is_alive
    assert not server.holds("broken")
