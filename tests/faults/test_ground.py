"""What happens to processes of Spark that run no trial, or stand still for a while, costs nothing."""

from __future__ import annotations

import signal
import threading
from typing import Any

import psutil
import pytest

from bakeoff.comparison.events import Event, TrialDone
from bakeoff.spark.session import DAEMON
from support.datasets import shared
from support.pycaret_parity import through

MODELS = ["nb", "dt", "lr"]
SCORES = ["model_id", "fold", "metrics"]


def forked_by_spark(spark: Any) -> list[psutil.Process]:
    """The processes of Python below Spark's Java: the daemons first, then the workers."""
    java = psutil.Process(spark.sparkContext._gateway.proc.pid)
    found = [each for each in java.children(recursive=True) if DAEMON in each.cmdline()]
    return sorted(found, key=lambda each: each.parent() != java)


class Strikes:
    """Does something to a process of Spark's once the first trial has ended."""

    def __init__(self, spark: Any, what: str) -> None:
        self.spark, self.what = spark, what
        self.struck: list[int] = []

    def handle(self, event: Event) -> None:
        if not isinstance(event, TrialDone) or self.struck:
            return
        daemon, *workers = forked_by_spark(self.spark)
        victim = daemon if self.what == "kill the daemon" else workers[-1]
        self.struck.append(victim.pid)
        if self.what == "kill the daemon":
            victim.kill()
        else:
            victim.send_signal(signal.SIGSTOP)
            threading.Timer(3.0, victim.send_signal, [signal.SIGCONT]).start()


@pytest.mark.slow
@pytest.mark.parametrize("what", ["kill the daemon", "stop a worker for a while"])
def test_the_workers_parents_and_a_worker_that_stands_still_cost_nothing(what: str, spark: Any, alone: Any) -> None:
    strikes = Strikes(spark, what)
    mine = through(spark, shared("binary"), MODELS, fold=2, options={"listeners": [strikes], "driver_trials": False})
    assert strikes.struck
    assert mine.backend.trials[SCORES].to_dict("records") == alone[SCORES].to_dict("records")
