"""The command that sends results to MLflow that it lacks."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from bakeoff.cli.common import CATALOG, HOME, SCHEMA, examples, say_next, tell


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

    from bakeoff.storage.location import ResultsLocation
    from bakeoff.storage.open_results import open_tables
    from bakeoff.tracking.sync import SyncSession

    location = ResultsLocation.at(home, catalog, schema)
    with Console(stderr=True).status("Looking for what MLflow lacks") as status:
        SyncSession(home, location, partial(open_tables, home=home), tell, status.update).sync(run_id)
    say_next(location, home, "bakeoff ui" if (home / "mlflow.db").exists() else "bakeoff runs")
