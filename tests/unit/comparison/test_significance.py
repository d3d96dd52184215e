"""The statistics of "is the winner better", against scipy and statsmodels, and on simulated comparisons."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from bakeoff.comparison.leaderboard import rank
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.significance import BASELINE, corrected_t_test, holm, judge, mark_ties
from bakeoff.comparison.trial import TT, Metric, Model, Outcome, Status

AUC, RMSE = Metric("auc", "AUC"), Metric("rmse", "RMSE", greater_is_better=False)
PATIENT = settings(deadline=None)  # how long one example takes is the machine's business
DIFFERENCES = st.lists(st.floats(-1, 1).map(lambda value: round(value, 6)), min_size=2, max_size=30)


def is_varied(differences):
    return np.std(differences) > 1e-6


@PATIENT
@given(DIFFERENCES.filter(is_varied))
def test_without_the_correction_it_is_the_paired_t_test_of_scipy(differences):
    mine = corrected_t_test(differences, test_ratio=0.0)
    theirs = stats.ttest_rel(differences, np.zeros(len(differences)))
    assert mine.p_value == pytest.approx(theirs.pvalue, rel=1e-7, abs=1e-12)
    low, high = theirs.confidence_interval(0.95)
    assert (mine.mean - mine.half_width, mine.mean + mine.half_width) == pytest.approx((low, high), rel=1e-7, abs=1e-12)


@PATIENT
@given(DIFFERENCES.filter(is_varied), st.floats(0.01, 2))
def test_the_correction_is_that_of_nadeau_and_bengio(differences, ratio):
    """Their statistic is the plain one with 1/J + n_test/n_train in place of 1/J (their equation 9)."""
    n = len(differences)
    plain = stats.ttest_1samp(differences, 0.0).statistic
    corrected = plain * math.sqrt((1 / n) / (1 / n + ratio))
    expected = 2 * stats.t.sf(abs(corrected), df=n - 1)
    assert corrected_t_test(differences, ratio).p_value == pytest.approx(expected, rel=1e-7, abs=1e-12)


@settings(max_examples=10, deadline=None)  # theirs takes a twentieth of a second
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_that_of_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1].tolist())


def test_nothing_is_adjusted_where_there_is_nothing():
    assert holm([]) == []


def test_folds_that_all_say_the_same_leave_no_doubt():
    assert corrected_t_test([0.0, 0.0, 0.0], 0.5).p_value == 1.0
    assert corrected_t_test([0.1, 0.1, 0.1], 0.5).p_value == 0.0


def compared(scores, *, metric=AUC, seconds=None, ratio=None, sort_by=None):
    """A plan and a leaderboard from scores by model and fold; ``None`` is a fold that failed."""
    n_folds = max(map(len, scores.values()))
    models = tuple(Model(model_id, model_id.upper()) for model_id in scores)
    plan = Plan(models, n_folds, (metric,), sort_by or metric.key, test_rows_per_training_row=ratio)
    outcomes = [
        Outcome(model_id, fold, status=Status.FAILED, error_type="E")
        if value is None
        else Outcome(model_id, fold, metrics={metric.key: value}, fit_seconds=(seconds or {}).get(model_id, 1.0))
        for model_id, values in scores.items()
        for fold, value in enumerate(values)
    ]
    return plan, rank(plan, outcomes)


CLEAR = {
    "rf": [0.95, 0.94, 0.96, 0.95, 0.94],
    "lr": [0.94, 0.95, 0.95, 0.94, 0.95],
    "nb": [0.70, 0.69, 0.71, 0.72, 0.68],
}


def test_a_model_that_is_clearly_worse_is_told_apart_and_a_close_one_is_not():
    plan, board = compared(CLEAR)
    verdict = judge(plan, board)
    assert (verdict.winner, verdict.tied) == ("rf", ("lr",))
    assert [pair.model_id for pair in verdict.pairs] == ["lr", "nb"]
    assert verdict.pairs[1].advantage == pytest.approx(0.248)
    assert verdict.pairs[1].p_adjusted < 0.001
    assert [row.tied_with_best for row in mark_ties(board, verdict).rows] == [True, True, False]


def test_the_advantage_is_positive_where_small_is_good_too():
    plan, board = compared({"a": [1.0, 1.1, 0.9], "b": [9.0, 9.2, 8.9]}, metric=RMSE)
    (pair,) = judge(plan, board).pairs
    assert pair.advantage == pytest.approx(8.0333, abs=1e-4)
    assert not pair.tied


def test_p_values_are_adjusted_for_the_number_of_models():
    plan, board = compared(CLEAR)
    verdict = judge(plan, board)
    raw = [pair.p_value for pair in verdict.pairs]
    assert [pair.p_adjusted for pair in verdict.pairs] == multipletests(raw, method="holm")[1].tolist()


def test_the_share_of_test_rows_is_that_of_the_splits():
    close = {"a": [0.9, 0.92, 0.95, 0.93], "b": [0.89, 0.9, 0.93, 0.92]}
    few, many = (judge(*compared(close, ratio=ratio)).pairs[0].p_value for ratio in (0.01, 3.0))
    assert few < many
    unknown, k_fold = (judge(*compared(close, ratio=ratio)).pairs[0].p_value for ratio in (None, 1 / 3))
    assert unknown == k_fold


def test_the_cheapest_of_the_tied_is_named_and_never_a_cheaper_loser():
    plan, board = compared(CLEAR, seconds={"rf": 3.0, "lr": 0.2, "nb": 0.01})
    assert judge(plan, board).cheapest == "lr"
    plan, board = compared(CLEAR, seconds={"rf": 0.1, "lr": 0.2, "nb": 0.01})
    assert judge(plan, board).cheapest == "rf"
    plan, board = compared(CLEAR, seconds={"rf": 0.03, "lr": 0.01, "nb": 0.01})
    assert judge(plan, board).cheapest == "rf"  # nobody would notice


def test_a_tied_model_that_scores_much_worse_is_no_choice_however_quick():
    scores = {"smooth": [0.5, 0.6, 0.7], "means": [4.0, 9.0, 1.0]}
    verdict = judge(*compared(scores, metric=RMSE, seconds={"smooth": 9.0, "means": 0.1}))
    assert (verdict.tied, verdict.cheapest) == (("means",), "smooth")


def test_a_model_that_learns_nothing_is_no_choice_even_where_folds_are_too_few_to_tell():
    scores = {"rf": [0.9, 0.7], BASELINE: [0.5, 0.6]}
    verdict = judge(*compared(scores, seconds={"rf": 3.0, BASELINE: 0.01}))
    assert verdict.tied == (BASELINE,)
    assert verdict.cheapest == "rf"


def test_what_cannot_be_tested_is_neither_tied_nor_worse():
    scores = {**CLEAR, "half": [0.99, None, 0.99, 0.99, 0.99], "odd": [0.9, math.nan, 0.9, 0.9, 0.9], "bad": [None] * 5}
    plan, board = compared(scores)
    marked = {row.model_id: row.tied_with_best for row in mark_ties(board, judge(plan, board)).rows}
    assert marked == {"rf": True, "lr": True, "nb": False, "half": None, "odd": None, "bad": None}


def test_there_is_no_verdict_without_a_complete_model_and_no_test_without_folds():
    plan, board = compared({"a": [None, 0.5]})
    assert judge(plan, board) is None
    assert mark_ties(board, None) is board
    plan, board = compared({"a": [0.9], "b": [0.8]})
    verdict = judge(plan, board)
    assert (verdict.winner, verdict.pairs) == ("a", ())
    assert [row.tied_with_best for row in mark_ties(board, verdict).rows] == [True, None]


def test_scores_that_differ_in_the_last_bit_only_are_the_same():
    values = [0.91, 0.93, 0.9]
    plan, board = compared({"a": values, "b": [np.nextafter(value, 0) for value in values]})
    assert judge(plan, board).tied == ("b",)


def test_time_can_be_what_ranks():
    plan, board = compared(CLEAR, seconds={"rf": 3.0, "lr": 0.2, "nb": 0.1}, sort_by=TT)
    verdict = judge(plan, board)
    assert (verdict.winner, verdict.tied) == ("nb", ())


def simulated(random, quality, n_folds, overlap):
    """Fold scores whose errors are correlated as Nadeau and Bengio assume of folds with overlapping training rows."""
    n_models = len(quality)
    lasting = random.normal(size=(n_models, 1)) * math.sqrt(overlap)
    passing = random.normal(size=(n_models, n_folds)) * math.sqrt(1 - overlap)
    of_the_fold = random.normal(size=(1, n_folds)) * 3
    scores = np.asarray(quality)[:, None] + of_the_fold + lasting + passing
    return {f"m{number}": list(row) for number, row in enumerate(scores)}


ROUNDS = 200
SLACK = 2 * math.sqrt(0.05 * 0.95 / ROUNDS)


def verdicts(quality, n_folds, ratio):
    random = np.random.default_rng(7)
    overlap = 1 / n_folds  # of a k-fold split: n_test / (n_test + n_train)
    return [judge(*compared(simulated(random, quality, n_folds, overlap), ratio=ratio)) for _ in range(ROUNDS)]


def share_that_holds(model_id, found):
    return sum(model_id in {verdict.winner, *verdict.tied} for verdict in found) / ROUNDS


@pytest.mark.parametrize(("n_models", "n_folds"), [(2, 5), (6, 10)])
def test_the_winners_set_holds_the_true_best_at_the_nominal_rate(n_models, n_folds):
    """All are equally good, so whichever wins does so by luck; the truly best one is any of them."""
    found = verdicts([0.0] * n_models, n_folds, 1 / (n_folds - 1))
    assert share_that_holds("m0", found) >= 0.95 - SLACK


def test_the_true_best_is_held_where_others_are_close_and_the_clearly_worse_are_not():
    found = verdicts([0.5, 0.2, 0.0, -9.0], 10, 1 / 9)
    assert share_that_holds("m0", found) >= 0.95 - SLACK
    assert share_that_holds("m3", found) < 0.05


def test_two_equal_models_are_told_apart_at_the_nominal_rate_and_by_a_plain_t_test_more_often():
    told_apart = [sum(not each.tied for each in verdicts([0.0, 0.0], 10, ratio)) / ROUNDS for ratio in (1 / 9, 0.0)]
    assert told_apart[0] <= 0.05 + SLACK
    assert told_apart[1] > 0.1
