"""The command that sends results to MLflow that it lacks."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bakeoff.cli.common import CATALOG, HOME, SCHEMA, examples, say_next, tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bakeoff.storage.location import ResultsLocation
    from bakeoff.storage.spark_tables import SparkTables


@click.command(epilog=examples("bakeoff sync", "bakeoff sync 20260131-120000-a1b2c3"))
@click.argument("run_id", required=False)
@HOME
@CATALOG
@SCHEMA
def sync(run_id: str | None, home: Path, catalog: str | None, schema: str | None) -> None:
    """Send to MLflow what it lacks of runs that went on without it; of all runs when none is named.

    Doing it again changes nothing. Runs that have ended and still show as running are ended, too.
    """
    from rich.console import Console

    from bakeoff.spark.session import open_session
    from bakeoff.storage.location import ResultsLocation
    from bakeoff.storage.spark_tables import SparkTables
    from bakeoff.tracking.sync import SyncSession

    @contextmanager
    def open_tables(location: ResultsLocation) -> Iterator[SparkTables]:
        with open_session(None, home) as (session, _):
            yield SparkTables(session, location)

    location = ResultsLocation.at(home, catalog, schema)
    with Console(stderr=True).status("Looking for what MLflow lacks") as status:
        SyncSession(home, location, open_tables, tell, status.update).sync(run_id)
    say_next(location, home, "bakeoff ui" if (home / "mlflow.db").exists() else "bakeoff runs")
