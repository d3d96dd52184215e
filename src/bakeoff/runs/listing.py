"""All runs, as their tables and their folders tell: also those that were cut off before the tables knew of them."""

from __future__ import annotations

import datetime as dt
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.storage.claims import EXPIRES_SECONDS
from bakeoff.storage.lease import Holder, holder_of
from bakeoff.storage.location import ResultsLocation, run_folder
from bakeoff.storage.result_tables import ResultReader
from bakeoff.storage.rows import RunRecord
from bakeoff.storage.run_file import run_files
from bakeoff.storage.run_status import RunStatus

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = (
    "run_id", "started_at", "status", "source", "target", "n_models", "n_failed", "best_model_id", "best_value",
    "primary_metric", "seconds",
)  # fmt: skip


def list_runs(tables: ResultReader, home: Path) -> pd.DataFrame:
    """Return one row for each run, the newest first, with times in the zone of this machine.

    One that says that it is running, and has no process any more that works on it, is shown as interrupted.

    Raises:
        TablesError: there are neither tables nor folders of runs.
    """
    import pandas as pd

    runs = {run.run_id: run for run in run_files(home) if _is_in(run, tables.location)}
    if not runs:
        tables.require()
    runs |= {run.run_id: run for run in tables.runs()}
    shown = [_row(run, _status(run, tables.location, home)) for run in runs.values()]
    found = pd.DataFrame(shown, columns=[*_SHOWN[:-1], "wall_seconds"]).rename(columns={"wall_seconds": "seconds"})
    found["started_at"] = pd.to_datetime(found["started_at"])
    for column in ("n_models", "n_failed"):  # a run that was cut off has none yet
        found[column] = found[column].astype("Int64")
    for column, digits in (("best_value", 4), ("seconds", 1)):
        found[column] = found[column].astype(float).round(digits)
    return found.sort_values("started_at", ascending=False, na_position="last", ignore_index=True)


def _row(run: RunRecord, status: str) -> dict[str, Any]:
    """Return the row of a run with its status, and with its start as a time of this machine's zone."""
    started = None if run.started_at is None else dt.datetime.fromtimestamp(run.started_at)  # noqa: DTZ006 - see above
    return {**asdict(run), "started_at": started, "status": str(status)}


def _is_in(run: RunRecord, location: ResultsLocation) -> bool:
    asked = json.loads(run.config or "{}")
    return (asked.get("catalog"), asked.get("schema")) == (location.catalog, location.schema)


def _status(run: RunRecord, location: ResultsLocation, home: Path) -> str:
    """Return the status of a run: a row is as old as its last commit, and a process that was killed wrote none."""
    if run.status != RunStatus.RUNNING or holder_of(run_folder(home, run.run_id)) is not None:
        return run.status
    holder = Holder.from_json(run.holder)
    if location.in_metastore and (holder is None or _has_beaten(run, holder)):
        return run.status  # of an earlier version, which tells nothing, or of another machine
    return RunStatus.INTERRUPTED


def _has_beaten(run: RunRecord, holder: Holder) -> bool:
    if holder.is_here:
        return holder.is_alive()
    return run.heartbeat_at is not None and time.time() - run.heartbeat_at < EXPIRES_SECONDS
