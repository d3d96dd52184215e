"""Trials that lose their worker, or take their process down, are tried again; other failures are final."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace

import pytest

from bakeoff.comparison.limits import TrialLimits
from bakeoff.comparison.trial import Outcome, Status, Trial
from support.executors import (
    assert_told_in_order,
    bad,
    crashed,
    lost,
    only_at_first,
    plan_of,
    run,
    silent,
    together_lost,
)


@pytest.mark.parametrize("max_retries", [0, 1, 3])
def test_a_trial_that_always_loses_its_worker_is_given_up_after_the_retries(workers, max_retries):
    killer = Trial("m2", 0)
    plan = plan_of(n_models=4, n_folds=1, batch_size=1)
    executor = workers(slots=2, script={killer: lost})
    ended = run(plan, executor, limits=TrialLimits(max_retries=max_retries))
    assert_told_in_order(ended)
    assert executor.attempts(killer) == list(range(1, max_retries + 2))
    (failure,) = ended.board.failures
    assert (failure.trial, failure.status, failure.error_type) == (killer, Status.CRASHED, "WorkerError")
    assert failure.error_message == "the worker of m2 is gone"


def test_a_lost_task_is_tried_again_trial_by_trial_and_takes_nobody_with_it(workers):
    killer = Trial("m5", 0)
    plan = plan_of(n_models=12, n_folds=1)
    executor = workers(slots=1, script={killer: lost})
    ended = run(plan, executor, cost=lambda _: 0.125)
    assert_told_in_order(ended)
    (companions,) = [trials for trials, attempt in executor.submitted if attempt == 1 and killer in trials]
    assert len(companions) == 3
    again = [trials for trials, attempt in executor.submitted if attempt == 2]
    assert sorted(again) == sorted((trial,) for trial in companions)
    assert [outcome.trial for outcome in ended.board.failures] == [killer]
    attempts = {outcome.trial: outcome.attempt for outcome in ended.board.outcomes if outcome.ok}
    assert attempts == {trial: 2 if trial in companions else 1 for trial in plan.trials if trial != killer}


@pytest.mark.parametrize("status", [Status.CRASHED, Status.OOM])
@pytest.mark.parametrize("max_retries", [0, 1, 2])
def test_a_trial_that_takes_its_process_down_is_tried_again_alone(workers, max_retries, status):
    killer = Trial("m5", 0)
    plan = plan_of(n_models=12, n_folds=1)
    what = lambda trial, attempt: replace(crashed(trial, attempt), status=status)  # noqa: E731
    executor = workers(slots=1, script={killer: what})
    ended = run(plan, executor, cost=lambda _: 0.125, limits=TrialLimits(max_retries=max_retries))
    assert_told_in_order(ended)
    assert executor.attempts(killer) == list(range(1, max_retries + 2))
    assert [trials for trials, attempt in executor.submitted if attempt > 1] == [(killer,)] * max_retries
    (failure,) = ended.board.failures
    assert (failure.trial, failure.status, failure.attempt) == (killer, status, max_retries + 1)


def test_a_crash_that_happens_once_leaves_no_failure(workers):
    once = Trial("m1", 0)
    ended = run(plan_of(), workers(script={once: only_at_first(crashed)}))
    assert_told_in_order(ended)
    assert ended.board.failures == ()


def test_an_exception_and_a_timeout_are_final(workers):
    late = lambda trial, attempt: replace(bad(trial, attempt), status=Status.TIMEOUT)  # noqa: E731
    executor = workers(script={Trial("m1", 0): bad, Trial("m2", 0): late})
    ended = run(plan_of(), executor)
    assert {attempt for _, attempt in executor.submitted} == {1}
    assert len(ended.board.failures) == 2


@pytest.mark.parametrize("max_retries", [0, 1])
def test_a_task_that_was_lost_together_is_split_to_find_the_culprit(workers, max_retries):
    plan = plan_of(n_models=12, n_folds=1)
    culprit = Trial("m5", 0)
    executor = workers(slots=1)
    answer = executor.answer

    def lost_together(task, attempt):
        if culprit in task.trials and len(task.trials) > 1:
            return [together_lost(trial, attempt) for trial in task.trials]
        return [crashed(culprit, attempt)] if culprit in task.trials else answer(task, attempt)

    executor.answer = lost_together
    ended = run(plan, executor, cost=lambda _: 0.125, limits=TrialLimits(max_retries=max_retries))
    assert_told_in_order(ended)
    assert [outcome.trial for outcome in ended.board.failures] == [culprit]
    assert executor.attempts(culprit)[0] == 1
    assert 2 in executor.attempts(culprit)


def test_a_worker_that_is_lost_once_costs_nothing_but_time(workers):
    plan = plan_of()
    ended = run(plan, workers(script=dict.fromkeys(plan.trials, only_at_first(lost))))
    assert_told_in_order(ended)
    assert ended.board.failures == ()
    assert {outcome.attempt for outcome in ended.board.outcomes} == {2}


def test_a_task_that_somebody_cancels_is_tried_again(workers):
    executor = workers()
    submit = executor.submit

    def cancelled_at_first(task, attempt):
        if attempt > 1:
            return submit(task, attempt)
        future: Future[list[Outcome]] = Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future

    executor.submit = cancelled_at_first
    ended = run(plan_of(), executor)
    assert_told_in_order(ended)
    assert ended.board.failures == ()
    assert executor.cancels == 0


def test_a_trial_without_an_outcome_is_tried_again_and_the_others_are_not(workers):
    forgotten = Trial("m5", 0)
    plan = plan_of(n_models=12, n_folds=1)
    executor = workers(slots=1, script={forgotten: only_at_first(silent)})
    ended = run(plan, executor, cost=lambda _: 0.125)
    assert_told_in_order(ended)
    assert ended.board.failures == ()
    assert [trials for trials, attempt in executor.submitted if attempt == 2] == [(forgotten,)]


def test_a_trial_that_never_gets_an_outcome_is_given_up(workers):
    forgotten = Trial("m1", 0)
    ended = run(plan_of(), workers(script={forgotten: silent}))
    assert_told_in_order(ended)
    (failure,) = ended.board.failures
    assert (failure.trial, failure.status, failure.error_type) == (forgotten, Status.CRASHED, "RuntimeError")
    assert failure.error_message == "The worker gave no outcome."


def test_an_answer_that_is_none_is_a_lost_worker(workers):
    executor = workers()
    executor.answer = lambda task, attempt: None
    ended = run(plan_of(), executor)
    assert_told_in_order(ended)
    assert set(ended.statuses.values()) == {Status.CRASHED}
