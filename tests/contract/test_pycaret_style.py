"""The way PyCaret's own suite tests its backend works unchanged with this one, in both of PyCaret's APIs."""

from __future__ import annotations

from typing import Any

import numpy as np

from bakeoff import FugueBackend
from support.datasets import QUIET, airline, tips, wine


def score_func(y: Any, prediction: Any, **kwargs: Any) -> float:
    return float(np.mean(np.asarray(y) == np.asarray(prediction)))


def test_classification(engine: Any) -> None:
    import pycaret.classification as pc

    pc.setup(data=wine(), target="target", **{**QUIET, "fold": 2})
    pc.add_metric("mine", "Mine", score_func)
    lr = pc.create_model("lr", verbose=False)
    top = pc.compare_models(
        include=["nb", "dt", lr], n_select=2, sort="Mine", parallel=FugueBackend(engine), verbose=False
    )
    assert len(top) == 2
    assert pc.pull()["Mine"].is_monotonic_decreasing
    assert pc.pull().columns[-2] == "Mine"
    pc.compare_models(n_select=2, include=["nb", "dt"], parallel=FugueBackend(engine, batch_size=2), verbose=False)
    assert len(pc.pull()) == 2
    assert pc.models().shape[0] > 0


def test_regression(engine: Any) -> None:
    import pycaret.regression as pr

    pr.setup(data=tips(), target="tip", **{**QUIET, "fold": 2})
    pr.add_metric(
        "mine", "Mine", lambda y, prediction, **_: float(np.mean(np.abs(y - prediction))), greater_is_better=False
    )
    dt = pr.tune_model(pr.create_model("dt", verbose=False), n_iter=1, verbose=False, tuner_verbose=False)
    top = pr.compare_models(include=["lr", dt], n_select=2, sort="MAE", parallel=FugueBackend(engine), verbose=False)
    assert len(top) == 2
    assert list(pr.pull()["MAE"]) == sorted(pr.pull()["MAE"])
    assert list(pr.pull()["Mine"]) == list(pr.pull()["MAE"])


def test_time_series(engine: Any) -> None:
    import pycaret.time_series as pt

    quiet = {name: value for name, value in QUIET.items() if name != "memory"}
    pt.setup(data=airline(), fh=6, fold=2, **quiet)
    best = pt.create_model("naive", verbose=False)
    top = pt.compare_models(
        include=["snaive", "polytrend", best], n_select=3, parallel=FugueBackend(engine, top_only=True), verbose=False
    )
    assert len(top) == 3
    assert list(pt.pull()["MASE"].astype(float)) == sorted(pt.pull()["MASE"].astype(float))
