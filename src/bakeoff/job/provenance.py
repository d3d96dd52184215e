"""Provenance of a run: package versions and the commit of the code that runs it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from contextlib import suppress

PACKAGES = (
    "bakeoff",
    "pycaret-core",
    "pycaret",
    "pyspark",
    "delta-spark",
    "deltalake",
    "duckdb",
    "fugue",
    "mlflow",
    "mlflow-skinny",
    "pandas",
    "numpy",
    "scikit-learn",
    "lightgbm",
    "sktime",
    "optuna",
)
_GIT_SECONDS = 5.0


def versions() -> dict[str, str]:
    """Return the versions of Python and of every installed package that can change a result.

    Example:
        >>> "python" in versions()
        True
    """
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def git_commit() -> str | None:
    """Return the commit of the code: ``BAKEOFF_GIT_COMMIT`` if set, else git's of the working directory, if any."""
    given = os.environ.get("BAKEOFF_GIT_COMMIT")
    if given:
        return given
    command = ["git", "rev-parse", "HEAD"]
    with suppress(OSError, subprocess.SubprocessError):
        process = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_SECONDS, check=True)  # noqa: S603
        return process.stdout.strip() or None
    return None
