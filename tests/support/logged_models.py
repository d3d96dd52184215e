"""Models that are logged in one call, as a run does step by step."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.tracking import MlflowClient

from bakeoff.tracking.logged_model import BestModel, save_best_model, upload_best_model
from bakeoff.tracking.registry import register_version


def log_best_model(
    client: MlflowClient,
    run_id: str,
    pipeline: Any,
    raw_rows: pd.DataFrame,
    *,
    model_id: str,
    task: str = "classification",
    registered_model_name: str | None = None,
) -> BestModel:
    """Log a fitted PyCaret pipeline on a run, by `save_best_model` and `upload_best_model`, and register it if named.

    Args:
        client: client of the tracking server.
        run_id: the MLflow run that the model belongs to.
        pipeline: the pipeline, which takes raw input columns.
        raw_rows: training rows as read from the source, without the target.
        model_id: PyCaret's id of the model.
        task: ``classification``, ``regression`` or ``time_series``.
        registered_model_name: name to register the model under; not registered if it is ``None``.
    """
    with tempfile.TemporaryDirectory(prefix="bakeoff-model-") as folder:
        files = Path(folder, "model")
        save_best_model(files, pipeline, raw_rows, task=task)
        best = upload_best_model(client, run_id, files, model_id=model_id, task=task)
    if registered_model_name:
        best = replace(best, registered=register_version(client, run_id, best, registered_model_name))
    return best
