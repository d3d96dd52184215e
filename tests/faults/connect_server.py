"""Comparisons on Spark Connect whose server is killed: ``python connect_server.py STEP FOLDER``.

Each step is a process of its own: one that has held a Connect session gives no classic one any more, and none at all
when the session's server is dead.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bakeoff import FugueBackend, RunConfig, run
from bakeoff.comparison.events import Event, TrialDone
from bakeoff.comparison.run_control import RunControl
from bakeoff.errors import EngineLostError
from bakeoff.storage.journal import Journal, read_folder
from support.connect_session import kill_server, start_connect
from support.datasets import breast_cancer, experiment
from support.trial_stores import MemoryStore

MODELS = ["nb", "rf", "et", "ada", "gbc", "lightgbm"]
COPIES = 6
"""So many columns make the models dear: what is left takes longer than it takes to notice that the server is gone."""
N_FOLDS, KILLED_AFTER = 7, 5
N_TRIALS = len(MODELS) * N_FOLDS


def table() -> pd.DataFrame:
    """A table with many columns: those of a small one again and again, with noise."""
    frame, noise = breast_cancer(), np.random.default_rng(0)
    features = frame.drop(columns="target")
    copies = [features * noise.normal(1, 0.05, features.shape) for _ in range(COPIES)]
    return pd.concat([each.add_suffix(f"_{n}") for n, each in enumerate(copies)], axis=1).assign(target=frame["target"])


class Kills:
    """Kills the server after some trials."""

    def __init__(self) -> None:
        self.n_done = 0
        self.at = 0.0

    def handle(self, event: Event) -> None:
        self.n_done += isinstance(event, TrialDone)
        if self.n_done == KILLED_AFTER and not self.at:
            self.at = time.monotonic()
            kill_server()


def journal_of(folder: Path, run_id: str) -> Path:
    return folder / "home" / "runs" / run_id / "journal"


def written(folder: Path, run_id: str) -> dict[str, Any]:
    """When each trial ended by the run's journal, and how often the trial is in there that is in there most often."""
    outcomes = read_folder(journal_of(folder, run_id))
    lines = Counter(o.trial for part in Journal(journal_of(folder, run_id)).segments() for o in part.outcomes)
    ended = {f"{o.trial.model_id} {o.trial.fold}": o.finished_at for o in outcomes}
    return {"ended": ended, "most_lines": max(lines.values(), default=0)}


def compare(spark: Any, folder: Path, run_id: str, kills: Kills | None = None) -> dict[str, Any]:
    """Compare models as a notebook does, keeping what is finished, and going on with what was."""
    exp = experiment(table(), "target", fold=N_FOLDS)
    done = read_folder(journal_of(folder, run_id))
    journal = Journal(journal_of(folder, run_id))
    listeners = [kills] if kills else []
    store = MemoryStore(done, record=journal.append)
    backend = FugueBackend.with_store(store, RunControl(), engine=spark, listeners=listeners, driver_trials=False)
    said = ""
    try:
        exp.compare_models(MODELS, parallel=backend, verbose=False)
    except EngineLostError as error:
        said = str(error)
    journal.close_segment()
    shown = exp.pull().drop(columns="TT (Sec)").reset_index().to_dict("records")
    statuses = sorted(set(backend.trials["status"]))
    return {"said": said, "statuses": statuses, "ranking": shown, **written(folder, run_id)}


def job(spark: Any, folder: Path, run_id: str, kills: Kills | None = None) -> dict[str, Any]:
    """Run the job, which fits models on the driver and needs the server for its tables."""
    source = folder / "cancer.csv"
    table().to_csv(source, index=False)
    asked = RunConfig(
        str(source), "target", include=MODELS, fold=N_FOLDS, home=folder / "home", run_id=run_id, engine="native"
    )
    told: list[str] = []
    try:
        run(asked, spark, told.append, [kills] if kills else [])
    except EngineLostError as error:
        return {"said": str(error), **written(folder, run_id)}
    tables = folder / "home" / "tables"
    mine = {
        name: spark.read.format("delta").load(str(tables / name)).where(f"run_id = '{run_id}'")
        for name in ("leaderboard", "trials", "runs")
    }
    ranking = [
        (
            row.rank,
            row.model_id,
            row.status,
            row.primary_value,
            without_seconds(row.metrics),
            without_seconds(row.metrics_std),
        )
        for row in mine["leaderboard"].orderBy("rank").collect()
    ]
    (row,) = mine["runs"].collect()
    return {
        "told": told,
        "status": row.status,
        "ranking": ranking,
        "rows": mine["trials"].count(),
        "keys": mine["trials"].select("model_id", "fold").distinct().count(),
        **written(folder, run_id),
    }


def without_seconds(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if name != "tt_sec"}


DOES: dict[str, Callable[..., dict[str, Any]]] = {"compare": compare, "job": job}


def main(step: str, folder: Path) -> None:
    """Kill the server in the middle, or go on and do the same undisturbed; print what became of it as JSON."""
    what, _, again = step.partition("-")
    spark = start_connect(folder)
    if again:
        seen = {run_id: DOES[what](spark, folder, run_id) for run_id in ("struck", "whole")}
    else:
        kills = Kills()
        seen = DOES[what](spark, folder, "struck", kills)
        seen["seconds"] = time.monotonic() - kills.at
    # Connect's rows and PyCaret's table hold numbers of numpy's.
    print(json.dumps(seen, default=lambda number: number.item()), flush=True)  # noqa: T201 - a program talks
    os._exit(0)  # and does not wait for calls to a server that is gone


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
