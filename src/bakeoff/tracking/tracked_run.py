"""The place of a run in MLflow."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass


@dataclass(frozen=True)
class TrackedRun:
    """The place where a run is logged.

    Attributes:
        experiment_id: MLflow's id of the experiment.
        mlflow_run_id: MLflow's id of the parent run.
        url: address of the run's page, if the server has one.
        reused: whether an earlier attempt of the run created it.
    """

    experiment_id: str
    mlflow_run_id: str
    url: str | None = None
    reused: bool = False


def page_of(tracking_uri: str, experiment_id: str, run_id: str) -> str | None:
    """Return the address of the run's page, as far as it is known without a call; ``None`` if it is not."""
    if tracking_uri.startswith("http"):
        return f"{tracking_uri.rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"
    if not tracking_uri.startswith("databricks"):
        return None
    host = os.environ.get("DATABRICKS_HOST")
    with contextlib.suppress(Exception):  # a link is not worth an error
        from mlflow.utils.databricks_utils import get_workspace_url

        host = get_workspace_url() or host
    return f"{host.rstrip('/')}/ml/experiments/{experiment_id}/runs/{run_id}" if host else None
