"""The platform that this process runs on."""

from __future__ import annotations

import os


def on_databricks() -> bool:
    """Whether this process runs on a Databricks cluster."""
    return "DATABRICKS_RUNTIME_VERSION" in os.environ


def usable_cores() -> int:
    """Return the number of cores that this process may use; in a container it can be less than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
