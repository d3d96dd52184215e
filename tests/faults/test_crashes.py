"""Models that hang, crash, shout or eat memory: the row of each says what it did, and the rest is complete."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from bakeoff import FugueBackend
from bakeoff.errors import UserError
from bakeoff.spark.session import DAEMON
from support.fake_models import KillsItsProcess, KillsItsProcessInRefit
from support.faulty_models import Hurts
from support.pycaret_parity import Compared, through

TIMEOUT = 2.0


def all_gone(notes: Path) -> None:
    """No process that a model has noted down is there five seconds later."""
    pids = [int(line) for line in notes.read_text().split()]
    assert pids
    end = time.monotonic() + 5
    while any(psutil.pid_exists(pid) for pid in pids):
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(
    "deeds", [["fork_and_hang"], pytest.param(["sleep", "spin", "spin_in_c"], marks=pytest.mark.slow)]
)
def test_what_hangs_is_ended_and_leaves_nobody(
    beside: Callable[..., Compared], tmp_path: Path, deeds: list[str]
) -> None:
    notes = tmp_path / "notes"
    mine = beside([Hurts(f"{deed} {notes}") for deed in deeds], trial_timeout=TIMEOUT)
    failures = mine.backend.failures
    assert len(failures) == 2 * len(deeds)
    assert set(failures["status"]) == {"timeout"}
    assert set(failures["attempts"]) == {1}
    assert failures["seconds_lost"].between(TIMEOUT, TIMEOUT + 3).all()
    all_gone(notes)


ENDS = {
    "segfault": ("crashed", "ProcessEnded", "SIGSEGV"),
    "eat": ("oom", "MemoryLimit", "more than the 1500 MB"),
    "_exit": ("crashed", "ProcessEnded", "exit code 17"),
    "kill": ("crashed", "ProcessEnded", "SIGKILL"),
    "exit": ("crashed", "SystemExit", "3"),
    "interrupt": ("crashed", "KeyboardInterrupt", ""),
    "own_exception": ("crashed", "OwnException", "mine"),
}


@pytest.mark.parametrize("n_deeds", [2, pytest.param(len(ENDS), marks=pytest.mark.slow)])
def test_what_crashes_is_tried_again_and_says_how(beside: Callable[..., Compared], n_deeds: int) -> None:
    ends = dict(list(ENDS.items())[:n_deeds])
    mine = beside([Hurts(deed) for deed in ends], trial_memory_mb=1500)
    failures = mine.backend.failures
    assert set(failures["attempts"]) == {2}
    for n, (status, kind, said) in enumerate(ends.values(), start=1):
        rows = failures[failures["model"] == str(n)]
        assert [*rows["status"], *rows["error_type"]] == [status] * 2 + [kind] * 2
        assert rows["error_message"].str.contains(said, regex=False).all()


def test_a_crash_that_happens_once_costs_nothing(beside: Callable[..., Compared], tmp_path: Path) -> None:
    mine = beside([KillsItsProcess(str(tmp_path / "killed"))])
    trials = mine.backend.trials.query("model_id == '1'")
    assert (tmp_path / "killed").exists()
    assert list(trials["status"]) == ["ok", "ok"]
    assert sorted(trials["attempt"]) == [1, 2]


@pytest.mark.slow
@pytest.mark.parametrize("once", [True, False])
def test_a_model_that_ends_the_worker_itself(
    engine: Any,
    beside: Callable[..., Compared],
    tmp_path: Path,
    once: bool,  # noqa: FBT001
) -> None:
    deed = f"kill_parent {tmp_path}/notes" if once else "kill_parent_always"
    mine = beside([Hurts(deed)], driver_trials=False)
    failures = mine.backend.failures
    if once:
        assert len(failures) == 0
    else:
        assert list(failures["status"]) == ["crashed"] * 2
        assert list(failures["attempts"]) == [2, 2]
        said = "The worker was taken down .signal SIGKILL" if engine == "local" else "Python worker exited unexpectedly"
        assert failures["error_message"].str.contains(said).all()
        assert not failures["error_message"].str.contains("\n").any()


def test_noise_and_mess_stay_where_they_are(beside: Callable[..., Compared]) -> None:
    deeds = ["shout", "warn", "set_everything", "fork_and_go_on"]
    mine = beside([Hurts(deed) for deed in deeds], n_slots=1)
    assert len(mine.backend.failures) == 0
    first = mine.backend.trials.query("model_id == '0'")["metrics"].tolist()
    for n in range(len(deeds)):  # all of them are naive Bayes
        assert mine.backend.trials.query(f"model_id == '{n + 1}'")["metrics"].tolist() == first


def test_a_winner_that_crashes_or_hangs_in_the_refit(engine: Any, exp: Any) -> None:
    models = [KillsItsProcessInRefit(), Hurts("nothing"), "dummy"]
    mine = through(engine, exp, models, fold=2, n_select=2, options={"trial_timeout": 60})
    assert type(mine.models).__name__ == "Hurts"
    lost = mine.backend.failures
    assert list(lost["fold"]) == ["refit"]
    assert "exit code 17" in lost["error_message"].iloc[0]


def _is_worker(process: psutil.Process) -> bool:
    """Whether Spark's daemon, or one that it has forked, has forked this."""
    try:
        return all(DAEMON in each.cmdline() for each in (process, process.parent()) if each)
    except psutil.Error:  # it has ended
        return False


@pytest.fixture
def other_workers_next(engine: Any) -> Iterator[None]:
    """End Spark's workers afterwards: one that has fitted a model itself would start processes for the next tests."""
    yield
    if engine == "local":  # whose workers end with the comparison
        return
    workers = [process for process in psutil.Process().children(recursive=True) if _is_worker(process)]
    assert workers
    for process in workers:
        process.kill()
    psutil.wait_procs(workers, timeout=10)
    for _ in range(2 * engine.sparkContext.defaultParallelism):
        with contextlib.suppress(Exception):  # Spark notices that one is gone when it sends it a task
            engine.range(0, 2, 1, 2).mapInPandas(lambda frames: frames, "id long").collect()


@pytest.mark.slow
@pytest.mark.usefixtures("other_workers_next")
def test_without_isolation_a_model_is_fitted_in_the_worker(beside: Callable[..., Compared]) -> None:
    mine = beside([Hurts("nothing")], isolation="none")
    assert set(mine.backend.leaderboard["status"]) == {"ok"}
    # Whatever was computed there, this worker is not forked any more: a process beside it does the work.
    beside([Hurts("_exit")], max_retries=0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"isolation": "thread"}, "There is no isolation 'thread': choose from auto, process, none."),
        ({"isolation": "none", "trial_timeout": 5}, "trial_timeout needs a process"),
        ({"trial_memory_mb": 0}, "trial_memory_mb must be more than 0"),
        ({"max_retries": -1}, "max_retries must be at least 0"),
    ],
)
def test_what_does_not_go_together_is_said_at_once(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        FugueBackend("native", **options)


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["auto", "process"])
def test_natively_a_process_beside_this_one_does_it(exp: Any, tmp_path: Path, isolation: str) -> None:
    notes = tmp_path / "notes"
    options = {"isolation": isolation, **({"trial_timeout": TIMEOUT} if isolation == "auto" else {})}
    deeds = ["_exit", "sleep"] if isolation == "auto" else ["_exit"]
    mine = through("native", exp, ["nb", *[Hurts(f"{deed} {notes}") for deed in deeds]], fold=2, options=options)
    assert list(mine.grid.index) == ["0"]
    assert list(mine.backend.failures["status"]) == ["crashed", "crashed", "timeout", "timeout"][: 2 * len(deeds)]
    assert type(mine.models).__name__ == "GaussianNB"
    all_gone(notes)
    assert not [
        child for child in psutil.Process().children() if "bakeoff.execution.isolation.spawned" in child.cmdline()
    ]
