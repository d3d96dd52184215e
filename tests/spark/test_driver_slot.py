"""While Spark's workers are cold, the driver's own machine runs trials; what they give is the same."""

from __future__ import annotations

import logging
import threading
import weakref

import psutil
import pytest

from bakeoff import FugueBackend
from bakeoff.errors import UserError
from bakeoff.execution.engines import driver_slot, spark_workers
from bakeoff.execution.engines.hybrid import HybridEngine
from bakeoff.execution.isolation import spawned
from support.datasets import shared
from support.faulty_models import Hurts
from support.pycaret_parity import through
from support.trial_stores import MemoryStore

pytestmark = pytest.mark.filterwarnings("ignore")
QUICK = ["nb", "dt", "dummy"]


@pytest.fixture
def cold(spark, monkeypatch):
    """The session, as if nobody knew that its workers are warm."""
    monkeypatch.setattr(spark_workers, "ANSWERED_AT", weakref.WeakKeyDictionary())
    return spark


def jobs(spark):
    return set(spark.sparkContext.statusTracker().getJobIdsForGroup())


def hosts_beside():
    return [child for child in psutil.Process().children() if "bakeoff.execution.isolation.spawned" in child.cmdline()]


def test_little_work_on_cold_workers_starts_no_spark_job(cold, caplog, monkeypatch):
    monkeypatch.setattr(driver_slot, "ALONE_SECONDS", 600.0)  # also where this machine is very busy
    exp, before = shared("binary"), jobs(cold)
    with caplog.at_level(logging.INFO):
        here = through(cold, exp, QUICK)
    assert jobs(cold) == before
    summary = here.backend.summary
    assert (summary.slots, summary.n_on_driver, summary.too_small) == (1, 9, True)
    assert "too little work" in caplog.text
    assert hosts_beside() == []

    there = through(cold, exp, QUICK, options={"driver_trials": False})
    assert jobs(cold) > before
    assert (there.backend.summary.slots, there.backend.summary.n_on_driver) == (2, 0)
    assert here.scores.equals(there.scores)
    assert repr(here.models) == repr(there.models)

    # Those workers have answered, and what comes next is theirs, however little it is.
    assert through(cold, exp, QUICK).backend.summary.n_on_driver == 0


@pytest.fixture
def ready(monkeypatch):
    """Set when the first worker has got ready."""
    event, warm_worker = threading.Event(), HybridEngine.warm_worker
    monkeypatch.setattr(HybridEngine, "warm_worker", lambda self: (warm_worker(self), event.set()))
    return event


def test_what_a_model_does_to_its_process_ends_alike_wherever_it_runs(spark, ready):
    # The driver could have done it all before a worker is ready: the first outcome waits for one.
    options, models = {"driver_trials": True, "trial_timeout": 60}, ["nb", Hurts("kill")]
    store = MemoryStore(record=lambda _: ready.wait(60) and None)
    mine = through(spark, shared("binary"), models, fold=2, n_select=0, options=options, store=store).backend
    assert mine.leaderboard.set_index("model_name")["status"].tolist() == ["ok", "failed"]
    assert mine.failures["error_message"].str.contains("SIGKILL").all()
    assert mine.failures["attempts"].tolist() == [2, 2]
    assert ready.is_set()
    assert mine.summary.slots == 3
    assert hosts_beside() == []


def test_a_host_can_be_started_before_there_is_anything_for_it(spark):
    spawned.start_early()
    [process] = hosts_beside()
    assert through(spark, shared("binary"), ["nb"], fold=2).backend.summary.n_on_driver == 0
    assert not process.is_running()  # nobody wanted it: the workers are warm


def test_a_wish_that_is_none_is_refused():
    with pytest.raises(UserError, match=r'driver_trials must be True, False or "auto", not "perhaps"'):
        FugueBackend(driver_trials="perhaps")
