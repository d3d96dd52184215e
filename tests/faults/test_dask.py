"""A Dask scheduler that is killed: the comparison is interrupted within seconds, and goes on with another cluster."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from distributed import Client

from bakeoff import FugueBackend
from bakeoff.comparison.events import Event, TrialDone
from bakeoff.comparison.run_control import RunControl
from bakeoff.errors import EngineLostError
from bakeoff.storage.journal import Journal, read_folder
from support.datasets import shared
from support.fake_models import Sleeps
from support.pycaret_parity import TT
from support.trial_stores import MemoryStore
from support.waiting import until

N_MODELS, N_FOLDS, KILLED_AFTER = 4, 3, 4
N_TRIALS = N_MODELS * N_FOLDS
PATIENCE = 120.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Cluster:
    """A scheduler and two workers, each a process of its own, and a client."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[psutil.Popen] = []
        where = folder / "scheduler.json"
        nowhere_else = ["--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(where)]
        self._start("scheduler", "--port", "0", *nowhere_else)
        until(where.exists, PATIENCE)
        for _ in range(2):
            self._start("worker", "--nthreads", "1", "--no-nanny", "--local-directory", str(folder), *nowhere_else)
        self.client = Client(scheduler_file=str(where))
        self.client.wait_for_workers(2, timeout=PATIENCE)

    def kill_scheduler(self) -> None:
        self._processes[0].kill()

    def close(self) -> None:
        self.client.close(timeout=1)
        for process in self._processes:
            process.kill()
        psutil.wait_procs(self._processes, timeout=10)

    def _start(self, *command: str) -> None:
        with (self._folder / f"{command[0]}.log").open("ab") as log:
            started = psutil.Popen([sys.executable, "-m", "dask", *command], stdout=log, stderr=log)
        self._processes.append(started)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    folder.mkdir()
    with closing(Cluster(folder)) as made:
        yield made


class KillsTheScheduler:
    """Kills the scheduler after some trials."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.n_done = 0
        self.at = 0.0

    def handle(self, event: Event) -> None:
        self.n_done += isinstance(event, TrialDone)
        if self.n_done == KILLED_AFTER and not self.at:
            self.at = time.monotonic()
            self.cluster.kill_scheduler()


def compare(client: Client, folder: Path, listeners: list[Any]) -> tuple[FugueBackend, Any]:
    """Compare models as a notebook does, keeping what is finished, and going on with what was."""
    exp = shared("binary")
    journal = Journal(folder)
    store = MemoryStore(read_folder(folder), record=journal.append)
    backend = FugueBackend.with_store(store, RunControl(), engine=client, listeners=listeners)
    try:
        models = [Sleeps(0.5, var_smoothing=10.0**-n) for n in range(1, N_MODELS + 1)]
        exp.compare_models(models, parallel=backend, verbose=False)
    finally:
        journal.close_segment()
    return backend, exp.pull().drop(columns=TT)


def ended(folder: Path) -> dict[Any, float]:
    return {outcome.trial: outcome.finished_at for outcome in read_folder(folder)}


def test_where_the_scheduler_is_killed_the_comparison_is_interrupted_and_goes_on(tmp_path: Path) -> None:
    struck, whole = tmp_path / "struck", tmp_path / "whole"
    with cluster(tmp_path / "first") as first:
        kills = KillsTheScheduler(first)
        with pytest.raises(EngineLostError, match=r"The Dask cluster is gone: \d+ of 12 trials are finished"):
            compare(first.client, struck, [kills])
        assert time.monotonic() - kills.at < 30  # by itself the client tries that long
    before = ended(struck)
    assert KILLED_AFTER <= len(before) < N_TRIALS
    assert {str(outcome.status) for outcome in read_folder(struck)} == {"ok"}
    with cluster(tmp_path / "second") as second:
        backend, ranking = compare(second.client, struck, [])
        _, undisturbed = compare(second.client, whole, [])
    assert backend.summary.n_resumed == len(before)
    assert ranking.equals(undisturbed)
    assert ended(struck).items() >= before.items()
    lines = Counter(o.trial for part in Journal(struck).segments() for o in part.outcomes)
    assert (len(lines), set(lines.values())) == (N_TRIALS, {1})
