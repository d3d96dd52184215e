"""Listeners hear of outcomes that are durable and clean, and hurt nothing."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace

import pytest

from bakeoff.comparison.events import Announcer, RunDone, TaskStarted, TrialDone
from bakeoff.comparison.leaderboard import rank
from bakeoff.comparison.scheduler import Scheduler
from bakeoff.comparison.trial import Trial
from support.executors import Hangs, Notes, Raises, assert_told_in_order, bad, good, plan_of, run
from support.trial_stores import MemoryStore
from support.waiting import PATIENCE


def test_started_tasks_are_told(workers):
    ended = run(plan_of(), workers())
    assert [event.trials for event in ended.notes.all(TaskStarted)] == [trials for trials, _ in ended.workers.submitted]


def test_an_outcome_is_durable_before_anybody_hears_of_it(workers):
    heard: dict[Trial, threading.Event] = {trial: threading.Event() for trial in plan_of().trials}
    too_early = []

    class Ears:
        def handle(self, event):
            if isinstance(event, TrialDone):
                heard[event.outcome.trial].set()

    def record(outcome):
        # A listener that was told already has this long to show it.
        if heard[outcome.trial].wait(0.02):
            too_early.append(outcome.trial)

    announcer = Announcer([Ears()])
    Scheduler(plan_of(), workers(), announcer, lambda _: 1.0, store=MemoryStore(record=record)).run()
    assert announcer.close(PATIENCE) == []
    assert all(event.is_set() for event in heard.values())
    assert too_early == []


def test_what_cannot_be_made_durable_ends_the_run(workers):
    executor, notes = workers(), Notes()

    def full(outcome):
        raise OSError("No space left on device")

    announcer = Announcer([notes])
    with pytest.raises(OSError, match="No space left"):
        Scheduler(plan_of(), executor, announcer, lambda _: 1.0, store=MemoryStore(record=full)).run()
    announcer.close(PATIENCE)
    assert executor.cancels == 1
    assert notes.all(TrialDone) == notes.all(RunDone) == []


def test_a_listener_that_raises_or_hangs_changes_nothing_and_is_reported(workers):
    plan, hangs = plan_of(), Hangs()
    try:
        ended = run(plan, workers(), listeners=[Raises(), hangs], timeout=0.2)
    finally:
        hangs.release.set()
    assert ended.board == rank(plan, [good(trial) for trial in plan.trials])
    assert Counter(ended.problems) == {
        "Raises: ConnectionError: no server": len(ended.notes.heard),
        "Hangs has not caught up.": 1,
    }
    assert_told_in_order(ended)


def test_what_is_said_is_cleaned_before_anybody_hears_it(workers):
    plan = plan_of(n_models=1, n_folds=2)
    notes, store = Notes(), MemoryStore(record=lambda outcome: replace(outcome, error_message="***"))
    announcer = Announcer([notes])
    scheduler = Scheduler(plan, workers(1, dict.fromkeys(plan.trials, bad)), announcer, lambda _: 1.0, store=store)
    board = scheduler.run()
    assert announcer.close(PATIENCE) == []
    heard = [event.outcome for event in notes.all(TrialDone)]
    assert {outcome.error_message for outcome in [*heard, *store.recorded, *board.outcomes]} == {"***"}
    assert not scheduler.stopped
