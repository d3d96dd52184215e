"""The process in which models are fitted, by itself: whatever they do to it, it answers, and is there for the next."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from bakeoff.comparison.limits import TrialLimits
from bakeoff.comparison.trial import Outcome, Status, Trial
from bakeoff.execution.isolation import child_process, forked
from bakeoff.execution.isolation.forked import OUTPUT_BYTES, ForkedRunner
from bakeoff.execution.isolation.processes import memory_of_tree, oom_kills
from bakeoff.execution.isolation.requests import Ask
from bakeoff.pycaret3.runners.base import Scored, TrialRunner
from support.faulty_models import DEEDS

SECONDS = 1.0


class Frozen:
    """As much of an experiment as running a deed needs."""

    seed = 1
    n_jobs = 1


class Deeds(TrialRunner):
    """Does deeds in place of fitting models; the name of the model is the deed."""

    def __init__(self, notes: str = "") -> None:
        super().__init__(Frozen())  # type: ignore[arg-type]
        self.notes = notes

    def _score(self, trial: Trial) -> Scored:
        if trial.model_id == "look":
            return Scored(_state(), 0.0, 0.0)
        DEEDS[trial.model_id](self.notes)
        return Scored({"pid": float(os.getpid())}, 0.0, 0.0)

    def _refit(self, estimator: Any) -> Any:
        DEEDS[estimator](self.notes)
        return estimator

    def _estimator(self, model_id: str) -> Any:
        return model_id, {}


def _state() -> dict[str, float]:
    """What the process is like, in numbers."""
    return {
        "drawn": np.random.random(),
        "drawn_by_python": random.random(),  # noqa: S311
        "left_behind": float("BAKEOFF_LEFT_BEHIND" in os.environ),
        "threads": float(os.environ.get("OMP_NUM_THREADS") == "7"),
        "errors": float(np.geterr()["divide"] == "raise"),
        "folder": float(os.getcwd() == "/"),  # noqa: PTH109
        "no_output": float(sys.stdout is None),
    }


@pytest.fixture
def host(tmp_path: Path) -> Iterator[ForkedRunner]:
    made = ForkedRunner(Deeds(str(tmp_path / "notes")))
    yield made
    made.close()


def ask(deed: str, attempt: int = 1, **limits: Any) -> Ask:
    return Ask(trial=Trial(deed, 0), attempt=attempt, limits=TrialLimits(**limits))


def goes_on(host: ForkedRunner) -> None:
    """The slot is usable, and nothing runs there but the host's process."""
    assert host.answer(ask("nothing")).status is Status.OK
    below = psutil.Process(host.child.pid).children
    until(lambda: all(child.status() == psutil.STATUS_ZOMBIE for child in below(recursive=True)))


def until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("deed", ["sleep", "spin", "spin_in_c", "fork_and_hang", "shout_on"])
def test_what_hangs_is_ended(host: ForkedRunner, deed: str, tmp_path: Path) -> None:
    started = time.monotonic()
    outcome = host.answer(ask(deed, timeout=SECONDS))
    assert time.monotonic() - started < SECONDS + 3
    assert (outcome.status, outcome.error_type) == (Status.TIMEOUT, "TrialTimeout")
    assert outcome.error_message == "The trial took longer than 1 s and was ended."
    if deed != "shout_on":  # whose last words are others
        assert f"in {DEEDS[deed].__name__}" in outcome.traceback  # where it hung
    notes = tmp_path / "notes"
    pids = [int(line) for line in notes.read_text().split()] if notes.exists() else []
    assert len(pids) == (deed == "fork_and_hang")
    until(lambda: not any(psutil.pid_exists(pid) for pid in pids))
    goes_on(host)


def test_a_deep_stack_among_many_threads_is_shown_from_its_innermost_frame(host: ForkedRunner) -> None:
    outcome = host.answer(ask("hang_among_threads", timeout=SECONDS))
    assert outcome.error_type == "TrialTimeout"
    assert "in innermost" in outcome.traceback


@pytest.mark.parametrize(
    ("deed", "status", "kind", "said"),
    [
        ("_exit", Status.CRASHED, "ProcessEnded", "exit code 17"),
        ("kill", Status.CRASHED, "ProcessEnded", "signal SIGKILL"),
        ("segfault", Status.CRASHED, "ProcessEnded", "signal SIGSEGV"),
        ("exit", Status.CRASHED, "SystemExit", "3"),
        ("interrupt", Status.CRASHED, "KeyboardInterrupt", ""),
        ("own_exception", Status.CRASHED, "OwnException", "mine"),
        ("raise", Status.FAILED, "ValueError", "it was not to be"),
    ],
)
def test_what_crashes_says_how(host: ForkedRunner, deed: str, status: Status, kind: str, said: str) -> None:
    outcome = host.answer(ask(deed, attempt=2))
    assert (outcome.status, outcome.error_type, outcome.attempt) == (status, kind, 2)
    assert said in outcome.error_message
    if deed == "segfault":  # the last that it said, and where it was in Python
        assert "about to fall" in outcome.traceback
        assert "_segfault" in outcome.traceback
    goes_on(host)


def test_in_a_sandbox_what_somebody_kills_has_taken_too_much_memory(
    host: ForkedRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_SESSION_UUID", "123")
    outcome = host.answer(ask("kill"))
    assert (outcome.status, outcome.error_type) == (Status.OOM, "OutOfMemory")
    goes_on(host)


def test_in_a_sandbox_no_trial_gets_more_memory_at_once_than_it_may_hold(
    host: ForkedRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_SESSION_UUID", "123")
    limit = psutil.Process().memory_info().rss / 1e6 + 500  # what the child has from its parent, and some
    outcome = host.answer(ask("gulp", memory_mb=limit))
    assert outcome.status is Status.OOM
    assert "Unable to allocate" in outcome.error_message
    goes_on(host)


def test_what_takes_too_much_memory_is_ended(host: ForkedRunner) -> None:
    limit = memory_of_tree(os.getpid()) / 1e6 + 500
    outcome = host.answer(ask("eat", memory_mb=limit))
    assert (outcome.status, outcome.error_type) == (Status.OOM, "MemoryLimit")
    assert "more than the" in outcome.error_message
    goes_on(host)


def test_linux_counts_whom_it_kills_for_memory(tmp_path: Path) -> None:
    assert oom_kills(tmp_path) == 0
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    assert oom_kills(tmp_path) == 2
    (tmp_path / "memory.events").write_text("low 0\noom 4\noom_kill 3\noom_group_kill 0\n")
    assert oom_kills(tmp_path) == 3


def test_a_kill_that_linux_counts_is_told_apart(host: ForkedRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = iter([1, 2, 2, 2])
    monkeypatch.setattr(forked, "oom_kills", lambda: next(counts))
    assert host.answer(ask("kill")).status is Status.OOM
    assert host.answer(ask("kill")).status is Status.CRASHED


def test_what_a_trial_says_is_bounded_and_hurts_nobody(host: ForkedRunner) -> None:
    before = host.answer(ask("look")).metrics
    assert host.answer(ask("shout")).status is Status.OK
    assert host.answer(ask("warn")).status is Status.OK
    assert 0 < len(host.child.tail) <= OUTPUT_BYTES
    assert host.answer(ask("look")).metrics == before


def test_what_a_trial_changes_is_put_back(host: ForkedRunner) -> None:
    before = host.answer(ask("look")).metrics
    assert host.answer(ask("set_everything")).status is Status.OK
    after = host.answer(ask("look")).metrics
    assert {name: value for name, value in after.items() if name != "drawn_by_python"} == {
        name: value for name, value in before.items() if name != "drawn_by_python"
    }
    assert before["left_behind"] == before["no_output"] == 0.0


def test_one_process_serves_trial_after_trial_until_it_is_lost(host: ForkedRunner) -> None:
    pids = [host.answer(ask("nothing")).metrics["pid"] for _ in range(3)]
    assert len(set(pids)) == 1
    assert pids[0] != os.getpid()
    host.answer(ask("kill"))
    assert host.answer(ask("nothing")).metrics["pid"] != pids[0]


def test_a_model_that_forks_and_goes_on_is_answered_once(host: ForkedRunner) -> None:
    assert host.answer(ask("fork_and_go_on", timeout=20)).status is Status.OK
    assert host.answer(ask("nothing")).trial == Trial("nothing", 0)
    goes_on(host)


def test_at_the_end_of_the_run_a_trial_is_cancelled(host: ForkedRunner) -> None:
    outcome = host.answer(ask("sleep", timeout=60, seconds=0.3))
    assert outcome.status is Status.CANCELLED
    assert outcome.error_message == "The run's time was over before this trial ended."


@pytest.mark.parametrize(("deed", "lost"), [("kill", True), ("sleep", False), ("raise", False)])
def test_refits_have_bounds_too(host: ForkedRunner, deed: str, lost: bool) -> None:  # noqa: FBT001
    refitted = host.answer(Ask(refit=deed, limits=TrialLimits(timeout=SECONDS)))
    assert not isinstance(refitted, Outcome)
    assert refitted.model is None
    assert refitted.lost_its_process is lost
    assert refitted.error_message
    assert host.answer(Ask(refit="nothing")).model is not None


def test_a_process_that_nobody_needs_ends_by_itself(host: ForkedRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "IDLE_SECONDS", 0.3)
    assert host.answer(ask("nothing")).status is Status.OK
    until(host.child.has_ended)
    assert host.answer(ask("nothing")).status is Status.OK


def test_closing_ends_the_process(host: ForkedRunner) -> None:
    pid = int(host.answer(ask("nothing")).metrics["pid"])
    host.close()
    assert not psutil.pid_exists(pid)
    host.close()


def test_nothing_stays_open(host: ForkedRunner) -> None:
    host.answer(ask("nothing"))
    before = psutil.Process().num_fds(), psutil.Process().num_threads()
    for deed in ("kill", "nothing", "_exit", "nothing"):
        host.answer(ask(deed))
    assert (psutil.Process().num_fds(), psutil.Process().num_threads()) == before


def test_a_message_that_cannot_be_had_is_no_problem(host: ForkedRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    class SilentError(ValueError):
        def __str__(self) -> str:
            raise TypeError("no")

    def silent(notes: str) -> None:
        raise SilentError

    def strange(notes: str) -> None:
        raise ValueError("\ud800" + "x" * 1_000_000)

    monkeypatch.setitem(DEEDS, "silent", silent)
    monkeypatch.setitem(DEEDS, "strange", strange)
    assert host.answer(ask("silent")).error_message == "The message could not be had: TypeError."
    said = host.answer(ask("strange")).error_message
    assert said.startswith("?xxx")
    assert len(said) < 3_000
