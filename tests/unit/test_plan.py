"""Plans are checked when they are made, and tasks hold every trial once, the longest first."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff.comparison.plan import TASK_SECONDS, TASKS_PER_SLOT, Plan, cut_tasks
from bakeoff.comparison.trial import TT, Metric, Model, Trial

QUICK = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])

ROUNDING = 1e-9
AUC, RMSE = Metric("auc", "AUC"), Metric("rmse", "RMSE", greater_is_better=False)
PLAN = Plan((Model("lr", "Logistic Regression"), Model("rf", "Random Forest")), 3, (AUC, RMSE), "auc")

seconds = st.floats(min_value=0.001, max_value=1_000.0)
slots = st.integers(min_value=1, max_value=400)


@st.composite
def workloads(draw):
    """Costs by model id, and some of the trials of these models in any order."""
    costs = draw(st.dictionaries(st.sampled_from([f"m{n}" for n in range(12)]), seconds, min_size=1))
    n_folds = draw(st.integers(min_value=1, max_value=6))
    every = [Trial(model_id, fold) for model_id in costs for fold in range(n_folds)]
    return costs, draw(st.lists(st.sampled_from(every), unique=True))


def size(costs, trials):
    return sum(costs[trial.model_id] for trial in trials)


@QUICK
@given(workloads(), slots)
def test_every_trial_is_in_exactly_one_task(workload, n_slots):
    costs, trials = workload
    tasks = cut_tasks(trials, costs.__getitem__, n_slots)
    assert Counter(trial for task in tasks for trial in task.trials) == Counter(trials)
    assert all(task.trials for task in tasks)


@QUICK
@given(workloads(), slots)
def test_the_longest_task_starts_first_and_tasks_are_numbered_in_that_order(workload, n_slots):
    costs, trials = workload
    tasks = cut_tasks(trials, costs.__getitem__, n_slots)
    assert [task.seconds for task in tasks] == sorted((task.seconds for task in tasks), reverse=True)
    assert [task.id for task in tasks] == list(range(len(tasks)))
    assert [task.seconds for task in tasks] == pytest.approx([size(costs, task.trials) for task in tasks])


@QUICK
@given(workloads(), slots)
def test_no_group_is_longer_than_aimed_at(workload, n_slots):
    costs, trials = workload
    aim = min(TASK_SECONDS, size(costs, trials) / (TASKS_PER_SLOT * n_slots))
    for task in cut_tasks(trials, costs.__getitem__, n_slots):
        assert len(task.trials) == 1 or task.seconds <= aim * (1 + ROUNDING)


@QUICK
@given(workloads(), slots)
def test_a_task_stays_on_one_fold_and_starts_with_its_longest_trial(workload, n_slots):
    costs, trials = workload
    for task in cut_tasks(trials, costs.__getitem__, n_slots):
        assert len({trial.fold for trial in task.trials}) == 1
        each = [costs[trial.model_id] for trial in task.trials]
        assert each == sorted(each, reverse=True)


@QUICK
@given(workloads(), slots)
def test_a_group_is_closed_only_when_the_next_trial_does_not_fit(workload, n_slots):
    costs, trials = workload
    aim = min(TASK_SECONDS, size(costs, trials) / (TASKS_PER_SLOT * n_slots))
    tasks = cut_tasks(trials, costs.__getitem__, n_slots)

    def cut_order(task):
        return -costs[task.trials[0].model_id], -costs[task.trials[-1].model_id], -task.seconds

    for fold in {trial.fold for trial in trials}:
        groups = sorted((task for task in tasks if task.trials[0].fold == fold), key=cut_order)
        for group, following in pairwise(groups):
            assert group.seconds + costs[following.trials[0].model_id] > aim * (1 - ROUNDING)


def test_a_long_trial_goes_alone_and_short_ones_go_fold_by_fold():
    trials = [Trial(model_id, fold) for model_id in ("a", "slow", "b") for fold in (0, 1)]
    tasks = cut_tasks(trials, {"slow": 9.0, "a": 1.0, "b": 1.5}.__getitem__, slots=2)
    assert [[(trial.model_id, trial.fold) for trial in task.trials] for task in tasks] == [
        [("slow", 0)],
        [("slow", 1)],
        [("b", 0), ("a", 0)],
        [("b", 1), ("a", 1)],
    ]


def test_more_slots_make_more_tasks_until_each_trial_is_alone():
    trials = [Trial(f"m{n}", 0) for n in range(24)]
    few, many, most = (cut_tasks(trials, lambda _: 0.1, n) for n in (1, 3, 100))
    assert (len(few), len(many), len(most)) == (4, 12, 24)


def test_nothing_to_run_makes_no_task():
    assert cut_tasks([], lambda _: 1.0, slots=4) == ()


@pytest.mark.parametrize("n_slots", [0, -3])
def test_no_slot_counts_as_one(n_slots):
    trials = [Trial(f"m{n}", 0) for n in range(8)]
    assert cut_tasks(trials, lambda _: 1.0, n_slots) == cut_tasks(trials, lambda _: 1.0, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": (Model("lr", "one"), Model("lr", "two"))}, r"^Model ids must be unique, got \['lr', 'lr'\]\.$"),
        ({"sort_by": "f1"}, r"^Cannot sort by 'f1'; the metrics are \['auc', 'rmse', 'tt_sec'\]\.$"),
        ({"sort_by": "AUC"}, "^Cannot sort by 'AUC'"),
        ({"n_folds": 0}, r"^n_folds and batch_size must be at least 1, got 0 and 1\.$"),
        ({"batch_size": 0}, r"^n_folds and batch_size must be at least 1, got 3 and 0\.$"),
        ({"batch_size": -1}, "got 3 and -1"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_in_words(change, message):
    with pytest.raises(ValueError, match=message):
        replace(PLAN, **change)


def test_a_plan_without_models_is_a_plan():
    empty = replace(PLAN, models=())
    assert (empty.trials, empty.batches, empty.batch_of) == ((), (), {})


@pytest.mark.parametrize(("sort_by", "greater"), [("auc", True), ("rmse", False), (TT, False)])
def test_the_direction_is_that_of_the_metric(sort_by, greater):
    assert replace(PLAN, sort_by=sort_by).greater_is_better is greater


def test_trials_are_every_model_on_every_fold():
    assert PLAN.trials == tuple(Trial(model_id, fold) for model_id in ("lr", "rf") for fold in (0, 1, 2))
    assert PLAN.name_of == {"lr": "Logistic Regression", "rf": "Random Forest"}


@QUICK
@given(st.integers(min_value=0, max_value=25), st.integers(min_value=1, max_value=30))
def test_batches_are_the_models_in_order(n_models, batch_size):
    models = tuple(Model(f"m{n}", f"Model {n}") for n in range(n_models))
    plan = Plan(models, 2, (AUC,), "auc", batch_size=batch_size)
    assert [model_id for batch in plan.batches for model_id in batch.model_ids] == [model.id for model in models]
    assert [batch.id for batch in plan.batches] == list(range(1, len(plan.batches) + 1))
    assert all(len(batch.model_ids) == batch_size for batch in plan.batches[:-1])
    assert all(1 <= len(batch.model_ids) <= batch_size for batch in plan.batches)
    assert plan.batch_of == {model_id: batch.id for batch in plan.batches for model_id in batch.model_ids}
