"""The ideal is a lower bound that real schedules cannot beat."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff.comparison.summary import Summary, ideal_seconds
from bakeoff.comparison.trial import Outcome

QUICK = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])

seconds = st.floats(min_value=0.0, max_value=1_000.0)
outcomes = st.lists(
    st.builds(
        Outcome,
        model_id=st.sampled_from("abcdef"),
        fold=st.integers(min_value=0, max_value=4),
        fit_seconds=seconds,
        score_seconds=seconds,
        transform_seconds=st.just(0.0) | seconds,
    ),
    max_size=20,
)
n_slots = st.integers(min_value=1, max_value=64)


@QUICK
@given(outcomes, n_slots)
def test_no_schedule_is_shorter(trials, slots):
    ideal = ideal_seconds(trials, slots)
    busy = [trial.fit_seconds + trial.score_seconds for trial in trials]
    assert ideal >= max(busy, default=0.0)
    assert ideal * slots >= sum(busy) * (1 - 1e-9)
    assert ideal_seconds(trials, slots + 1) <= ideal


@QUICK
@given(outcomes)
def test_one_slot_does_everything_one_after_the_other(trials):
    busy = sum(trial.fit_seconds + trial.score_seconds for trial in trials)
    all_transforms = sum(trial.transform_seconds for trial in trials)
    assert busy * (1 - 1e-9) <= ideal_seconds(trials, 1) <= (busy + all_transforms) * (1 + 1e-9)


@QUICK
@given(outcomes, n_slots, st.lists(seconds, max_size=4))
def test_the_longest_refit_comes_on_top(trials, slots, refits):
    assert ideal_seconds(trials, slots, iter(refits)) == ideal_seconds(trials, slots) + max(refits, default=0.0)


def test_a_transform_counts_with_the_least_that_it_took_once_for_each_slot_that_must_hold_it():
    trials = [
        Outcome("a", 0, fit_seconds=1.0, transform_seconds=5.0),
        Outcome("b", 0, fit_seconds=1.0, transform_seconds=3.0),
        Outcome("c", 0, fit_seconds=1.0),  # found the fold transformed
        Outcome("a", 1, fit_seconds=1.0, transform_seconds=2.0),
    ]
    assert ideal_seconds(trials, 1) == 4.0 + 3.0 + 2.0
    assert ideal_seconds(trials, 2) == (4.0 + 3.0 + 2.0) / 2
    assert ideal_seconds(trials, 4) == (4.0 + 2 * (3.0 + 2.0)) / 4  # four slots, two folds: each fold is held twice


def test_the_longest_trial_is_the_limit_when_there_are_slots_enough():
    trials = [Outcome("slow", 0, fit_seconds=8.0, score_seconds=1.0), Outcome("quick", 0, fit_seconds=1.0)]
    assert ideal_seconds(trials, 1) == 10.0
    assert ideal_seconds(trials, 16) == 9.0


@pytest.mark.parametrize("slots", [0, 1, 5])
def test_nothing_to_do_takes_no_time(slots):
    assert ideal_seconds([], slots) == 0.0


def test_efficiency_is_ideal_over_wall():
    assert Summary(slots=2, wall_seconds=8.0, ideal_seconds=2.0).efficiency == 0.25
    assert Summary(slots=2, wall_seconds=0.0, ideal_seconds=0.0).efficiency == 1.0
