"""Work goes to the driver's own machine until workers are ready, and nowhere twice."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bakeoff.comparison.limits import Isolation, TrialLimits
from bakeoff.comparison.trial import Outcome, Trial
from bakeoff.execution.engines import hybrid as module
from bakeoff.execution.engines.base import PlainThreads
from bakeoff.execution.engines.driver_slot import ALONE_SECONDS, DriverAssist, assist_for
from bakeoff.execution.engines.hybrid import HybridEngine, State
from bakeoff.execution.worker.task import RunTrials
from support.waiting import PATIENCE, until


class Place:
    """Where work can be done: notes what it is asked, and lets nothing end before its gate is open."""

    def __init__(self):
        self.asked = []
        self.gate = threading.Event()
        self.gate.set()
        self.cancels = self.closes = 0

    def run(self, work, description=""):
        self.asked.append(work)
        if not self.gate.wait(PATIENCE):
            raise TimeoutError
        if not isinstance(work, RunTrials):
            if self.cancels:
                raise ConnectionAbortedError("cancelled")
            return None
        return [Outcome(trial.model_id, trial.fold, host=self.name) for trial in work.trials]

    def cancel(self):
        self.cancels += 1
        self.gate.set()

    def close(self):
        self.closes += 1

    @property
    def trials(self):
        return [trial.model_id for work in self.asked if isinstance(work, RunTrials) for trial in work.trials]


class Workers(Place, PlainThreads):
    grows = True
    name, isolation, ahead, patience, own_slots = "workers", Isolation.FORKED, 1, None, 0
    slots = 2

    def publish(self, frozen):
        return "digest"


class Driver(Place):
    name = "driver"

    def __init__(self, frozen):
        super().__init__()
        self.error = frozen

    def get_ready(self):
        if self.error:
            raise self.error


@pytest.fixture
def workers():
    """Workers that do not get ready before their gate is open."""
    made = Workers()
    made.gate.clear()
    return made


@pytest.fixture
def start(monkeypatch, workers):
    """An engine with the help that is asked for, and the driver's place behind it."""
    started = []

    def start(help_=DriverAssist(), error=None):  # noqa: B008 - it is frozen
        drivers = []
        monkeypatch.setattr(module, "DriverSlot", lambda frozen: drivers.append(Driver(frozen)) or drivers[-1])
        engine = HybridEngine(workers, help_)
        started.append(engine)
        engine.publish(error)
        return engine, drivers[0]

    yield start
    for engine in started:
        engine.close()


def work(*names, **limits):
    return RunTrials("", tuple(Trial(name, 0) for name in names), limits=TrialLimits(**limits))


def lost(work, description):
    raise ConnectionError("The worker is gone.")


def hosts(outcomes):
    return [outcome.host for outcome in outcomes]


def test_the_driver_works_until_all_workers_are_ready(workers, start):
    engine, _ = start()
    assert engine.slots == 2
    assert hosts(engine.run(work("a", "b"), "")) == ["driver", "driver"]
    assert engine.slots_used == 1
    workers.gate.set()
    until(lambda: engine.slots_used == 2 and not engine.driver_works)
    assert hosts(engine.run(work("c"), "")) == ["workers"]
    workers.slots = 5  # the cluster grows
    assert engine.slots == 5
    assert hosts(engine.run(work("d"), "")) == ["workers"]
    assert (engine.n_here, workers.trials) == (2, ["c", "d"])


def test_it_goes_on_where_there_is_a_core_for_it(workers, start):
    engine, driver = start(DriverAssist(stays=True))
    workers.gate.set()
    until(lambda: engine.state is State.READY)
    assert engine.slots == engine.slots_used == 3
    assert hosts(engine.run(work("a"), "")) == ["workers"]
    assert driver.trials == []


def test_what_it_has_not_begun_goes_to_workers_that_are_ready(workers, start):
    engine, driver = start()
    driver.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(engine.run, work("a", "b", "c"), "")
        until(lambda: driver.asked)
        workers.gate.set()
        until(lambda: not engine.driver_works)
        driver.gate.set()
        outcomes = future.result(PATIENCE)
    assert [(outcome.model_id, outcome.host) for outcome in outcomes] == [
        ("a", "driver"),
        ("b", "workers"),
        ("c", "workers"),
    ]


def test_what_was_finished_here_is_kept_where_the_worker_with_the_rest_is_lost(monkeypatch, workers, start):
    engine, driver = start()
    driver.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(engine.run, work("a", "b"), "")
        until(lambda: driver.asked)
        workers.gate.set()
        until(lambda: not engine.driver_works)
        monkeypatch.setattr(workers, "run", lost)
        driver.gate.set()
        assert [outcome.model_id for outcome in future.result(PATIENCE)] == ["a"]


def test_small_work_starts_no_worker(workers, start):
    engine, _ = start(DriverAssist(alone_seconds=PATIENCE))
    assert engine.slots == 1
    assert hosts(engine.run(work("a", "b"), "")) == ["driver", "driver"]
    engine.close()
    assert workers.asked == []
    assert not engine.is_open


def test_work_that_is_not_so_small_after_all_gets_its_workers(workers, start):
    workers.gate.set()
    engine, _ = start(DriverAssist(alone_seconds=0.01))
    until(lambda: not engine.driver_works)
    assert hosts(engine.run(work("a"), "")) == ["workers"]
    assert engine.is_open


def test_without_its_process_all_is_left_to_the_workers_at_once(workers, start, caplog):
    workers.gate.set()
    engine, _ = start(DriverAssist(alone_seconds=600), RuntimeError("no process"))
    assert hosts(engine.run(work("a"), "")) == ["workers"]
    assert "takes no part in the comparison: no process" in caplog.text


def test_cancelling_sends_away_what_waits_and_what_comes_later_runs(workers, start):
    engine, driver = start()
    driver.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(engine.run, work(name), "") for name in "ab"]
        until(lambda: driver.asked and engine.n_waiting == 1)
        engine.cancel()
        errors = [future.exception(PATIENCE) for future in futures]
    assert sorted(type(error).__name__ for error in errors) == ["ConnectionAbortedError", "NoneType"]
    assert (driver.cancels, workers.cancels) == (1, 1)
    assert len(engine.run(work("c"), "")) == 1


def test_seconds_are_counted_from_when_work_came(workers, start):
    engine, driver = start()
    driver.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(engine.run, work("a", "b", seconds=100.0), "")
        until(lambda: driver.asked)
        time.sleep(0.05)
        driver.gate.set()
        future.result(PATIENCE)
    first, second = (asked.limits.seconds for asked in driver.asked)
    assert 100.0 >= first >= second + 0.05


def test_workers_that_nobody_waits_for_any_more_are_cancelled(workers, start):
    engine, driver = start()
    until(lambda: len(workers.asked) == 2)
    engine.close()
    assert workers.cancels
    assert (driver.closes, workers.closes) == (1, 1)


@pytest.mark.parametrize(
    ("wish", "driver", "seconds", "expected"),
    [
        (None, {"cold": True, "cores": 2, "own_slots": 2}, 60.0, None),  # local[2]: no core is left over
        (None, {"cold": True, "cores": 4, "own_slots": 2}, 60.0, DriverAssist(stays=True)),
        (None, {"cold": True, "cores": 1, "own_slots": 0}, 60.0, None),  # the driver has one core, and needs it
        (None, {"cold": True, "cores": 2, "own_slots": 2}, 2.0, DriverAssist(ALONE_SECONDS)),
        (None, {"cold": True, "cores": 2, "own_slots": 2}, float("inf"), None),
        (
            None,
            {"cold": True, "cores": 8, "own_slots": 0},
            float("inf"),
            DriverAssist(stays=True),
        ),  # of some nothing is known
        (None, {"cold": False, "cores": 8, "own_slots": 0}, 2.0, None),  # warm workers get all the work
        (True, {"cold": False, "cores": 2, "own_slots": 2}, 2.0, DriverAssist(stays=True)),
        (False, {"cold": True, "cores": 8, "own_slots": 0}, 2.0, None),
    ],
)
def test_who_is_helped(wish, driver, seconds, expected):
    assert assist_for(wish, seconds=seconds, **driver) == expected
