"""What happens to processes of an engine that run no trial, or stand still for a while, costs nothing."""

from __future__ import annotations

import signal
import threading
from typing import Any

import psutil
import pytest

from bakeoff.comparison.events import Event, TrialDone
from bakeoff.execution.engines.local_server import running_server
from bakeoff.spark.session import DAEMON
from support.datasets import shared
from support.pycaret_parity import through

MODELS = ["nb", "dt", "lr"]
SCORES = ["model_id", "fold", "metrics"]


_SEEN: set[psutil.Process] = set()
"""Processes of Spark's that were found: workers outlive the one that forked them, and go on working."""


def forked(engine: Any) -> tuple[list[psutil.Process], list[psutil.Process]]:
    """The process that forks workers, if it is there, and the workers."""
    if engine == "local":
        server = psutil.Process(running_server().pid)
        return [server], server.children()
    java = psutil.Process(engine.sparkContext._gateway.proc.pid)
    _SEEN.update(each for each in java.children(recursive=True) if is_alive(each) and DAEMON in each.cmdline())
    found = [each for each in _SEEN if is_alive(each)]
    return [each for each in found if each.parent() == java], [each for each in found if each.parent() != java]


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


class Strikes:
    """Does something to a process of the engine's once the first trial has ended."""

    def __init__(self, engine: Any, what: str) -> None:
        self.engine, self.what = engine, what
        self.struck: list[int] = []

    def handle(self, event: Event) -> None:
        if not isinstance(event, TrialDone) or self.struck:
            return
        parents, workers = forked(self.engine)
        victim = parents[0] if self.what == "kill the parent" else workers[-1]
        self.struck.append(victim.pid)
        if self.what == "stop a worker for a while":
            victim.send_signal(signal.SIGSTOP)
            threading.Timer(3.0, victim.send_signal, [signal.SIGCONT]).start()
        else:
            victim.kill()


@pytest.mark.slow
@pytest.mark.parametrize("what", ["kill the parent", "kill a worker", "stop a worker for a while"])
def test_the_workers_parent_and_a_worker_that_is_lost_or_stands_still_cost_nothing(
    what: str, engine: Any, alone: Any
) -> None:
    strikes = Strikes(engine, what)
    mine = through(engine, shared("binary"), MODELS, fold=2, options={"listeners": [strikes], "driver_trials": False})
    assert strikes.struck
    assert mine.backend.trials[SCORES].to_dict("records") == alone[SCORES].to_dict("records")
