"""Import of what every worker process needs, before its first task."""

from __future__ import annotations

import contextlib
import importlib

from bakeoff._utils.own_process import uncollected
from bakeoff.pycaret3.lean_import import import_lean

_MODULES = (
    "bakeoff.pycaret3.runners.tabular",  # PyCaret itself, and most of the time
    "pycaret.internal.preprocess.transformers",
    "pycaret.internal.metrics",
    "category_encoders",
    "sklearn.discriminant_analysis",
    "sklearn.dummy",
    "sklearn.ensemble",
    "sklearn.naive_bayes",
    "sklearn.neighbors",
    "lightgbm.sklearn",
)


def preload() -> None:
    """Import PyCaret's pipelines and scorers and the common models; modules that are not installed are skipped."""
    import_lean()
    with uncollected():
        for name in _MODULES:
            with contextlib.suppress(Exception):
                importlib.import_module(name)
