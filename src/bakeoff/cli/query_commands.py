"""The commands that show the results of runs."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bakeoff.cli.common import (
    CATALOG,
    HOME,
    JSON,
    OPEN,
    SCHEMA,
    answering,
    examples,
    print_json,
    require_results,
    results_of,
    say_next,
    show,
    starting_spark,
    tell,
)

if TYPE_CHECKING:
    import pandas as pd

    from bakeoff.storage.location import ResultsLocation


@click.command(epilog=examples("bakeoff runs", "bakeoff runs --schema results", "bakeoff runs --json"))
@JSON
@HOME
@CATALOG
@SCHEMA
def runs(home: Path, catalog: str | None, schema: str | None, as_json: bool) -> None:
    """List the runs, the newest first."""
    from bakeoff.runs.listing import list_runs

    with answering(as_json=as_json), results_of(home, catalog, schema) as tables:
        frame = list_runs(tables, home)
    if as_json:
        print_json({"runs": json.loads(frame.to_json(orient="records", date_format="iso"))})
        return
    show(frame)
    say_next(tables.location, home, "bakeoff leaderboard RUN_ID", "bakeoff report RUN_ID")


@click.command(epilog=examples("bakeoff leaderboard", "bakeoff leaderboard 20260131-120000-a1b2c3"))
@click.argument("run_id", required=False)
@JSON
@HOME
@CATALOG
@SCHEMA
def leaderboard(run_id: str | None, home: Path, catalog: str | None, schema: str | None, as_json: bool) -> None:
    """Show the ranking of a run; of the newest one when none is named."""
    from rich.console import Console

    from bakeoff.cli.formatting import print_leaderboard
    from bakeoff.report.json_export import as_object
    from bakeoff.report.sentences import answer
    from bakeoff.runs.loading import read_facts

    with answering(as_json=as_json), results_of(home, catalog, schema) as tables:
        facts = read_facts(tables, home, run_id)
    if as_json:
        print_json(as_object(facts))
        return
    tell(f"Run {facts.run.run_id}, ranked by {facts.metric}:")
    print_leaderboard(Console(highlight=False), facts.plan, facts.board)
    tell(answer(facts))
    say_next(
        tables.location,
        home,
        f"bakeoff report {facts.run.run_id}",
        'bakeoff sql "SELECT * FROM failures"',
        "bakeoff ui",
    )


@click.command(
    epilog=examples(
        "bakeoff report",
        "bakeoff report --open",
        "bakeoff report 20260131-120000-a1b2c3 --output report.html",
    )
)
@click.argument("run_id", required=False)
@OPEN
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the page to this file.")
@HOME
@CATALOG
@SCHEMA
def report(
    run_id: str | None,
    open_it: bool,
    output: Path | None,
    home: Path,
    catalog: str | None,
    schema: str | None,
) -> None:
    """Make the report of a run again, from its tables; of the newest run when none is named.

    One HTML file that needs no network: who won, by how much, whether that means anything, what it cost, what failed.
    """
    from bakeoff.report.page import render, write
    from bakeoff.runs.loading import read_facts
    from bakeoff.storage.location import run_folder

    with results_of(home, catalog, schema) as tables:
        facts = read_facts(tables, home, run_id)
    try:
        if output is None:
            file = write(facts, run_folder(home, facts.run.run_id))
        else:
            file = output
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(render(facts), encoding="utf-8")
    except OSError as error:
        from bakeoff.errors import StorageError

        if output is None:
            where = run_folder(home, facts.run.run_id)
            raise StorageError(
                f"The report cannot be written to {where} ({error.strerror}): name a file with --output report.html."
            ) from error
        raise StorageError(f"--output {file} cannot be written ({error.strerror}): name another file.") from error
    click.echo(f"Report of run {facts.run.run_id}: {file}")
    if open_it:
        click.launch(file.absolute().as_uri())
    else:
        say_next(tables.location, home, f"bakeoff report {facts.run.run_id} --open")


@click.command(
    epilog=examples(
        'bakeoff sql "SELECT * FROM best_models"',
        'bakeoff sql "SELECT model_id, avg(fit_seconds) AS seconds FROM trials GROUP BY 1 ORDER BY 2 DESC"',
        "bakeoff sql \"SELECT * FROM batch_metrics WHERE metric = 'auc'\"",
        'bakeoff sql --param scored=scored --param days=30 "$(cat src/sql/scored_drift.sql)"',
    ),
    context_settings={"ignore_unknown_options": True},  # a query may begin with a comment, that is with --
)
@click.argument("query")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="Value of a parameter :NAME of the query.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV instead of a table.")
@click.option("--write", is_flag=True, help="Let it change tables and views: DELETE, UPDATE, INSERT, DROP, RESTORE ...")
@click.option(
    "--engine",
    type=click.Choice(["tables", "spark"]),
    default="tables",
    show_default=True,
    help="tables: the result tables and functions that only compute. spark: whatever Spark SQL can do, with files and "
    "Java too (and with --write any statement at all).",
)
@HOME
@CATALOG
@SCHEMA
def sql(
    query: str,
    params: tuple[str, ...],
    as_csv: bool,
    write: bool,
    engine: str,
    home: Path,
    catalog: str | None,
    schema: str | None,
) -> None:
    """Ask the tables: runs, trials, leaderboard; batch_metrics, leaderboard_latest, best_models, failures.

    Nothing is changed without --write.
    """
    from bakeoff.cli.sql_parameters import read_parameters, with_named_tables
    from bakeoff.errors import ConfigError
    from bakeoff.spark.session import require_spark
    from bakeoff.storage.location import ResultsLocation
    from bakeoff.storage.table_errors import check_logs

    if query.startswith("--") and "\n" not in query:
        option = query.split(maxsplit=1)[0]
        raise ConfigError(f"There is no option {option}: `bakeoff sql --help` says what there is.")
    if not query.strip():
        raise ConfigError('There is no query: ask, for example, "SELECT * FROM best_models".')
    values = read_parameters(params)
    query = with_named_tables(query, values)
    require_results(home, schema)
    location = ResultsLocation.at(home, catalog, schema)
    check_logs(location)
    reason = "--engine spark was asked for" if engine == "spark" else "--write was asked for" if write else None
    frame = None
    if reason is None and not location.in_metastore:
        frame, reason = _answer_without_spark(query, values, location)
    if frame is None:
        require_spark(reason or f"the tables are in {location.place}, a schema of a metastore")
        frame = _ask_spark(query, values, location, home, write=write, everything=engine == "spark")
    if as_csv:
        click.echo(frame.to_csv(index=False), nl=False)
    else:
        show(frame)


def _answer_without_spark(
    query: str, values: Mapping[str, str], location: ResultsLocation
) -> tuple[pd.DataFrame | None, str | None]:
    """Answer a query over the tables in a folder, or say why only Spark can."""
    from bakeoff.storage.folder_reader import FolderReader, missing_reader
    from bakeoff.storage.sql_translation import UntranslatableError

    if missing := missing_reader():
        return None, f"{missing!r} is not installed (pip install 'bakeoff[local]')"
    try:
        with FolderReader(location) as reader:
            return reader.frame(query, values), None
    except UntranslatableError as error:
        return None, f"DuckDB cannot be asked this: {error}"


def _ask_spark(
    query: str, values: Mapping[str, str], location: ResultsLocation, home: Path, *, write: bool, everything: bool
) -> pd.DataFrame:
    from bakeoff._utils.text import root_line
    from bakeoff.errors import BakeoffError, ConfigError
    from bakeoff.source.data_frames import to_pandas
    from bakeoff.spark.parameters import sql
    from bakeoff.storage.open_results import open_spark_tables
    from bakeoff.storage.statements import Allowed, check_statement

    with open_spark_tables(location, home, waiting=starting_spark) as tables, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas' conversion warns of what it then raises, with pages of Java
        try:
            check_statement(tables.spark, query, Allowed(location, write=write, everything=everything))
            frame = to_pandas(sql(tables.spark, query, values))
        except BakeoffError:
            raise
        except Exception as error:
            raise ConfigError(f"Spark cannot run this query: {root_line(error)}.") from error
    return frame


@click.command(epilog=examples("bakeoff ui", "bakeoff ui --port 5050"))
@click.option("--port", default=5000, show_default=True, help="Port on this machine.")
@HOME
def ui(port: int, home: Path) -> None:
    """Open MLflow's UI on the local store, until Ctrl-C."""
    from bakeoff.errors import TrackingError
    from bakeoff.tracking.addresses import local_tracking_uri
    from bakeoff.tracking.client import artifact_root

    if not (home / "mlflow.db").exists():
        raise TrackingError(f"There is no MLflow database in {home} yet: run `bakeoff demo`, or name another --home.")
    click.echo(f"MLflow shows the runs of {home} at http://127.0.0.1:{port} (end it with Ctrl-C).")
    command = [sys.executable, "-m", "mlflow", "ui", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", local_tracking_uri(home)]
    command += ["--default-artifact-root", artifact_root(home).as_uri()]
    os.execv(sys.executable, command)  # noqa: S606 - the UI takes this process over, so that Ctrl-C ends it
