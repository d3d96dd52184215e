"""The scores are plain PyCaret's, for every model, metric and fold."""

from __future__ import annotations

import warnings
from functools import partialmethod
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from bakeoff import FugueBackend
from support.datasets import breast_cancer, experiment, tips, wine

pytestmark = pytest.mark.slow  # the contract suite compares a few models of each kind in `make test` too

TABLES = {
    "breast_cancer": lambda: experiment(breast_cancer(300), "target", fold=2),
    "wine": lambda: experiment(wine(), "target", normalize=True, fix_imbalance=True, fold=2),
    "tips": lambda: experiment(tips(), "tip", remove_outliers=True, normalize=True, fold=2),
}
SORT = {"tips": "R2"}


class Both:
    """One comparison by plain PyCaret and the same by Bakeoff, on one experiment."""

    def __init__(self, exp: Any, spark: Any, sort: str) -> None:
        self.sort = sort
        exp._master_model_container.clear()
        # Here a warning is an error, and plain PyCaret would take a model that warns for one that fails.
        # And its ties fall as numpy's default sort lets them, which on CPUs with AVX-512 is not stable: with a stable
        # sort they keep the order in which the models were given.
        stable = partialmethod(pd.DataFrame.sort_values, kind="stable")
        with threadpool_limits(1), warnings.catch_warnings(), patch.object(pd.DataFrame, "sort_values", stable):
            warnings.simplefilter("ignore")
            exp.compare_models(sort=sort, round=12, verbose=False)
            self.native, self.native_folds = exp.pull(), list(exp._master_model_container)
            exp.compare_models(sort=sort, verbose=False)
            self.native_rounded = exp.pull()
        exp._master_model_container.clear()
        self.backend = FugueBackend(spark)
        exp.compare_models(sort=sort, verbose=False, parallel=self.backend)
        self.rounded, self.rounded_folds = exp.pull(), list(exp._master_model_container)
        self.board = self.backend.board


@pytest.fixture(scope="module", params=list(TABLES))
def both(request: pytest.FixtureRequest, spark: Any) -> Both:
    return Both(TABLES[request.param](), spark, SORT.get(request.param, "Accuracy"))


def test_every_fold_of_every_model_scores_the_same(both: Both) -> None:
    names = {metric.key: metric.name for metric in both.backend.plan.metrics}
    by_model: dict[str, list[Any]] = {}
    for outcome in both.board.outcomes:
        by_model.setdefault(outcome.model_id, []).append(outcome)
    for model, native in zip(both.backend.plan.models, both.native_folds, strict=True):
        for outcome in by_model[model.id]:
            mine = [outcome.metrics[key] for key in names]
            theirs = [native["scores"].loc[outcome.fold, name] for name in names.values()]
            # Native rounded to 12 decimals, which is coarser than 1e-9 of a very small value.
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12, err_msg=str(outcome.trial))


def test_the_means_are_the_same(both: Both) -> None:
    for row in both.board.rows:
        mine = [row.means[metric.key] for metric in both.backend.plan.metrics]
        theirs = [both.native.loc[row.model_id, metric.name] for metric in both.backend.plan.metrics]
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12, err_msg=row.model_id)


def test_the_frame_that_pull_returns_is_the_same(both: Both) -> None:
    pd.testing.assert_frame_equal(
        both.rounded.drop(columns="TT (Sec)"), both.native_rounded.drop(columns="TT (Sec)"), check_exact=True
    )
    assert list(both.rounded.columns) == list(both.native_rounded.columns)


def test_the_fold_scores_in_the_container_are_the_same(both: Both) -> None:
    for mine, native in zip(both.rounded_folds, both.native_folds, strict=True):
        theirs = native["scores"].round(4)
        pd.testing.assert_frame_equal(mine["scores"], theirs, atol=1.01e-4, rtol=0)
        assert mine["cv"] is native["cv"]
        assert str(mine["model"]) == str(native["model"])
