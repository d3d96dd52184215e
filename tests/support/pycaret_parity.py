"""The same comparison twice: by plain PyCaret, and through the backend."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partialmethod
from typing import Any
from unittest.mock import patch

import pandas as pd
from threadpoolctl import threadpool_limits

from bakeoff import FugueBackend
from bakeoff.comparison.run_control import RunControl
from bakeoff.comparison.trial_store import NullStore
from support.datasets import SHARED

TT = "TT (Sec)"


@dataclass(frozen=True)
class Compared:
    """What a comparison left behind."""

    models: Any
    grid: pd.DataFrame
    container: list[Any]
    backend: Any = None

    @property
    def scores(self) -> pd.DataFrame:
        """The score grid without the times, which no two runs share."""
        return self.grid.drop(columns=TT)


_KNOWN: dict[Any, Compared] = {}


def native(experiment: Any, include: Any = None, /, **arguments: Any) -> Compared:
    """Plain PyCaret, at one thread; what it said of an experiment that tests share is asked only once."""
    if not any(experiment is each for each in SHARED):
        return native_again(experiment, include, **arguments)
    question = (id(experiment), repr(include), repr(sorted(arguments.items())), tuple(experiment._all_metrics))
    if question not in _KNOWN:
        _KNOWN[question] = native_again(experiment, include, **arguments)
    return _KNOWN[question]


def native_again(experiment: Any, include: Any = None, /, **arguments: Any) -> Compared:
    """Plain PyCaret, which leaves the experiment as after its comparison.

    Here a warning is an error, and plain PyCaret would take a model that warns for one that fails. And its ties fall as
    numpy's default sort lets them, which on CPUs with AVX-512 is not stable: with a stable sort they keep the order in
    which the models were given.
    """
    stable = partialmethod(pd.DataFrame.sort_values, kind="stable")
    with threadpool_limits(1), warnings.catch_warnings(), patch.object(pd.DataFrame, "sort_values", stable):
        warnings.simplefilter("ignore")
        return _compare(lambda: experiment.compare_models(include, verbose=False, **arguments), experiment)


def through(
    engine: Any, experiment: Any, include: Any = None, /, *, options: Any = None, store: Any = None, **arguments: Any
) -> Compared:
    """The same through the backend; ``options`` are the backend's own, and ``store`` keeps its outcomes."""
    backend = FugueBackend.with_store(store or NullStore(), RunControl(), engine=engine, **(options or {}))
    call: Callable[[], Any] = lambda: experiment.compare_models(  # noqa: E731
        include, parallel=backend, verbose=False, **arguments
    )
    return _compare(call, experiment, backend)


def same_scores(mine: Compared, plain: Compared) -> None:
    """Columns, index, order and rounded values are the same."""
    pd.testing.assert_frame_equal(mine.scores, plain.scores, check_exact=True)
    assert list(mine.grid.columns) == list(plain.grid.columns)
    assert len(mine.container) == len(plain.container)
    for one, other in zip(mine.container, plain.container, strict=True):
        # PyCaret rounds folds to four decimals after it took their mean; so do we.
        pd.testing.assert_frame_equal(one["scores"], other["scores"], check_dtype=False, atol=1.01e-4, rtol=0)
        assert str(one["model"]) == str(other["model"])


def _compare(call: Callable[[], Any], experiment: Any, backend: Any = None) -> Compared:
    experiment._master_model_container.clear()
    models = call()
    return Compared(models, experiment.pull(), list(experiment._master_model_container), backend)
