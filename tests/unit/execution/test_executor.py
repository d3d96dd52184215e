"""Slots are manned, workers kept awake, and likely winners fitted before they have won."""

from __future__ import annotations

import threading
import time

import pytest

from bakeoff.comparison.limits import Isolation, TrialLimits
from bakeoff.comparison.plan import Task
from bakeoff.comparison.trial import Outcome, Refitted, Trial
from bakeoff.execution import executor as module
from bakeoff.execution.engines.base import PlainThreads
from bakeoff.execution.executor import FugueExecutor
from bakeoff.execution.worker.task import Refit, RunTrials, WarmUp
from support.waiting import PATIENCE, until


class Engine(PlainThreads):
    """An engine that does nothing but note what it is asked, slowly where it is told to."""

    name = "noting"
    isolation = Isolation.FORKED
    grows = True
    ahead = 1
    patience: float | None = None

    def __init__(self, slots=2):
        self.slots = slots
        self.asked = []
        self.cancels = 0
        self.running = self.most = 0
        self.held: set[str] = set()
        self._lock = threading.Lock()
        self._cancelled = threading.Event()

    def publish(self, frozen):
        return "digest"

    def run(self, work, description):
        with self._lock:
            self.asked.append(work)
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            if isinstance(work, Refit) and work.model_id in self.held and self._cancelled.wait(PATIENCE):
                raise ConnectionAbortedError("cancelled")
            time.sleep(0.01)
            if isinstance(work, Refit):
                return Refitted(work.model_id, b"model", 1.0)
            return (
                [Outcome(trial.model_id, trial.fold) for trial in work.trials] if isinstance(work, RunTrials) else None
            )
        finally:
            with self._lock:
                self.running -= 1

    def cancel(self):
        self.cancels += 1
        self._cancelled.set()

    def close(self):
        pass


def tasks(count):
    return [Task(n, (Trial("lr", n),), 1.0) for n in range(count)]


def refits(engine):
    return [work.model_id for work in engine.asked if isinstance(work, Refit)]


@pytest.mark.parametrize(
    ("n_slots", "seconds", "at_once"), [(None, None, 3), (2, None, 2), (1, None, 1), (None, 60, 2)]
)
def test_one_job_waits_inside_the_engine_unless_slots_or_seconds_are_counted(n_slots, seconds, at_once):
    engine = Engine(slots=2)
    with FugueExecutor(engine, None, n_slots=n_slots, limits=TrialLimits(seconds)) as executor:
        for future in [executor.submit(task, 1) for task in tasks(12)]:
            future.result(PATIENCE)
    assert engine.most == at_once


def test_a_cluster_that_grows_gets_more_to_do(monkeypatch):
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    engine = Engine(slots=1)
    with FugueExecutor(engine, None) as executor:
        engine.slots = 5
        until(lambda: executor.slots == 5)
        for future in [executor.submit(task, 1) for task in tasks(24)]:
            future.result(PATIENCE)
        assert engine.most > 2
        engine.slots = 2
        until(lambda: executor.slots == 2)


def test_a_likely_winner_is_fitted_once_and_early():
    engine = Engine()
    with FugueExecutor(engine, None) as executor:
        executor.foresee(["rf"])
        executor.foresee(["rf"])
        assert [refit.model_id for refit in executor.refit(["rf"])] == ["rf"]
    assert refits(engine) == ["rf"]
    assert engine.cancels == 0


def test_nobody_is_foreseen_on_a_slot_that_has_something_to_do():
    engine = Engine(slots=1)
    engine.held = {"rf"}
    with FugueExecutor(engine, None, n_slots=1) as executor:
        executor.foresee(["rf", "lr"])
        until(lambda: engine.running)
        executor.cancel()
    assert refits(engine) == ["rf"]


def test_one_who_did_not_win_after_all_is_not_waited_for():
    engine = Engine()
    engine.held = {"rf"}
    with FugueExecutor(engine, None) as executor:
        executor.foresee(["rf"])
        assert [refit.model for refit in executor.refit(["lr"])] == [b"model"]
        assert engine.cancels == 1
    assert sorted(refits(engine)) == ["lr", "rf"]


def test_idle_workers_are_kept_awake():
    engine = Engine()
    engine.patience = 0.05
    with FugueExecutor(engine, None):
        until(lambda: any(isinstance(work, WarmUp) for work in engine.asked))
