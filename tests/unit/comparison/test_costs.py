"""Expected costs order models the way that experience does, and give way to what was measured."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff.comparison.costs import BASE_SECONDS, FLOOR_SECONDS, SECONDS_PER_MILLION_CELLS, UNKNOWN, Costs, PriorCosts
from bakeoff.comparison.trial import Outcome, Status

QUICK = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])

ids = st.sampled_from([*SECONDS_PER_MILLION_CELLS, "a model of one's own"])
sizes = st.integers(min_value=1, max_value=10_000_000)


@QUICK
@given(ids, sizes, st.integers(min_value=1, max_value=1_000))
def test_more_rows_and_more_columns_cost_more(model_id, rows, columns):
    cost = PriorCosts(rows, columns)(model_id)
    assert FLOOR_SECONDS < cost < PriorCosts(rows * 2, columns)(model_id)
    assert PriorCosts(rows, columns * 2)(model_id) == PriorCosts(rows * 2, columns)(model_id)


def test_a_million_cells_cost_the_weight():
    assert PriorCosts(20_000, 50)("rf") == pytest.approx(BASE_SECONDS["rf"] + SECONDS_PER_MILLION_CELLS["rf"])


def test_a_model_in_no_list_has_a_middling_weight():
    costs = PriorCosts(20_000, 50)
    assert costs("mine") == pytest.approx(FLOOR_SECONDS + UNKNOWN)
    assert costs("nb") < costs("mine") < costs("gpc")


def test_nothing_is_free():
    assert PriorCosts(0, 0)("dummy") == FLOOR_SECONDS
    assert PriorCosts(1_000_000, 0)("lr") == PriorCosts(1_000_000, 1)("lr")  # a series without exogenous columns


def test_a_measurement_stands_in_the_place_of_the_prior():
    costs = Costs({"rf": 2.0, "lr": 1.0}.__getitem__)
    costs.learn(Outcome("rf", 0, fit_seconds=3.0, score_seconds=1.0))
    costs.learn(Outcome("rf", 1, fit_seconds=7.0, score_seconds=1.0))
    assert costs("rf") == 6.0


def test_what_is_not_measured_moves_with_what_is():
    costs = Costs(lambda _: 1.0)
    for model_id in "abcdefgh":
        costs.learn(Outcome(model_id, 0, fit_seconds=0.1))
    assert 0.1 < costs("another") < 0.2


def test_a_failure_says_nothing_about_costs():
    costs = Costs(lambda _: 1.0)
    costs.learn(Outcome("rf", 0, status=Status.TIMEOUT, fit_seconds=600.0))
    assert costs("rf") == costs("lr") == 1.0


def test_preprocessing_is_learnt_from_those_who_waited_for_it():
    costs = Costs(lambda _: 1.0)
    assert costs.transform_seconds == 0.0
    for fold, waited in enumerate([2.0, 0.0, 4.0]):
        costs.learn(Outcome("lr", fold, fit_seconds=1.0, transform_seconds=waited))
    assert costs.transform_seconds == 3.0
