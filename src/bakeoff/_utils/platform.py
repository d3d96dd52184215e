"""The platform that this process runs on."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from bakeoff.errors import ConfigError


def on_databricks() -> bool:
    """Whether this process runs on a Databricks cluster."""
    return "DATABRICKS_RUNTIME_VERSION" in os.environ


def on_serverless() -> bool:
    """Whether this process is the driver of serverless compute, by the version of its runtime, as MLflow tells it."""
    named = os.environ.get("DATABRICKS_RUNTIME_VERSION", "").startswith("client.")
    return named or "DATABRICKS_ENV_VERSION" in os.environ


def sandbox_session() -> str | None:
    """Return the id of the session whose sandbox this worker runs in; ``None`` if it runs in none.

    Standard and serverless compute of Databricks have sandboxes, which may hold little: on serverless compute their
    disk counts like their memory.
    """
    return os.environ.get("DB_SESSION_UUID")


def usable_cores() -> int:
    """Return the number of cores that this process may use; in a container it can be less than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_installed(package: str) -> bool:
    """Whether a package can be imported, by what is installed; nothing is imported.

    Example:
        >>> is_installed("pandas"), is_installed("no_such_package")
        (True, False)
    """
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def expanded(path: str | Path, option: str) -> Path:
    """Return a path with the home folder that it names at its beginning, as in ``~/data``.

    Args:
        path: the path.
        option: option that it was given with.

    Raises:
        ConfigError: it names the home folder of a user who has none.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ConfigError(
            f"{option} {path} names the home folder of a user who has none: give the whole path."
        ) from error
