"""Importing PyCaret without what a run does not use, in processes of Bakeoff's own only."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.slow

PROGRAM = """
import json, os, sys
os.environ["PYCARET_CUSTOM_LOGGING_PATH"] = os.devnull
from bakeoff._utils.own_process import claim_process
if {own}:
    claim_process()
from bakeoff.pycaret3.experiment import set_up
import numpy as np
import pandas as pd

draw = np.random.default_rng(0)
frame = pd.DataFrame({{"a": draw.normal(size=120), "b": draw.choice(["x", "y"], 120), "y": draw.integers(0, 2, 120)}})
experiment = set_up("classification", frame, "y", seed=1)
experiment.compare_models(include=["lr", "lightgbm", "dt"], verbose=False, n_select=1)
loaded = [name for name in ("mlflow", "dask", "ipywidgets") if name in sys.modules]
import mlflow, dask  # what was hidden is there afterwards
from pycaret.utils._show_versions import get_module_version_str
print(json.dumps({{
    "grid": experiment.pull().drop(columns="TT (Sec)").to_json(), "loaded": loaded, "mlflow": mlflow.__version__,
    "hidden": [name for name, module in sys.modules.items() if module is None and name in ("mlflow", "dask")],
    "versions": [get_module_version_str(name) for name in ("pandas", "scikit-learn", "nothing-like-it")],
}}))
"""


def told(*, own: bool) -> dict[str, Any]:
    """Return what a process tells that has set an experiment up and compared models."""
    code = PROGRAM.format(own=own)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_a_process_of_our_own_imports_less_and_finds_the_same() -> None:
    ours, usual = told(own=True), told(own=False)
    assert ours.pop("loaded") == []
    assert "mlflow" in usual.pop("loaded")  # in a process of the user's, PyCaret is imported whole
    assert ours == usual
    assert ours["hidden"] == []
