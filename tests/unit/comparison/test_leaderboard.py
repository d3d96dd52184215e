"""The ranking is PyCaret's where PyCaret has one, and does not depend on the order in which trials end."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff.comparison.leaderboard import COMPLETE, FAILED, PARTIAL, fold_values, rank, round_half_even
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import TT, Metric, Model, Outcome, Status

QUICK = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])

CLASSES = (COMPLETE, PARTIAL, FAILED)
METRICS = (Metric("auc", "AUC"), Metric("rmse", "RMSE", greater_is_better=False))

# Few distinct values, so that ties and near-ties (the third and fourth are one when rounded) are common.
scores = st.one_of(
    st.sampled_from([0.0, 0.5, 0.94215, 0.942152, 0.942215, 1.0, -3.25, math.nan]),
    st.floats(min_value=-1e6, max_value=1e6),
)
times = st.floats(min_value=0.0, max_value=1e4)
bad = st.sampled_from([Status.FAILED, Status.TIMEOUT, Status.CRASHED, Status.OOM, Status.CANCELLED])


def plan_of(*model_ids, n_folds=2, sort_by="auc", **settings_):
    models = tuple(Model(model_id, model_id.upper()) for model_id in model_ids)
    return Plan(models, n_folds, METRICS, sort_by, **settings_)


def scored(model_id, *values, key="auc"):
    return [Outcome(model_id, fold, metrics={key: value, "rmse": 1.0}) for fold, value in enumerate(values)]


def lost(model_id, fold, status=Status.FAILED, error_type="ValueError"):
    return Outcome(model_id, fold, status=status, error_type=error_type, error_message=f"no {model_id} on {fold}")


@st.composite
def comparisons(draw):
    """A plan and an outcome for each of its trials, in any order."""
    n_models, n_folds = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    plan = plan_of(
        *[f"m{n}" for n in range(n_models)],
        n_folds=n_folds,
        sort_by=draw(st.sampled_from(["auc", "rmse", TT])),
        decimals=draw(st.integers(0, 6)),
        batch_size=draw(st.integers(1, 3)),
    )
    outcomes = []
    for trial in plan.trials:
        if draw(st.booleans()) or draw(st.booleans()):
            metrics = {"auc": draw(scores), "rmse": draw(scores)}
            done = Outcome(trial.model_id, trial.fold, metrics=metrics)
        else:
            done = lost(trial.model_id, trial.fold, draw(bad))
        outcomes.append(replace(done, fit_seconds=draw(times), score_seconds=draw(times)))
    return plan, draw(st.permutations(outcomes))


def order(board):
    return [row.model_id for row in board.rows]


@QUICK
@given(comparisons(), st.randoms(use_true_random=False))
def test_the_order_of_outcomes_does_not_matter(comparison, random):
    plan, outcomes = comparison
    shuffled = list(outcomes)
    random.shuffle(shuffled)
    # As text, because NaN does not equal itself.
    assert repr(rank(plan, shuffled)) == repr(rank(plan, sorted(outcomes, key=lambda outcome: outcome.trial)))


@QUICK
@given(comparisons())
def test_every_model_has_one_row_and_ranks_count_from_one(comparison):
    plan, outcomes = comparison
    board = rank(plan, outcomes)
    assert [row.rank for row in board.rows] == list(range(1, len(plan.models) + 1))
    assert sorted(order(board)) == sorted(model.id for model in plan.models)
    assert sorted(outcome.trial for outcome in board.outcomes) == sorted(plan.trials)
    for row in board.rows:
        assert (row.model_name, row.batch_id) == (plan.name_of[row.model_id], plan.batch_of[row.model_id])


@QUICK
@given(comparisons())
def test_complete_stands_before_partial_before_failed(comparison):
    plan, outcomes = comparison
    board = rank(plan, outcomes)
    classes = [CLASSES.index(row.status) for row in board.rows]
    assert classes == sorted(classes)
    for row in board.rows:
        n_ok = sum(outcome.ok for outcome in outcomes if outcome.model_id == row.model_id)
        assert row.n_folds_ok == n_ok
        assert row.status == (COMPLETE if n_ok == plan.n_folds else PARTIAL if n_ok else FAILED)
        assert row.complete is (n_ok == plan.n_folds)


@QUICK
@given(comparisons())
def test_within_a_class_the_rounded_mean_decides_then_the_given_order_and_nan_is_last(comparison):
    plan, outcomes = comparison
    given_order = [model.id for model in plan.models]
    rows = rank(plan, outcomes).rows
    for first, second in pairwise(rows):
        if first.status != second.status:
            continue
        left, right = np.round([first.primary_value, second.primary_value], plan.decimals)
        if np.isnan(left) or left == right:
            assert np.isnan(right) == np.isnan(left)
            assert given_order.index(first.model_id) < given_order.index(second.model_id)
        elif not np.isnan(right):
            assert left > right if plan.greater_is_better else left < right


@QUICK
@given(comparisons())
def test_means_and_deviations_are_numpys_over_the_good_folds(comparison):
    plan, outcomes = comparison
    for row in rank(plan, outcomes).rows:
        mine = sorted((o for o in outcomes if o.model_id == row.model_id), key=lambda outcome: outcome.fold)
        good = [outcome for outcome in mine if outcome.ok]
        for key in ("auc", "rmse"):
            values = [outcome.metrics[key] for outcome in good]
            assert row.means[key] == pytest.approx(np.mean(values) if good else math.nan, nan_ok=True, rel=1e-12)
            assert row.stds[key] == pytest.approx(np.std(values) if good else math.nan, nan_ok=True, rel=1e-12)
        spent = [outcome.fit_seconds + outcome.score_seconds for outcome in good]
        assert row.means[TT] == pytest.approx(np.mean(spent) if good else math.nan, nan_ok=True)
        assert row.stds[TT] == pytest.approx(np.std(spent) if good else math.nan, nan_ok=True)
        assert row.primary_value == pytest.approx(row.means[plan.sort_by], nan_ok=True)
        assert row.fit_seconds == pytest.approx(sum(outcome.fit_seconds for outcome in mine))


@QUICK
@given(comparisons())
def test_the_best_is_the_first_that_did_not_fail_and_failures_are_the_bad_outcomes(comparison):
    plan, outcomes = comparison
    board = rank(plan, outcomes)
    survivors = [row for row in board.rows if row.status != FAILED]
    assert board.best is (survivors[0] if survivors else None)
    assert sorted(o.trial for o in board.failures) == sorted(o.trial for o in outcomes if not o.ok)
    assert sum(board.count(status) for status in CLASSES) == len(plan.models)


def test_means_that_are_equal_when_rounded_keep_the_order_given():
    lr, lda = scored("lr", 0.942152, 0.942152), scored("lda", 0.942215, 0.942215)
    assert order(rank(plan_of("lr", "lda", decimals=4), lr + lda)) == ["lr", "lda"]
    assert order(rank(plan_of("lda", "lr", decimals=4), lr + lda)) == ["lda", "lr"]
    assert order(rank(plan_of("lr", "lda", decimals=5), lr + lda)) == ["lda", "lr"]


def test_the_values_stay_unrounded():
    (row,) = rank(plan_of("lr", decimals=2), scored("lr", 0.942152, 0.942154)).rows
    assert row.primary_value == pytest.approx(0.942153, abs=1e-12)


@pytest.mark.parametrize(("sort_by", "expected"), [("auc", ["b", "a", "c"]), ("rmse", ["a", "b", "c"])])
def test_nan_is_last_in_both_directions(sort_by, expected):
    plan = plan_of("c", "a", "b", n_folds=1, sort_by=sort_by)
    outcomes = [Outcome(m, 0, metrics={sort_by: v}) for m, v in (("a", 1.0), ("b", 2.0), ("c", math.nan))]
    assert order(rank(plan, outcomes)) == expected


def test_one_nan_among_the_folds_makes_the_mean_nan():
    board = rank(plan_of("a", "b"), scored("a", 0.9, math.nan) + scored("b", 0.1, 0.1))
    assert order(board) == ["b", "a"]
    assert math.isnan(board.rows[1].primary_value)
    assert board.rows[1].complete


def test_a_metric_that_a_good_fold_does_not_have_is_nan():
    outcomes = [Outcome("a", 0, metrics={"auc": 0.5}), Outcome("a", 1)]
    assert fold_values(outcomes, "auc") == [0.5, pytest.approx(math.nan, nan_ok=True)]
    assert math.isnan(rank(plan_of("a"), outcomes).rows[0].means["auc"])


def test_a_failed_fold_is_not_zero():
    board = rank(plan_of("a", "b"), [scored("a", 0.9)[0], lost("a", 1), *scored("b", 0.6, 0.6)])
    assert order(board) == ["b", "a"]
    partial = board.rows[1]
    assert (partial.status, partial.n_folds_ok, partial.primary_value, partial.stds["auc"]) == (PARTIAL, 1, 0.9, 0.0)


def test_an_error_is_better_when_it_is_small_and_so_is_the_time():
    slow = [Outcome("slow", 0, metrics={"auc": 0.9, "rmse": 1.0}, fit_seconds=2.0, score_seconds=2.0)]
    quick = [Outcome("quick", 0, metrics={"auc": 0.1, "rmse": 7.0}, fit_seconds=1.0, score_seconds=2.5)]
    for sort_by, expected in (("auc", "slow"), ("rmse", "slow"), (TT, "quick")):
        board = rank(plan_of("slow", "quick", n_folds=1, sort_by=sort_by), slow + quick)
        assert board.best.model_id == expected
    assert [row.primary_value for row in board.rows] == [3.5, 4.0]


def test_a_failed_model_is_nan_everywhere_and_says_why():
    outcomes = [lost("a", 1, error_type="Second"), lost("a", 0, error_type="First")]
    board = rank(plan_of("a"), [replace(outcome, fit_seconds=1.5, finished_at=9.0) for outcome in outcomes])
    (row,) = board.rows
    assert (row.status, row.error_type, row.error_message) == (FAILED, "First", "no a on 0")
    assert (row.fit_seconds, row.finished_at) == (3.0, 9.0)
    assert all(math.isnan(value) for value in [row.primary_value, *row.means.values(), *row.stds.values()])
    assert board.best is None


def test_what_is_not_in_the_plan_is_not_ranked():
    board = rank(plan_of("a"), scored("a", 0.5, 0.5) + scored("stranger", 0.9, 0.9))
    assert order(board) == ["a"]
    assert {outcome.model_id for outcome in board.outcomes} == {"a"}


def test_some_models_alone_are_ranked_from_one():
    outcomes = scored("a", 0.9, 0.9) + scored("b", 0.5, 0.5) + scored("c", 0.7, 0.7)
    board = rank(plan_of("a", "b", "c"), outcomes, ["b", "c"])
    assert [(row.rank, row.model_id) for row in board.rows] == [(1, "c"), (2, "b")]


def test_no_outcome_at_all_is_a_failed_model():
    board = rank(plan_of("a"), [])
    assert (board.rows[0].status, board.rows[0].finished_at, board.best) == (FAILED, 0.0, None)
    assert rank(plan_of(), []).best is None


def test_halves_are_rounded_to_even_as_pandas_does():
    assert [round_half_even(value, 0) for value in (0.5, 1.5, 2.5)] == [0.0, 2.0, 2.0]
    assert math.isnan(round_half_even(math.nan, 4))
