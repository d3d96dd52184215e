"""Outcomes survive the journal, whatever is in them."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff.comparison.trial import Outcome, Status, Trial, failed_outcomes, finite

QUICK = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])

numbers = st.floats()  # NaN and infinities too
names = st.text(max_size=8)
texts = st.none() | st.text()
outcomes = st.builds(
    Outcome,
    model_id=names,
    fold=st.integers(min_value=0, max_value=99),
    status=st.sampled_from(list(Status)),
    metrics=st.dictionaries(names, numbers, max_size=4),
    metric_errors=st.dictionaries(names, st.text(), max_size=3),
    fit_seconds=numbers,
    score_seconds=numbers,
    transform_seconds=numbers,
    host=st.text(),
    attempt=st.integers(min_value=1, max_value=9),
    error_type=texts,
    error_message=texts,
    traceback=texts,
    finished_at=numbers,
)


@QUICK
@given(outcomes)
def test_an_outcome_comes_back_from_json(outcome):
    read = Outcome.from_dict(json.loads(json.dumps(outcome.to_dict())))
    # As text, because NaN does not equal itself.
    assert repr(read) == repr(outcome)
    assert isinstance(read.status, Status)
    assert hash(read.trial) == hash(outcome.trial)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_comes_back_as_it_was(value):
    read = Outcome.from_dict(json.loads(json.dumps(Outcome("lr", 0, metrics={"r2": value}).to_dict())))
    assert repr(read.metrics["r2"]) == repr(value)


def test_the_dictionary_is_a_copy():
    outcome = Outcome("lr", 0, metrics={"auc": 0.5})
    outcome.to_dict()["metrics"]["auc"] = 0.0
    assert outcome.metrics == {"auc": 0.5}


def test_an_unknown_status_is_an_error():
    with pytest.raises(ValueError, match="lost"):
        Outcome.from_dict({"model_id": "lr", "fold": 0, "status": "lost"})


@pytest.mark.parametrize("status", list(Status))
def test_only_ok_is_ok_and_a_status_reads_as_its_value(status):
    assert Outcome("lr", 0, status=status).ok is (status.value == "ok")
    assert str(status) == f"{status}" == status.value


def test_an_outcome_names_its_trial_and_trials_sort_by_model_then_fold():
    assert Outcome("rf", 2).trial == Trial("rf", 2)
    assert sorted([Trial("b", 0), Trial("a", 10), Trial("a", 9)]) == [Trial("a", 9), Trial("a", 10), Trial("b", 0)]


def test_the_same_bad_end_for_several_trials():
    trials = [Trial("lr", 1), Trial("rf", 0)]
    ends = failed_outcomes(trials, Status.CRASHED, "WorkerError", "gone")
    assert [end.trial for end in ends] == trials
    assert {(end.status, end.error_type, end.error_message) for end in ends} == {
        (Status.CRASHED, "WorkerError", "gone")
    }
    assert not any(end.metrics for end in ends)


@QUICK
@given(st.none() | numbers)
def test_finite_keeps_numbers_and_nothing_else(value):
    if value is None or math.isnan(value) or math.isinf(value):
        assert finite(value) is None
    else:
        assert finite(value) == value
        assert type(finite(value)) is float
