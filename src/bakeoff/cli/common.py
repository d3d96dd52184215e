"""Shared parts of the commands: options, JSON output, a session on the tables, the commands to type next."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bakeoff._utils.platform import expanded
from bakeoff._utils.redaction import redact_text
from bakeoff.cli.program import as_typed
from bakeoff.errors import BakeoffError, RunNotFoundError, StorageError
from bakeoff.storage.run_status import RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bakeoff.storage.location import ResultsLocation
    from bakeoff.storage.result_tables import ResultReader

HOME = click.option(
    "--home",
    type=click.Path(path_type=Path),
    default=Path(".bakeoff"),
    callback=lambda _context, _option, home: expanded(home, "--home"),
    show_default=True,
    help="Folder for local tables, MLflow's database and artifacts.",
)
CATALOG = click.option("--catalog", help="Catalog of the tables, in a metastore.")
SCHEMA = click.option("--schema", help="Schema of the tables, in a metastore; without it they are under --home.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and all else to stderr.")
OPEN = click.option("--open", "open_it", is_flag=True, help="Open it in the browser.")


def text_file_options(command: Any) -> Any:
    """Add the options that say how a text file is written, as `RunConfig` has them."""
    for option in (
        click.option(
            "--header", help="yes, no, or the number of the line with its columns' names. [default: by the file]"
        ),
        click.option("--encoding", help="Its encoding, such as cp1252. [default: by the file]"),
        click.option("--decimal", help="Its decimal mark, ',' or '.'. [default: by the file]"),
        click.option("--sep", help="Separator of a text file: a character, or tab, blank. [default: by the file]"),
    ):
        command = option(command)
    return command


def loudness(command: Any) -> Any:
    """Add the options for verbosity and JSON to a command."""
    for option in (
        click.option("-v", "--verbose", count=True, help="Say more (-vv: everything that is logged)."),
        click.option("-q", "--quiet", is_flag=True, help="Say nothing but the result."),
        JSON,
    ):
        command = option(command)
    return command


def examples(*lines: str) -> str:
    """Format examples for the end of a command's help, which click does not rewrap."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


@contextmanager
def answering(*, as_json: bool) -> Iterator[None]:
    """Print an error as JSON, too, if JSON was asked for; the error is raised in either case."""
    try:
        yield
    except BakeoffError as error:
        if as_json:
            print_json({"status": str(RunStatus.of_error(error)), "error": redact_text(str(error))})
        raise


def require_results(home: Path, schema: str | None) -> None:
    """Check that there are results, before Spark is started.

    Raises:
        RunNotFoundError: There are no local tables, and no schema in a metastore was named.
        StorageError: The home cannot be read.
    """
    from bakeoff.storage.location import ResultsLocation

    if schema:
        return
    tables = ResultsLocation.at(home)
    assert tables.path is not None  # noqa: S101 - without a schema they are in a folder
    if not os.path.lexists(tables.path):
        if os.path.lexists(home) and not os.access(home, os.R_OK | os.X_OK):
            raise StorageError(f"The home {home} cannot be read by this user: ask for the right to.")
        if any((home / "runs").glob("*/run.json")):
            return  # the run was cut off before it made tables
        raise RunNotFoundError(f"There are no results in {home} yet: run `bakeoff demo`, or name another --home.")


def tell(*lines: str, err: bool = False) -> None:
    """Print lines for a person."""
    from rich.console import Console

    from bakeoff.cli.formatting import print_lines

    print_lines(Console(highlight=False, stderr=err), lines)


def print_json(content: dict[str, Any]) -> None:
    """Print an object as JSON on stdout."""
    click.echo(json.dumps(content, indent=2))


@contextmanager
def results_of(home: Path, catalog: str | None, schema: str | None) -> Iterator[ResultReader]:
    """Open the results of earlier runs for reading: with Spark only where they are in a metastore.

    Yields:
        The tables.
    """
    from bakeoff.storage.location import ResultsLocation
    from bakeoff.storage.open_results import open_reader

    require_results(home, schema)
    with open_reader(ResultsLocation.at(home, catalog, schema), home, waiting=starting_spark) as reader:
        yield reader


def starting_spark() -> Any:
    """Return a context that says on stderr what is waited for."""
    from rich.console import Console

    return Console(stderr=True).status("Starting Spark")


def show(frame: Any) -> None:
    """Print a data frame as a table."""
    from rich.console import Console

    from bakeoff.cli.formatting import print_frame

    print_frame(Console(highlight=False), frame)


def say_next(tables: ResultsLocation, home: Path, *commands: str) -> None:
    """Print the commands to type next, with the options that lead to the same tables."""
    from bakeoff.storage.location import home_option, place_options

    click.echo("\nNext:")
    for command in commands:
        where = home_option(home) if command == "bakeoff ui" else place_options(tables, home)
        click.echo(as_typed(f"  {command}{where}"))
