"""A run that ends before its time keeps what is finished and cancels the rest."""

from __future__ import annotations

import time
from collections import Counter
from types import SimpleNamespace

import pytest

from bakeoff.comparison import scheduler
from bakeoff.comparison.events import Announcer, TrialDone
from bakeoff.comparison.leaderboard import rank
from bakeoff.comparison.limits import TrialLimits
from bakeoff.comparison.run_control import RunControl
from bakeoff.comparison.scheduler import Scheduler
from bakeoff.comparison.trial import Status, Trial
from support.executors import Notes, Run, Timed, assert_told_in_order, bad, good, plan_of, run
from support.trial_stores import MemoryStore
from support.waiting import PATIENCE

DEADLINE = 0.2


def test_the_deadline_cancels_what_runs_and_keeps_what_is_finished(workers, monkeypatch):
    plan, notes = plan_of(), Notes()
    executor = workers(slots=len(plan.models) + 1)  # one hanging trial each, and a slot for all that can end
    hanging = {trial for trial in plan.trials if trial.fold == 2}
    executor.script = dict.fromkeys(hanging, executor.hang)
    n_ending = len(plan.trials) - len(hanging)
    # The deadline passes once all that can end has ended, however long that takes on a busy machine.
    clock = SimpleNamespace(monotonic=lambda: DEADLINE if len(notes.all(TrialDone)) >= n_ending else 0.0)
    monkeypatch.setattr(scheduler, "time", clock)
    # Cheap models of a fold would travel together, so these do not: what is finished is then known.
    ended = run(plan, executor, cost=lambda _: 9.0, limits=TrialLimits(seconds=DEADLINE), listeners=[notes])
    assert_told_in_order(ended)
    assert executor.cancels == 1
    assert {trial for trial, status in ended.statuses.items() if status is Status.OK} == set(plan.trials) - hanging
    assert {ended.statuses[trial] for trial in hanging} == {Status.CANCELLED}
    assert {outcome.error_message for outcome in ended.board.failures} == {"The run ended before this trial did."}
    assert {row.status for row in ended.board.rows} == {"partial"}


def test_what_waits_behind_a_hanging_trial_is_cancelled_with_it(workers):
    """The pool's queue is emptied by ``cancel``: those futures never run, and nobody waits for them."""
    plan = plan_of(n_models=2, n_folds=2)
    executor = workers(slots=1)
    executor.script = dict.fromkeys(plan.trials, executor.hang)
    started = time.monotonic()
    ended = run(plan, executor, limits=TrialLimits(seconds=DEADLINE))
    assert DEADLINE <= time.monotonic() - started < PATIENCE
    assert_told_in_order(ended)
    assert len(executor.submitted) == 2
    assert set(ended.statuses.values()) == {Status.CANCELLED}
    assert ended.board.best is None


def test_no_time_at_all_cancels_everything_and_loses_nothing_of_before(workers):
    plan = plan_of()
    executor = workers()
    executor.script = dict.fromkeys(plan.trials, executor.hang)
    ended = run(plan, executor, limits=TrialLimits(seconds=0.0), done=[good(Trial("m0", 0))])
    assert_told_in_order(ended)
    assert executor.cancels == 1
    assert Counter(ended.statuses.values()) == {Status.CANCELLED: 11, Status.OK: 1}


def test_a_deadline_that_is_far_away_changes_nothing(workers):
    ended = run(plan_of(), workers(), limits=TrialLimits(seconds=3600.0))
    assert ended.board == rank(ended.plan, [good(trial) for trial in ended.plan.trials])
    assert ended.workers.cancels == 0


def test_the_first_failure_ends_the_run_where_that_is_asked_for(workers):
    plan = plan_of()
    culprit = Trial("m1", 0)
    executor = workers(slots=1, script={culprit: bad})
    cost = {"m0": 10.0, "m1": 99.0, "m2": 10.0, "m3": 10.0}.__getitem__
    ended = run(plan, executor, cost=cost, stop_at_failure=True)
    assert_told_in_order(ended)
    assert executor.cancels == 1
    assert ended.statuses[culprit] is Status.FAILED
    assert len(executor.submitted) <= 3
    assert Counter(ended.statuses.values())[Status.CANCELLED] >= 9


def test_without_failures_the_run_goes_to_its_end(workers):
    ended = run(plan_of(), workers(), stop_at_failure=True)
    assert ended.board.failures == ()
    assert ended.workers.cancels == 0


@pytest.mark.parametrize("after", [0, 1, 3])
def test_when_it_is_asked_to_stop_a_run_keeps_what_is_finished_and_cancels_the_rest(workers, after):
    plan, notes, store = plan_of(n_models=3, n_folds=3), Notes(), MemoryStore()
    executor = workers(2)
    executor.script = {trial: executor.hang for trial in plan.trials if trial.model_id != "m0"}
    announcer = Announcer([notes])
    control = RunControl(stop=lambda: len(store.recorded) >= after)
    cost = {"m0": 20.0, "m1": 9.0, "m2": 9.0}.__getitem__
    comparison = Scheduler(plan, executor, announcer, cost, store=store, control=control)
    board = comparison.run()
    ended = Run(plan, executor, board, notes, announcer.close(PATIENCE), store.recorded)
    assert_told_in_order(ended)
    assert comparison.stopped
    assert executor.cancels == 1
    done = [outcome.trial for outcome in board.outcomes if outcome.ok]
    assert len(done) >= after
    assert Counter(ended.statuses.values()) == Counter({Status.OK: len(done), Status.CANCELLED: 9 - len(done)})


def timed(monkeypatch, seconds, limit, *, slots=2, n_folds=10, known=True, **more):
    """Run models that take so many seconds a fold, on a clock of the executor's."""
    executor = Timed(slots, seconds)
    monkeypatch.setattr(scheduler, "time", executor)
    plan = plan_of(len(seconds), n_folds)
    cost = seconds.__getitem__ if known else (lambda _: 1.0)
    return run(plan, executor, cost=cost, limits=TrialLimits(seconds=limit), **more)


def whole(ended):
    return {row.model_id for row in ended.board.rows if row.complete}


def test_a_dear_model_does_not_take_the_time_of_all_others(monkeypatch):
    seconds = {"m0": 20.0, "m1": 3.0, "m2": 0.5, "m3": 0.1}
    assert whole(timed(monkeypatch, seconds, 30.0)) == {"m1", "m2", "m3"}
    assert whole(timed(monkeypatch, seconds, 8.0)) == {"m2", "m3"}


def test_with_time_for_all_the_dear_ones_come_first_so_that_no_slot_waits_at_the_end(monkeypatch):
    seconds = {"m0": 0.1, "m1": 0.1, "m2": 20.0}
    ended = timed(monkeypatch, seconds, 10_000.0)
    assert ended.workers.now < 102.0
    assert ended.recorded[0].model_id == "m2"
    assert whole(ended) == set(seconds)


def test_what_turns_out_dear_gives_way_to_the_others(monkeypatch):
    seconds = {"m0": 14.0, "m1": 0.5, "m2": 0.5}
    assert whole(timed(monkeypatch, seconds, 60.0, known=False)) == {"m1", "m2"}
