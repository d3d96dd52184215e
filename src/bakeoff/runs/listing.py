"""All runs, as their tables and their folders tell: also those that were cut off before the tables knew of them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.storage.claims import EXPIRES_SECONDS
from bakeoff.storage.lease import Holder, holder_of
from bakeoff.storage.location import run_folder
from bakeoff.storage.rows import RunRecord
from bakeoff.storage.run_file import run_files
from bakeoff.storage.schema import INTERRUPTED
from bakeoff.storage.tables import exists, frame

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import SparkSession

    from bakeoff.storage.location import ResultsLocation

_SHOWN = (
    "run_id", "started_at", "status", "source", "target", "n_models", "n_failed", "best_model_id", "best_value",
    "primary_metric", "seconds",
)  # fmt: skip


def list_runs(spark: SparkSession, tables: ResultsLocation, home: Path) -> pd.DataFrame:
    """One row for each run, the newest first.

    One that says that it is running, and has no process any more that works on it, is shown as interrupted.
    """
    import pandas as pd

    rows: dict[str, dict[str, Any]] = {run.run_id: _of_file(run) for run in run_files(home) if _is_in(run, tables)}
    if exists(spark, tables, "runs"):
        rows |= {row["run_id"]: row for row in (each.asDict() for each in frame(spark, tables, "runs").collect())}
    elif not rows:
        frame(spark, tables, "runs")  # says that there are none
    shown = [{**row, "status": _status(row, tables, home)} for row in rows.values()]
    found = pd.DataFrame(shown, columns=[*_SHOWN[:-1], "wall_seconds"]).rename(columns={"wall_seconds": "seconds"})
    found["started_at"] = pd.to_datetime(found["started_at"])
    for column, digits in (("best_value", 4), ("seconds", 1)):
        found[column] = found[column].astype(float).round(digits)
    return found.sort_values("started_at", ascending=False, na_position="last", ignore_index=True)


def _of_file(run: RunRecord) -> dict[str, Any]:
    """Build a row as Spark hands it out, whose times have the zone of this machine."""
    import datetime as dt

    started = None if run.started_at is None else dt.datetime.fromtimestamp(run.started_at)  # noqa: DTZ006 - see above
    return {**asdict(run), "started_at": started}


def _is_in(run: RunRecord, tables: ResultsLocation) -> bool:
    asked = json.loads(run.config or "{}")
    return (asked.get("catalog"), asked.get("schema")) == (tables.catalog, tables.schema)


def _status(row: Mapping[str, Any], tables: ResultsLocation, home: Path) -> str:
    """How a run stands: its row is as old as its last commit, and a process that was killed wrote none."""
    if row["status"] != "running" or holder_of(run_folder(home, row["run_id"])) is not None:
        return str(row["status"])
    holder = Holder.from_json(row.get("holder"))
    if tables.in_metastore and (holder is None or _has_beaten(row, holder)):
        return str(row["status"])  # of an earlier version, which tells nothing, or of another machine
    return INTERRUPTED


def _has_beaten(row: Mapping[str, Any], holder: Holder) -> bool:
    if holder.is_here:
        return holder.is_alive()
    beat = row.get("heartbeat_at")
    return beat is not None and time.time() - beat.timestamp() < EXPIRES_SECONDS
