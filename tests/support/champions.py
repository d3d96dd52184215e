"""A real model in the registry of a home, as a run leaves it there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from support.datasets import experiment, mixed

NAME, RUN_ID = "answers", "20260131-120000-a1b2c3"


class Champion(NamedTuple):
    """A registered model and the rows that it learned from, target included."""

    home: Path
    pipeline: Any
    rows: pd.DataFrame


def log_champion(home: Path) -> Champion:
    """Fit a model on numbers with gaps, whole numbers, categories, text and dates; make it champion of a new home."""
    from bakeoff.pycaret3.experiment import training_rows
    from bakeoff.pycaret3.restore import final_pipeline
    from bakeoff.tracking import client as store
    from bakeoff.tracking.entities import KIND_TAG, RUN_KIND, RUN_TAG
    from bakeoff.tracking.registry import CandidateScore, Terms, promote
    from support.logged_models import log_best_model

    rows = mixed(150)
    rows.loc[::9, "colour"] = None
    fitted = experiment(rows, "answer")
    pipeline = final_pipeline(fitted, fitted.create_model("lr", verbose=False))
    client = store.make_client(home)
    experiment_id = client.create_experiment("bakeoff", store.experiment_location(home))
    run = client.create_run(experiment_id, tags={RUN_TAG: RUN_ID, KIND_TAG: RUN_KIND})
    raw = training_rows(fitted, rows, "answer")
    best = log_best_model(client, run.info.run_id, pipeline, raw, model_id="lr", registered_model_name=NAME)
    assert best.registered is not None
    promote(client, *best.registered, CandidateScore("auc", 0.8, True, "answer", {"run_id": RUN_ID}), Terms())  # noqa: FBT003
    client.set_terminated(run.info.run_id)
    return Champion(home, pipeline, rows)
