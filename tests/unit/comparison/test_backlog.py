"""Every trial is handed out once, the dear ones first and alone, the cheap ones together."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff.comparison.backlog import LONGEST_SECONDS, SHORTEST_SECONDS, Backlog, target_seconds
from bakeoff.comparison.costs import Costs
from bakeoff.comparison.trial import Outcome, Trial

QUICK = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])

seconds = st.floats(min_value=0.01, max_value=1_000.0)
slots = st.integers(min_value=1, max_value=400)


@st.composite
def workloads(draw):
    """Costs by model id, and some of the trials of these models in any order."""
    costs = draw(st.dictionaries(st.sampled_from([f"m{n}" for n in range(12)]), seconds, min_size=1))
    n_folds = draw(st.integers(min_value=1, max_value=6))
    every = [Trial(model_id, fold) for model_id in costs for fold in range(n_folds)]
    return costs, draw(st.lists(st.sampled_from(every), unique=True))


def backlog_of(costs, trials):
    return Backlog(trials, Costs(costs.__getitem__))


@QUICK
@given(workloads(), slots)
def test_every_trial_is_in_exactly_one_task(workload, n_slots):
    costs, trials = workload
    tasks = list(backlog_of(costs, trials).tasks(n_slots))
    assert Counter(trial for task in tasks for trial in task.trials) == Counter(trials)
    assert all(task.trials for task in tasks)
    assert [task.id for task in tasks] == list(range(1, len(tasks) + 1))


@QUICK
@given(workloads(), slots)
def test_what_is_left_is_counted(workload, n_slots):
    costs, trials = workload
    backlog = backlog_of(costs, trials)
    left = len(trials)
    assert backlog.seconds == pytest.approx(sum(costs[trial.model_id] for trial in trials))
    for task in backlog.tasks(n_slots):
        left -= len(task.trials)
        assert len(backlog) == left
        assert task.seconds == pytest.approx(sum(costs[trial.model_id] for trial in task.trials))
    assert not backlog
    assert backlog.seconds == 0.0


@QUICK
@given(workloads(), slots)
def test_a_group_ends_when_it_is_long_enough(workload, n_slots):
    costs, trials = workload
    backlog = backlog_of(costs, trials)
    while backlog:
        target = target_seconds(backlog.seconds, n_slots)
        task = backlog.take(n_slots)
        if len(task.trials) > 1:
            # The last trial is what made it long enough; or a rest that is not worth a task of its own.
            rest = [trial for trial in task.trials if costs[trial.model_id] > SHORTEST_SECONDS]
            assert sum(costs[trial.model_id] for trial in rest[:-1]) < target
            assert all(costs[trial.model_id] < target for trial in task.trials)


@QUICK
@given(workloads(), slots)
def test_a_trial_that_is_long_enough_goes_alone_and_first(workload, n_slots):
    costs, trials = workload
    backlog = backlog_of(costs, trials)
    waiting = Counter(trial.model_id for trial in trials)
    while backlog:
        dearest = max(costs[model_id] for model_id in waiting.elements())
        long = dearest >= target_seconds(backlog.seconds, n_slots)
        task = backlog.take(n_slots)
        if long:
            assert [costs[trial.model_id] for trial in task.trials] == [dearest]
        waiting -= Counter(trial.model_id for trial in task.trials)


def test_cheap_trials_share_the_preprocessing_of_a_fold():
    trials = [Trial(f"m{n}", fold) for n in range(10) for fold in range(4)]
    first = next(backlog_of({f"m{n}": 0.5 for n in range(10)}, trials).tasks(slots=2))
    assert len(first.trials) > 5
    assert len({trial.fold for trial in first.trials}) == 1


def test_many_tiny_folds_share_a_task():
    trials = [Trial("lr", fold) for fold in range(100)]
    assert len(list(backlog_of({"lr": 0.02}, trials).tasks(slots=2))) <= 10


def test_a_fold_is_not_cut_for_a_rest_that_is_cheaper_than_preprocessing_it_again():
    costs = Costs(lambda _: 0.5)
    costs.learn(Outcome("m0", 9, fit_seconds=0.5, transform_seconds=3.0))
    trials = [Trial(f"m{n}", fold) for n in range(12) for fold in range(2)]
    assert [len(task.trials) for task in Backlog(trials, costs).tasks(slots=2)] == [12, 12]


@QUICK
@given(workloads(), slots, st.floats(min_value=0.0, max_value=1e4))
def test_every_trial_is_in_exactly_one_task_where_time_is_limited_too(workload, n_slots, left):
    costs, trials = workload
    backlog = backlog_of(costs, trials)
    taken = Counter()
    while (task := backlog.take(n_slots, left)) is not None:
        assert task.trials
        taken.update(task.trials)
        left -= task.seconds / n_slots
    assert taken == Counter(trials)


def test_where_time_is_limited_models_come_whole_and_the_quickest_first():
    trials = [Trial(model_id, fold) for model_id in ("dear", "quick", "middling") for fold in range(4)]
    backlog = backlog_of({"dear": 9.0, "quick": 0.1, "middling": 1.0}, trials)
    order = []
    while (task := backlog.take(2, seconds_left=10.0)) is not None:
        order += [trial.model_id for trial in task.trials]
    assert order == ["quick"] * 4 + ["middling"] * 4 + ["dear"] * 4


def test_where_time_is_limited_models_that_are_quicker_than_preprocessing_share_it():
    costs = Costs({"a": 0.1, "b": 0.2, "c": 9.0}.__getitem__)
    costs.learn(Outcome("a", 9, fit_seconds=0.1, transform_seconds=2.0))
    backlog = Backlog([Trial(model_id, fold) for model_id in "abc" for fold in range(3)], costs)
    first = backlog.take(2, seconds_left=10.0)
    assert {trial.fold for trial in first.trials} == {0}
    assert {trial.model_id for trial in first.trials} == {"a", "b"}


def test_what_is_measured_on_the_way_changes_what_comes_next():
    costs = Costs({"a": 1.0, "b": 0.1}.__getitem__)
    backlog = Backlog([Trial(model_id, fold) for model_id in "ab" for fold in range(5)], costs)
    assert [trial.model_id for trial in backlog.take(2).trials] == ["a"]
    costs.learn(Outcome("b", 0, fit_seconds=50.0))
    assert [trial.model_id for trial in backlog.take(2).trials] == ["b"]


@QUICK
@given(st.floats(min_value=0.0, max_value=1e6), slots)
def test_tasks_are_never_crumbs_and_long_only_where_the_driver_has_many_slots_to_serve(left, n_slots):
    target = target_seconds(left, n_slots)
    assert target >= SHORTEST_SECONDS
    assert target <= LONGEST_SECONDS or n_slots > 50
    assert target_seconds(left / 2, n_slots) <= target


def test_nothing_to_run_makes_no_task():
    assert backlog_of({}, []).take(slots=4) is None


@pytest.mark.parametrize("n_slots", [0, -3])
def test_no_slot_counts_as_one(n_slots):
    assert target_seconds(10.0, n_slots) == target_seconds(10.0, 1)
