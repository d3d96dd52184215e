"""Weights of a blend: never worse than the best model by what they were chosen by, honest by what they were not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics

from bakeoff.comparison import blend_goals as goals
from bakeoff.comparison.blend import BLEND, ROUNDS, Blend, Pool, blend, most_models, weighted
from bakeoff.comparison.blend_goals import MeasuredGoal
from bakeoff.comparison.blend_ranking import offered_row, ranked_with
from bakeoff.comparison.leaderboard import rank
from bakeoff.comparison.trial import Outcome
from support.plans import FOLDS, good, make_plan

SLOW = settings(deadline=None, max_examples=30)


def drawn(seed: int, *, n_models: int = 4, n_folds: int = 4, n_rows: int = 30) -> tuple[Pool, list[Any]]:
    """Models that each see the truth through noise of their own."""
    random = np.random.default_rng(seed)
    truths = [random.integers(0, 2, n_rows) for _ in range(n_folds)]
    folds = tuple(
        np.array([np.clip(truth * 0.4 + 0.3 + random.normal(0, 0.3, n_rows), 0, 1) for _ in range(n_models)])
        for truth in truths
    )
    return Pool(tuple(f"m{n}" for n in range(n_models)), folds), truths


def log_loss_goal(truths: list[Any]) -> MeasuredGoal:
    return MeasuredGoal(truths, goals.negative_log_loss, goals.negative_log_loss)


def accuracy_goal(truths: list[Any]) -> MeasuredGoal:
    return MeasuredGoal(truths, goals.accuracy, goals.negative_log_loss)


def own_value(pool: Pool, goal: MeasuredGoal, shares: dict[str, float]) -> float:
    return float(np.mean([goal.scores(fold, weighted(pool, fold, shares)[None])[0] for fold in range(len(pool.folds))]))


@SLOW
@given(st.integers(0, 10_000), st.sampled_from([log_loss_goal, accuracy_goal]))
def test_a_blend_is_never_worse_on_its_own_folds_than_any_of_its_models(seed: int, make_goal: Any) -> None:
    pool, truths = drawn(seed)
    goal = make_goal(truths)
    weights = blend(pool, goal, 10_000)
    assume(weights is not None)
    alone = [own_value(pool, goal, {model_id: 1.0}) for model_id in pool.model_ids]
    assert own_value(pool, goal, weights.shares) >= max(alone) - 1e-9


@SLOW
@given(st.integers(0, 10_000))
def test_shares_are_counts_of_few_rounds_and_make_up_the_whole(seed: int) -> None:
    pool, truths = drawn(seed)
    weights = blend(pool, log_loss_goal(truths), 10_000)
    assume(weights is not None)
    for shares in (weights.shares, *weights.by_fold):
        assert sum(shares.values()) == pytest.approx(1.0)
        assert list(shares.values()) == sorted(shares.values(), reverse=True)
        assert any(
            all(abs(share * n - round(share * n)) < 1e-6 for share in shares.values()) for n in range(1, ROUNDS + 1)
        )


@SLOW
@given(st.integers(0, 10_000), st.integers(0, 3))
def test_the_weights_of_a_fold_do_not_depend_on_what_happened_there(seed: int, fold: int) -> None:
    pool, truths = drawn(seed)
    before = blend(pool, log_loss_goal(truths), 10_000)
    assume(before is not None)
    folds = list(pool.folds)
    folds[fold] = folds[fold][::-1].copy()
    truths[fold] = 1 - truths[fold]
    after = blend(replace(pool, folds=tuple(folds)), log_loss_goal(truths), 10_000)
    if after is not None:
        assert after.by_fold[fold] == before.by_fold[fold]


@SLOW
@given(st.integers(0, 10_000))
def test_the_same_predictions_give_the_same_blend(seed: int) -> None:
    pool, truths = drawn(seed)
    assert blend(pool, accuracy_goal(truths), 500) == blend(pool, accuracy_goal(truths), 500)


def test_models_that_err_in_different_rows_are_blended() -> None:
    truth = np.array([0, 0, 1, 1])
    one, other = np.array([0.6, 0.1, 0.9, 0.8]), np.array([0.2, 0.1, 0.9, 0.4])
    pool = Pool(("one", "other"), (np.array([one, other]),) * 3)
    weights = blend(pool, accuracy_goal([truth] * 3), 100)
    assert weights is not None
    assert set(weights.shares) == {"one", "other"}
    assert own_value(pool, accuracy_goal([truth] * 3), weights.shares) == 1.0


def test_log_loss_decides_between_blends_of_the_same_accuracy() -> None:
    truth = np.array([0, 0, 1, 1])
    unsure, sure = np.where(truth == 1, 0.6, 0.4), np.where(truth == 1, 0.9, 0.1)
    pool = Pool(("unsure", "sure"), (np.array([unsure, sure]),) * 2)
    assert blend(pool, accuracy_goal([truth] * 2), 100) is None  # the sure one alone


@pytest.mark.parametrize(
    "pool", [Pool((), ()), Pool(("lr",), (np.ones((1, 3)),) * 3), Pool(("a", "b"), (np.ones((2, 3)),))]
)
def test_nothing_is_blended_where_nothing_can_be_chosen(pool: Pool) -> None:
    assert blend(pool, accuracy_goal([np.ones(3, dtype=int)] * 3), 100) is None


def test_models_without_a_score_are_not_chosen() -> None:
    pool, truths = drawn(1)

    class Unknown(MeasuredGoal):
        def scores(self, fold: int, candidates: Any) -> Any:
            return np.full(len(candidates), np.nan)

    assert blend(pool, Unknown(truths, goals.accuracy, goals.accuracy), 100) is None


def test_few_rows_choose_between_few_models() -> None:
    pool, truths = drawn(3, n_models=12)
    goal = log_loss_goal(truths)
    alone = sorted(pool.model_ids, key=lambda model_id: -own_value(pool, goal, {model_id: 1.0}))
    weights = blend(pool, goal, 100)
    assert weights is not None
    assert set(weights.shares) <= set(alone[: most_models(100)])


@given(st.integers(1, 10**7))
def test_more_rows_never_choose_between_fewer_models(n: int) -> None:
    assert 4 <= most_models(n) <= most_models(n + 1) <= 40


@SLOW
@given(st.integers(0, 10_000), st.integers(2, 4))
def test_measures_of_classes_are_those_of_scikit_learn(seed: int, n_classes: int) -> None:
    random = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(n_classes), random.integers(0, n_classes, 30)])
    chances = random.dirichlet(np.ones(n_classes), size=(3, len(truth)))
    candidates = chances[:, :, 1] if n_classes == 2 else chances
    average = "binary" if n_classes == 2 else "weighted"
    expected = {
        "accuracy": metrics.accuracy_score,
        "prec": lambda y, p: metrics.precision_score(y, p, average=average, zero_division=0),
        "recall": lambda y, p: metrics.recall_score(y, p, average=average, zero_division=0),
        "f1": lambda y, p: metrics.f1_score(y, p, average=average, zero_division=0),
        "kappa": metrics.cohen_kappa_score,
        "mcc": metrics.matthews_corrcoef,
    }
    for key, score in expected.items():
        wanted = [score(truth, each.argmax(axis=1)) for each in chances]
        np.testing.assert_allclose(goals.MEASURES[key](truth, candidates), wanted, atol=1e-12, err_msg=key)
    areas = [
        metrics.roc_auc_score(
            truth,
            each[:, 1] if n_classes == 2 else each,
            **({} if n_classes == 2 else {"multi_class": "ovr", "average": "weighted"}),
        )
        for each in chances
    ]
    np.testing.assert_allclose(goals.area_under_curve(truth, candidates), areas)
    losses = [-metrics.log_loss(truth, each, labels=range(n_classes)) for each in chances]
    np.testing.assert_allclose(goals.negative_log_loss(truth, candidates), losses, rtol=1e-3)


@SLOW
@given(st.integers(0, 10_000), st.integers(0, 2))
def test_equal_chances_count_half_in_the_area_under_the_curve(seed: int, digits: int) -> None:
    random = np.random.default_rng(seed)
    truth, candidates = np.append([0, 1], random.integers(0, 2, 40)), random.random((3, 42)).round(digits)
    areas = [metrics.roc_auc_score(truth, each) for each in candidates]
    np.testing.assert_allclose(goals.area_under_curve(truth, candidates), areas)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 30))
def test_of_each_class_no_more_rows_are_drawn_than_asked_for_and_always_the_same(
    ones: int, others: int, most: int
) -> None:
    assume(ones + others)
    truth = np.random.default_rng(ones).permutation(np.repeat([1, 0], [ones, others]))
    rows = goals.drawn_rows(truth, most)
    assert [int((truth[rows] == each).sum()) for each in (1, 0)] == [min(ones, most), min(others, most)]
    assert rows.tolist() == sorted(set(rows.tolist())) == goals.drawn_rows(truth, most).tolist()


def test_a_blend_by_drawn_rows_is_nearly_as_good_on_all_as_one_by_all() -> None:
    pool, truths = drawn(2, n_folds=3, n_rows=6_000)
    rows = [goals.drawn_rows(truth, 1_000) for truth in truths]
    whole = MeasuredGoal(truths, goals.area_under_curve, goals.negative_log_loss)
    few = replace(whole, truths=[truth[each] for truth, each in zip(truths, rows, strict=True)])
    by_all, by_few = blend(pool, whole, 10_000), blend(pool.of_rows(rows), few, 10_000)
    assert by_all is not None
    assert by_few is not None
    assert own_value(pool, whole, by_few.shares) > own_value(pool, whole, by_all.shares) - 0.002


@SLOW
@given(st.integers(0, 10_000))
def test_measures_of_numbers_are_those_of_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth, candidates = random.uniform(1, 5, 20), random.uniform(1, 5, (3, 20))
    expected = {
        "r2": metrics.r2_score,
        "mae": lambda y, p: -metrics.mean_absolute_error(y, p),
        "mse": lambda y, p: -metrics.mean_squared_error(y, p),
        "mape": lambda y, p: -metrics.mean_absolute_percentage_error(y, p),
        "rmsle": lambda y, p: -np.sqrt(metrics.mean_squared_log_error(y, p)),
    }
    for key, score in expected.items():
        np.testing.assert_allclose(goals.MEASURES[key](truth, candidates), [score(truth, each) for each in candidates])


def blended(base: float) -> Blend:
    outcomes = tuple(
        Outcome(BLEND, fold, metrics={"auc": base + fold / 100, "f1": base}, fit_seconds=4.0, finished_at=1.0)
        for fold in range(FOLDS)
    )
    return Blend({"lr": 0.6, "rf": 0.4}, outcomes)


def test_a_blend_that_is_ranked_wins_only_if_it_is_better() -> None:
    plan = make_plan()
    board = rank(plan, [*good(plan, "lr", 0.8), *good(plan, "rf", 0.7), *good(plan, "nb", 0.6)])
    for base, place in ((0.9, 1), (0.8, 2), (0.75, 2)):
        with_blend, ranked, verdict = ranked_with(plan, board, blended(base))
        row = next(row for row in ranked.rows if row.model_id == BLEND)
        assert (row.rank, row.members, row.model_name) == (place, {"lr": 0.6, "rf": 0.4}, "Blend of 2 models")
        assert [each.model_id for each in ranked.rows if each.model_id != BLEND] == ["lr", "rf", "nb"]
        assert with_blend.name_of[BLEND] == "Blend of 2 models"
        assert verdict is not None
        assert verdict.n_folds == FOLDS


@pytest.mark.parametrize(("base", "tied"), [(0.9, False), (0.8, True), (0.7, False)])
def test_a_blend_that_is_offered_stands_below_and_is_tested_against_the_best(base: float, tied: bool) -> None:  # noqa: FBT001
    plan = make_plan()
    board = rank(plan, [*good(plan, "lr", 0.8), *good(plan, "rf", 0.7), *good(plan, "nb", 0.6)])
    row = offered_row(plan, board, blended(base))
    assert (row.rank, row.tied_with_best) == (4, tied)
    assert row.primary_value == pytest.approx(base + 0.01)
