"""What a run was made with: package versions and the commit of the code around it."""

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
    "fugue",
    "mlflow",
    "pandas",
    "numpy",
    "scikit-learn",
    "lightgbm",
    "sktime",
)
_GIT_SECONDS = 5.0


def versions() -> dict[str, str]:
    """Python's version and that of every package that can change a result, where it is installed.

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
    """The commit of the folder that the job runs in: ``BAKEOFF_GIT_COMMIT`` if set, else what git says, if anything."""
    told = os.environ.get("BAKEOFF_GIT_COMMIT")
    if told:
        return told
    command = ["git", "rev-parse", "HEAD"]
    with suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_SECONDS, check=True)  # noqa: S603
        return said.stdout.strip() or None
    return None
