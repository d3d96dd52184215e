"""A run that ends before its time, by its budget or by Ctrl-C: the best so far is ranked, and the rest says why not."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest

from bakeoff import FugueBackend
from bakeoff.comparison.events import Event, RunDone, TrialDone
from support.fake_models import Sleeps
from support.pycaret_parity import through
from support.trial_stores import MemoryStore

OVERSHOOT = 5.0
N_MODELS = 6
WHOLE = 5.0
"""Seconds that the run takes at least, if nobody ends it."""


def _models() -> list[Any]:
    return [Sleeps(WHOLE / N_MODELS, var_smoothing=10.0 ** -(n + 4)) for n in range(N_MODELS)]


def _check(backend: FugueBackend, experiment: Any) -> None:
    trials = backend.trials
    assert len(trials) == 2 * N_MODELS
    assert set(trials["status"]) <= {"ok", "cancelled"}
    assert trials.query("status == 'cancelled'")["error_message"].str.contains("before this trial").all()
    board = backend.leaderboard
    scored = board[board["status"] != "failed"]
    assert list(experiment.pull().index) == list(scored["model_id"])
    for _, row in scored.iterrows():
        assert row["n_folds_ok"] == (trials["model_id"][trials["status"] == "ok"] == row["model_id"]).sum()


@pytest.mark.parametrize(
    "share", [0.5, pytest.param(0.1, marks=pytest.mark.slow), pytest.param(0.99, marks=pytest.mark.slow)]
)
def test_at_the_deadline_the_best_so_far_is_ranked(engine: Any, exp: Any, alone: Any, share: float) -> None:
    budget = share * WHOLE
    started = time.monotonic()
    mine = through(engine, exp, _models(), fold=2, budget_time=budget / 60, n_select=0)
    assert time.monotonic() - started < budget + OVERSHOOT
    _check(mine.backend, exp)
    n_ok = (mine.backend.trials["status"] == "ok").sum()
    assert n_ok < 2 * N_MODELS
    assert n_ok > 0 or share < 0.5


def test_what_a_running_task_has_finished_counts(engine: Any, exp: Any, alone: Any) -> None:
    models = ["nb", "dt", "dummy", Sleeps(600)]
    store = MemoryStore(seconds=dict.fromkeys("0123", 0.01))  # all of them in one task
    options = {"n_slots": 1}
    mine = through(engine, exp, models, fold=2, budget_time=3 / 60, n_select=1, options=options, store=store)
    trials = mine.backend.trials.query("fold == 0").set_index("model_id")
    assert dict(trials["status"]) == {"0": "ok", "1": "ok", "2": "ok", "3": "cancelled"}
    assert type(mine.models).__name__ == "GaussianNB"


class Interrupts:
    """Presses Ctrl-C after so many trials, or after so many events of another kind."""

    def __init__(self, after: int, kind: type[Event] = TrialDone) -> None:
        self.after = after
        self.kind = kind
        self.at = 0.0

    def handle(self, event: Event) -> None:
        self.after -= isinstance(event, self.kind)
        if self.after == 0 and not self.at:
            self.at = time.monotonic()
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    "share", [0.5, pytest.param(0.1, marks=pytest.mark.slow), pytest.param(0.99, marks=pytest.mark.slow)]
)
def test_after_ctrl_c_the_best_so_far_is_known(engine: Any, exp: Any, alone: Any, share: float) -> None:
    interrupts = Interrupts(max(1, int(share * 2 * N_MODELS)))
    backend = FugueBackend(engine, listeners=[interrupts])
    with pytest.raises(KeyboardInterrupt):
        exp.compare_models(_models(), fold=2, parallel=backend, verbose=False)
    assert time.monotonic() - interrupts.at < OVERSHOOT
    _check(backend, exp)
    assert (backend.trials["status"] == "ok").sum() >= max(1, int(share * 2 * N_MODELS))
    assert through(engine, exp, ["nb"], fold=2).backend.leaderboard["status"].tolist() == ["ok"]  # the slots are free


def test_ctrl_c_while_the_winner_is_fitted_loses_no_score(engine: Any, exp: Any, alone: Any) -> None:
    interrupts = Interrupts(1, RunDone)
    backend = FugueBackend(engine, listeners=[interrupts])
    with pytest.raises(KeyboardInterrupt):
        exp.compare_models([Sleeps(2.0)], fold=2, parallel=backend, verbose=False)
    assert backend.trials["status"].tolist() == ["ok", "ok"]
    assert len(exp.pull()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["native", "dask"])
def test_a_deadline_where_nothing_can_be_forked(exp: Any, kind: str, request: pytest.FixtureRequest) -> None:
    if kind == "dask":
        from distributed import Client

        client = Client(n_workers=1, threads_per_worker=1, dashboard_address=None)
        request.addfinalizer(client.close)
    started = time.monotonic()
    store = MemoryStore(seconds={"0": 1.0})  # so it is not the one that sleeps which comes first
    chosen = client if kind == "dask" else kind
    mine = through(chosen, exp, ["nb", Sleeps(600)], fold=2, budget_time=25 / 60, n_select=1, store=store)
    assert time.monotonic() - started < 25 + OVERSHOOT
    assert dict(mine.backend.leaderboard.set_index("model_id")["status"]) == {"0": "ok", "1": "failed"}
    assert set(mine.backend.failures["status"]) == {"cancelled"}
    assert type(mine.models).__name__ == "GaussianNB"
