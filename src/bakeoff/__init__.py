"""Bakeoff compares every model family that PyCaret knows on one table, on the Spark cluster you already have.

`FugueBackend` is the entry point for PyCaret code, `run` runs the whole job, `results` reads the results of a finished
run, `score` applies its model to a table, and `warm_up` gets the workers of a cluster ready while your own code still
prepares the table. They are imported on first use, so that ``import bakeoff`` stays quick and loads neither PyCaret,
nor MLflow, nor PySpark.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bakeoff.config import RunConfig
    from bakeoff.execution.warm_up import warm_up
    from bakeoff.fugue_backend import FugueBackend
    from bakeoff.job.main import run
    from bakeoff.runs.results import results
    from bakeoff.scoring.api import score

__version__ = "0.1.0"
__all__ = ["FugueBackend", "RunConfig", "__version__", "results", "run", "score", "warm_up"]

_MODULE_OF = {
    "FugueBackend": "bakeoff.fugue_backend",
    "RunConfig": "bakeoff.config",
    "results": "bakeoff.runs.results",
    "run": "bakeoff.job.main",
    "score": "bakeoff.scoring.api",
    "warm_up": "bakeoff.execution.warm_up",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'bakeoff' has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)
