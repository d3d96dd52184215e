"""Addresses of MLflow, found without loading it: commands that only show results need no more."""

from __future__ import annotations

import os
from pathlib import Path

from bakeoff.tracking.database import LOCAL_FILE


def database_file(home: Path) -> Path:
    """Return the SQLite file under ``home``."""
    return home.absolute() / LOCAL_FILE


def local_tracking_uri(home: Path) -> str:
    """Return the tracking URI of the SQLite file under ``home``.

    Example:
        >>> local_tracking_uri(Path("/data/bakeoff"))
        'sqlite:////data/bakeoff/mlflow.db'
    """
    return f"sqlite:///{database_file(home).as_posix()}"


def named_by_environment() -> bool:
    """Whether the environment says which MLflow to use: on Databricks, or where a tracking URI is set."""
    return bool(os.environ.get("DATABRICKS_RUNTIME_VERSION") or os.environ.get("MLFLOW_TRACKING_URI"))


def uri_to_set(home: Path) -> str | None:
    """Return the URI for ``mlflow.set_tracking_uri`` to find these runs; ``None`` if the environment names it."""
    return None if named_by_environment() else local_tracking_uri(home)
