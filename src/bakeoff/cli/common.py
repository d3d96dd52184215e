"""What the commands have in common: options, JSON, a session on the tables, what to type next."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bakeoff._utils.redaction import redact_text
from bakeoff.errors import BakeoffError, EngineLostError, RunInterruptedError, StorageError, StorageLostError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from bakeoff.storage.location import ResultsLocation

HOME = click.option(
    "--home",
    type=click.Path(path_type=Path),
    default=Path(".bakeoff"),
    show_default=True,
    help="Folder for local tables, MLflow's database and artifacts.",
)
CATALOG = click.option("--catalog", help="Catalog of the tables, in a metastore.")
SCHEMA = click.option("--schema", help="Schema of the tables, in a metastore; without it they are under --home.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and all else to stderr.")
OPEN = click.option("--open", "open_it", is_flag=True, help="Open it in the browser.")


def loudness(command: Any) -> Any:
    """The options that say how much is said."""
    for option in (
        click.option("-v", "--verbose", count=True, help="Say more (-vv: everything that is logged)."),
        click.option("-q", "--quiet", is_flag=True, help="Say nothing but the result."),
        JSON,
    ):
        command = option(command)
    return command


def examples(*lines: str) -> str:
    """Examples below a command's help, which click leaves as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


@contextmanager
def answering(*, as_json: bool) -> Iterator[None]:
    """Where JSON was asked for, what went wrong is JSON too."""
    try:
        yield
    except BakeoffError as error:
        if as_json:
            lost = isinstance(error, EngineLostError | StorageLostError)
            status = "killed" if isinstance(error, RunInterruptedError) else "interrupted" if lost else "failed"
            print_json({"status": status, "error": redact_text(str(error))})
        raise


def require_results(home: Path, schema: str | None) -> None:
    """Say at once, and not only when Spark is there, where no run has been.

    Raises:
        UserError: there are no local tables, and none in a metastore were named.
    """
    from bakeoff.storage.location import ResultsLocation
    from bakeoff.storage.table_errors import check_logs

    if schema:
        return
    tables = ResultsLocation.at(home)
    assert tables.path is not None  # noqa: S101 - without a schema they are in a folder
    if not os.path.lexists(tables.path):
        if os.path.lexists(home) and not os.access(home, os.R_OK | os.X_OK):
            raise StorageError(f"The home {home} cannot be read by this user: ask for the right to.")
        if any((home / "runs").glob("*/run.json")):
            return  # it was cut off before there were tables
        raise UserError(f"There are no results in {home} yet: run `bakeoff demo`, or name another --home.")
    check_logs(tables)


def tell(*lines: str, err: bool = False) -> None:
    """Print lines for a person."""
    from rich.console import Console

    from bakeoff.cli.formatting import print_lines

    print_lines(Console(highlight=False, stderr=err), lines)


def print_json(told: dict[str, Any]) -> None:
    """Print an object as JSON on stdout."""
    click.echo(json.dumps(told, indent=2))


@contextmanager
def results_of(home: Path, catalog: str | None, schema: str | None) -> Iterator[tuple[SparkSession, ResultsLocation]]:
    """A session in which the tables and views of earlier runs have their plain names."""
    from rich.console import Console

    from bakeoff.spark.session import open_session
    from bakeoff.storage.location import ResultsLocation
    from bakeoff.storage.table_errors import naming_broken_tables
    from bakeoff.storage.tables import exists, register_views

    require_results(home, schema)
    target = ResultsLocation.at(home, catalog, schema)
    with ExitStack() as stack:
        with Console(stderr=True).status("Starting Spark"):
            spark, owned = stack.enter_context(open_session(None, home))
        with naming_broken_tables(target):
            if owned and exists(spark, target, "runs"):
                register_views(spark, target)
            yield spark, target


def show(frame: Any) -> None:
    """Print a data frame as a table."""
    from rich.console import Console

    from bakeoff.cli.formatting import print_frame

    print_frame(Console(highlight=False), frame)


def say_next(tables: ResultsLocation, home: Path, *commands: str) -> None:
    """Say what can be typed next, with the options that lead to the same tables."""
    from bakeoff.storage.location import home_option, place_options

    click.echo("\nNext:")
    for command in commands:
        where = home_option(home) if command == "bakeoff ui" else place_options(tables, home)
        click.echo(f"  {command}{where}")
