"""Plans are checked when they are made, and models come in batches."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import TT, Metric, Model, Trial

QUICK = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])

AUC, RMSE = Metric("auc", "AUC"), Metric("rmse", "RMSE", greater_is_better=False)
PLAN = Plan((Model("lr", "Logistic Regression"), Model("rf", "Random Forest")), 3, (AUC, RMSE), "auc")


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
