"""Every trial ends, whatever the workers do, and listeners hear it in order."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff.comparison.events import Announcer, PlanMade, RunDone, TrialDone
from bakeoff.comparison.leaderboard import likely_winners, rank
from bakeoff.comparison.scheduler import Scheduler
from bakeoff.comparison.trial import Status, Trial, failed_outcomes
from support.executors import InThisOrder, Late, assert_told_in_order, bad, good, lost, plan_of, run
from support.trial_stores import MemoryStore
from support.waiting import PATIENCE

QUICK = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("slots", [1, 3, 50])
@pytest.mark.parametrize("batch_size", [1, 3, 9])
def test_every_trial_gets_its_outcome_and_listeners_hear_all_of_it(workers, slots, batch_size):
    plan = plan_of(n_models=5, batch_size=batch_size)
    ended = run(plan, workers(slots))
    assert_told_in_order(ended)
    assert ended.board == rank(plan, [good(trial) for trial in plan.trials])
    assert ended.notes.heard[0].slots == slots
    assert ended.workers.cancels == 0
    assert ended.problems == []


def test_a_failing_trial_is_an_outcome_like_any_other(workers):
    plan = plan_of()
    script = {Trial("m1", 0): bad, **{Trial("m2", fold): bad for fold in range(3)}}
    ended = run(plan, workers(script=script))
    assert_told_in_order(ended)
    assert {row.model_id: row.status for row in ended.board.rows} == {
        "m0": "ok", "m1": "partial", "m2": "failed", "m3": "ok",
    }  # fmt: skip
    assert all(ended.workers.attempts(trial) == [1] for trial in plan.trials)


def test_slots_are_kept_busy_with_one_task_in_reserve(workers):
    executor = workers(slots=3)
    run(plan_of(n_models=6), executor)
    assert executor.most_in_flight <= 4
    assert len(executor.submitted) >= 12


def test_the_dearest_trials_start_first(workers):
    executor = workers(slots=1)
    run(plan_of(n_models=3, n_folds=2), executor, cost={"m0": 4.0, "m1": 40.0, "m2": 10.0}.__getitem__)
    assert [trials[0].model_id for trials, _ in executor.submitted] == ["m1", "m1", "m2", "m2", "m0", "m0"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupt_cancels_what_runs_and_is_passed_on(workers, error):
    executor = workers(slots=1)
    submit = executor.submit

    def interrupted(task, attempt):
        if executor.submitted:
            raise error
        return submit(task, attempt)

    executor.submit = interrupted
    with pytest.raises(error):
        run(plan_of(), executor)
    assert executor.cancels == 1


def test_finished_trials_are_not_run_again(workers):
    plan = plan_of()
    before = [good(Trial("m0", 0)), bad(Trial("m1", 2)), good(Trial("m3", 1))]
    ended = run(plan, workers(), done=[*before, good(Trial("m9", 0))])
    assert_told_in_order(ended)
    assert ended.notes.heard[0].done == tuple(before)
    submitted = [trial for trials, _ in ended.workers.submitted for trial in trials]
    assert Counter(submitted) == Counter(set(plan.trials) - {outcome.trial for outcome in before})
    assert not {outcome.trial for outcome in before} & {outcome.trial for outcome in ended.recorded}
    assert ended.board == rank(plan, [bad(t) if t == Trial("m1", 2) else good(t) for t in plan.trials])


def test_a_run_that_is_finished_already_submits_nothing(workers):
    plan = plan_of()
    everything = [good(trial) for trial in plan.trials]
    ended = run(plan, workers(), done=everything)
    assert ended.workers.submitted == []
    assert ended.recorded == ended.notes.all(TrialDone) == []
    assert ended.board == rank(plan, everything)


def test_an_empty_plan_ends_at_once(workers):
    ended = run(plan_of(n_models=0), workers())
    assert [type(event) for event in ended.notes.heard] == [PlanMade, RunDone]
    assert ended.board.rows == ()


def test_what_is_known_when_a_run_is_broken_off(workers):
    plan = plan_of(n_models=2, n_folds=2)
    executor = workers(slots=1)
    announcer = Announcer([])
    n_recorded = []

    def record(outcome):
        n_recorded.append(outcome)
        if len(n_recorded) == 3:
            raise KeyboardInterrupt

    scheduler = Scheduler(plan, executor, announcer, lambda _: 9.0, store=MemoryStore(record=record))
    with pytest.raises(KeyboardInterrupt):
        scheduler.run()
    assert executor.cancels == 1
    assert Counter(outcome.status for outcome in scheduler.so_far().outcomes) == {Status.OK: 2, Status.CANCELLED: 2}


def test_a_trial_that_is_answered_twice_counts_once(workers):
    plan = plan_of(n_models=3, n_folds=1)
    executor = workers(slots=1)
    executor.answer = lambda task, attempt: [good(trial) for trial in plan.trials]
    ended = run(plan, executor)
    assert_told_in_order(ended)
    assert ended.board.failures == ()


PLAN = plan_of(n_models=4, n_folds=2)


@QUICK
@given(
    st.permutations(PLAN.trials),
    st.dictionaries(st.sampled_from(PLAN.trials), st.sampled_from([bad, lost]), max_size=4),
)
def test_the_result_does_not_depend_on_who_ends_first(order, script):
    ended = run(PLAN, InThisOrder(PLAN, order, script))
    expected = rank(PLAN, [bad(trial) if script.get(trial) is bad else good(trial) for trial in PLAN.trials])
    # As text, because NaN does not equal itself.
    assert repr(ended.board) == repr(expected)
    assert_told_in_order(ended)


def test_a_slot_with_nothing_to_do_hears_who_will_probably_win():
    plan = plan_of(n_models=4, n_folds=2)
    worst = rank(plan, [good(trial) for trial in plan.trials]).rows[-1].model_id
    executor = Late(Trial(worst, 1))
    scheduler = Scheduler(plan, executor, Announcer([]), lambda _: 1.0, n_winners=2)
    board = scheduler.run()
    assert executor.foreseen[-1] == [row.model_id for row in board.rows[:2]]
    assert all(worst not in ids for ids in executor.foreseen)


def test_nobody_is_taken_for_the_winner_while_a_better_one_lacks_a_fold():
    plan = plan_of(n_models=4, n_folds=2)
    everything = [good(trial) for trial in plan.trials]
    best, second = [row.model_id for row in rank(plan, everything).rows[:2]]
    known = [outcome for outcome in everything if outcome.trial != Trial(best, 1)]
    assert likely_winners(plan, known, 1) == []
    assert likely_winners(plan, known, 2) == [second]
    assert likely_winners(plan, everything, 2) == [best, second]
    failed = failed_outcomes([Trial(best, 1)], Status.FAILED, "ValueError", "no")
    assert likely_winners(plan, [*known, *failed], 1) == [second]


def test_nobody_is_foreseen_where_nobody_is_asked_for(workers):
    executor = workers()
    Scheduler(plan_of(), executor, Announcer([]), lambda _: 1.0).run()
    assert executor.foreseen == []


def test_slots_that_are_added_on_the_way_are_used(workers):
    executor = workers(slots=6)
    executor.slots = 1

    class Adds:
        def handle(self, event):
            if isinstance(event, TrialDone):
                executor.slots = 6

    plan = plan_of(n_models=20, n_folds=3)
    executor.script = dict.fromkeys(plan.trials, lambda trial, attempt: time.sleep(0.01) or good(trial))
    announcer = Announcer([Adds()])
    Scheduler(plan, executor, announcer, lambda _: 3.0).run()
    announcer.close(PATIENCE)
    assert executor.most_in_flight > 2
