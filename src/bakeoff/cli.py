"""The command line: ``bakeoff run`` and what looks at its results."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack, contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bakeoff import __version__
from bakeoff.errors import BakeoffError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from bakeoff.config import RunConfig
    from bakeoff.results.target import TableTarget

_HOME = click.option(
    "--home",
    type=click.Path(path_type=Path),
    default=Path(".bakeoff"),
    show_default=True,
    help="Folder for local tables, MLflow's database and artifacts.",
)
_CATALOG = click.option("--catalog", help="Catalog of the tables, in a metastore.")
_SCHEMA = click.option("--schema", help="Schema of the tables, in a metastore; without it they are under --home.")
_TASKS = click.Choice(["classification", "regression", "time_series"])


_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and all else to stderr.")
_OPEN = click.option("--open", "open_it", is_flag=True, help="Open it in the browser.")


def _loudness(command: Any) -> Any:
    """The options that say how much is said."""
    for option in (
        click.option("-v", "--verbose", count=True, help="Say more (-vv: everything that is logged)."),
        click.option("-q", "--quiet", is_flag=True, help="Say nothing but the result."),
        _JSON,
    ):
        command = option(command)
    return command


class _Commands(click.Group):
    """Turns Bakeoff's errors into one sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BakeoffError as error:
            _tell(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)


def _examples(*lines: str) -> str:
    """Examples below a command's help, which click leaves as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="bakeoff")
def cli() -> None:
    """Compare every model that PyCaret knows on one table, on Spark.

    Start with `bakeoff demo`, then run it on your own table: `bakeoff run --source data.csv --target y`.
    """


@cli.command(
    epilog=_examples(
        "bakeoff run --source customers.csv --target churned",
        "bakeoff run --source main.sales.orders --target amount --task regression --sort MAE",
        "bakeoff run --source data.csv --target y --include lr,rf,lightgbm --fold 5 --batch-size 3",
        "bakeoff run --source air.csv --target passengers --task time_series --time-col month --fh 12",
        "bakeoff run --config bakeoff.yml --setup '{\"normalize\": true}'",
        "bakeoff run --source data.csv --target y --json > result.json",
    )
)
@click.option("--source", help="A table (catalog.schema.table), or a path to csv, parquet or Delta.")
@click.option("--target", help="The column to predict.")
@click.option("--task", metavar="TASK", help="classification, regression or time_series. [default: by the target]")
@click.option("--include", multiple=True, help="Compare only these models (repeat, or separate by commas).")
@click.option("--exclude", multiple=True, help="Compare all but these models.")
@click.option("--sort", help="Metric that ranks. [default: Accuracy, R2 or MASE]")
@click.option("--fold", help="How many folds. [default: 10; time series: 3]")
@click.option("--n-select", help="How many of the best models are fitted on all training rows. [default: 1]")
@click.option("--batch-size", help="How many models are reported and logged together. [default: 1]")
@click.option("--budget-minutes", help="Rank what is finished by then.")
@click.option("--seed", help="Seed of splits and models. [default: fixed]")
@click.option("--setup", help="Further arguments of PyCaret's setup(), as JSON or @file.")
@click.option("--run-id", help="Name of the run; the same name again continues it. [default: made up]")
@click.option("--experiment", help="MLflow experiment. [default: bakeoff]")
@_CATALOG
@_SCHEMA
@click.option("--home", help="Folder for local tables, MLflow's database and artifacts. [default: .bakeoff]")
@click.option("--register-model", metavar="NAME", help="Register the best model under this name.")
@click.option("--champion-margin", help="Promote it to champion when it beats that by more than this. [default: 0]")
@click.option("--engine", help="spark, or native to fit every model on the driver. [default: spark]")
@click.option("--max-rows", help="Use a seeded sample of so many rows where there are more.")
@click.option("--source-version", help="Version of the Delta table to read.")
@click.option("--order-by", multiple=True, help="Columns that give the rows an order (a table has none).")
@click.option("--time-col", help="Time series: the column that says when.")
@click.option("--fh", help="Time series: how many steps to forecast.")
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="YAML file with any of these; options win."
)
@_loudness
def run(config_file: Path | None, as_json: bool, quiet: bool, verbose: int, **options: Any) -> None:
    """Compare models on a table and keep everything that was learned."""
    from bakeoff.config import RunConfig

    with _answering(as_json=as_json):
        _run(RunConfig.from_sources(options, config_file), as_json=as_json, quiet=quiet, verbose=verbose)


@cli.command(epilog=_examples("bakeoff demo", "bakeoff demo --task regression", "bakeoff demo --task time_series"))
@click.option("--task", type=_TASKS, default="classification", show_default=True)
@click.option("--include", multiple=True, help="Compare only these models (repeat, or separate by commas).")
@_HOME
@_loudness
def demo(task: str, include: tuple[str, ...], home: Path, as_json: bool, quiet: bool, verbose: int) -> None:
    """Run the whole job on a small data set that ships in an installed package."""
    from bakeoff.demo import demo_config

    with _answering(as_json=as_json):
        _run(demo_config(task, home, include), as_json=as_json, quiet=quiet, verbose=verbose)


@cli.command(epilog=_examples("bakeoff runs", "bakeoff runs --schema results", "bakeoff runs --json"))
@_JSON
@_HOME
@_CATALOG
@_SCHEMA
def runs(home: Path, catalog: str | None, schema: str | None, as_json: bool) -> None:
    """List the runs, the newest first."""
    from bakeoff.results.tables import frame as table_of

    with _answering(as_json=as_json), _results(home, catalog, schema) as (spark, tables):
        columns = (
            "run_id", "started_at", "status", "source", "target", "n_models", "n_failed", "best_model_id",
            "round(best_value, 4) AS best_value", "primary_metric", "round(wall_seconds, 1) AS seconds",
        )  # fmt: skip
        newest_first = table_of(spark, tables, "runs").orderBy("started_at", ascending=False)
        frame = newest_first.selectExpr(*columns).toPandas()
    if as_json:
        _print_json({"runs": json.loads(frame.to_json(orient="records", date_format="iso"))})
        return
    _show(frame)
    _next(tables, home, "bakeoff leaderboard RUN_ID", "bakeoff report RUN_ID")


@cli.command(epilog=_examples("bakeoff leaderboard", "bakeoff leaderboard 20260131-120000-a1b2c3"))
@click.argument("run_id", required=False)
@_JSON
@_HOME
@_CATALOG
@_SCHEMA
def leaderboard(run_id: str | None, home: Path, catalog: str | None, schema: str | None, as_json: bool) -> None:
    """Show the ranking of a run; of the newest one when none is named."""
    from rich.console import Console

    from bakeoff.report.facts import answer
    from bakeoff.report.plain import as_object
    from bakeoff.stored import read_facts
    from bakeoff.view import print_leaderboard

    with _answering(as_json=as_json), _results(home, catalog, schema) as (spark, tables):
        facts = read_facts(spark, tables, home, run_id)
    if as_json:
        _print_json(as_object(facts))
        return
    _tell(f"Run {facts.run.run_id}, ranked by {facts.metric}:")
    print_leaderboard(Console(highlight=False), facts.plan, facts.board)
    _tell(answer(facts))
    _next(tables, home, f"bakeoff report {facts.run.run_id}", 'bakeoff sql "SELECT * FROM failures"', "bakeoff ui")


@cli.command(
    epilog=_examples(
        "bakeoff report",
        "bakeoff report --open",
        "bakeoff report 20260131-120000-a1b2c3 --output report.html",
    )
)
@click.argument("run_id", required=False)
@_OPEN
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the page to this file.")
@_HOME
@_CATALOG
@_SCHEMA
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
    from bakeoff.stored import read_facts, run_folder

    with _results(home, catalog, schema) as (spark, tables):
        facts = read_facts(spark, tables, home, run_id)
    if output is None:
        file = write(facts, run_folder(home, facts.run.run_id))
    else:
        file = output
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(render(facts), encoding="utf-8")
        except OSError as error:
            from bakeoff.errors import UserError

            raise UserError(f"--output {file} cannot be written ({error.strerror}): name another file.") from error
    click.echo(f"Report of run {facts.run.run_id}: {file}")
    if open_it:
        click.launch(file.absolute().as_uri())
    else:
        _next(tables, home, f"bakeoff report {facts.run.run_id} --open")


@cli.command(
    epilog=_examples(
        'bakeoff sql "SELECT * FROM best_models"',
        'bakeoff sql "SELECT model_id, avg(fit_seconds) AS seconds FROM trials GROUP BY 1 ORDER BY 2 DESC"',
        "bakeoff sql \"SELECT * FROM batch_metrics WHERE metric = 'auc'\"",
    )
)
@click.argument("query")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV instead of a table.")
@_HOME
@_CATALOG
@_SCHEMA
def sql(query: str, as_csv: bool, home: Path, catalog: str | None, schema: str | None) -> None:
    """Ask the tables: runs, trials, leaderboard; batch_metrics, leaderboard_latest, best_models, failures."""
    from bakeoff.errors import UserError

    with _results(home, catalog, schema) as (spark, _):
        from pyspark.errors import PySparkException

        try:
            frame = spark.sql(query).toPandas()
        except PySparkException as error:
            raise UserError(f"Spark cannot run this query: {str(error).strip().splitlines()[0]}") from error
    if as_csv:
        click.echo(frame.to_csv(index=False), nl=False)
    else:
        _show(frame)


@cli.command(epilog=_examples("bakeoff ui", "bakeoff ui --port 5050"))
@click.option("--port", default=5000, show_default=True, help="Port on this machine.")
@_HOME
def ui(port: int, home: Path) -> None:
    """Open MLflow's UI on the local store, until Ctrl-C."""
    from bakeoff.errors import UserError
    from bakeoff.results.store import artifact_root, local_tracking_uri

    if not (home / "mlflow.db").exists():
        raise UserError(f"There is no MLflow database in {home} yet: run `bakeoff demo`, or name another --home.")
    click.echo(f"MLflow shows the runs of {home} at http://127.0.0.1:{port} (end it with Ctrl-C).")
    command = [sys.executable, "-m", "mlflow", "ui", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", local_tracking_uri(home)]
    command += ["--default-artifact-root", artifact_root(home).as_uri()]
    os.execv(sys.executable, command)  # noqa: S606 - the UI takes this process over, so that Ctrl-C ends it


def main(args: Sequence[str] | None = None) -> None:
    """The entry point of the wheel and of ``python -m bakeoff``.

    Returns where all went well, because a job on Databricks takes ``sys.exit(0)`` for a failure.

    Raises:
        SystemExit: with 2 for a mistake in what was asked, 1 for a run that failed.
    """
    # PyCaret writes a log into the working directory from the moment it is imported; a job has its own.
    os.environ.setdefault("PYCARET_CUSTOM_LOGGING_PATH", os.devnull)
    code = cli.main(args=None if args is None else list(args), prog_name="bakeoff", standalone_mode=False)
    if isinstance(code, int) and code != 0:
        sys.exit(code)


def _run(config: RunConfig, *, as_json: bool, quiet: bool, verbose: int) -> None:
    """Run the job with a progress display, and end by saying what was made and what to type next."""
    from rich.console import Console

    from bakeoff import job
    from bakeoff.progress import Progress
    from bakeoff.report.plain import as_object
    from bakeoff.view import outcome_lines, print_leaderboard, print_lines

    if verbose:
        logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(name)s %(levelname)s %(message)s")
        logging.getLogger("bakeoff").setLevel(logging.INFO if verbose == 1 else logging.DEBUG)
    console = Console(file=sys.stderr, highlight=False, quiet=quiet)
    progress = Progress()
    print_lines(console, [f"Run {config.run_id}: {config.source}, target {config.target}"])
    try:
        # Whatever a library prints meanwhile is no part of the result.
        with redirect_stdout(sys.stderr) if as_json else nullcontext():
            result = job.run(
                config,
                say=lambda text: print_lines(console, [text]),
                listeners=[] if quiet else [progress],
            )
    finally:
        progress.close()
    if as_json:
        assert result.facts is not None  # noqa: S101 - a run that has ended has facts
        more = {"report": str(result.report) if result.report else None, "problems": list(result.problems)}
        _print_json({**as_object(result.facts), **more})
        return
    print_leaderboard(Console(highlight=False), result.plan, result.leaderboard)
    lines = outcome_lines(result, config.home)
    _tell(*(lines[:1] if quiet else lines))


@contextmanager
def _answering(*, as_json: bool) -> Iterator[None]:
    """Where JSON was asked for, what went wrong is JSON too."""
    try:
        yield
    except BakeoffError as error:
        if as_json:
            _print_json({"status": "failed", "error": str(error)})
        raise


def _tell(*lines: str, err: bool = False) -> None:
    from rich.console import Console

    from bakeoff.view import print_lines

    print_lines(Console(highlight=False, stderr=err), lines)


def _print_json(told: dict[str, Any]) -> None:
    click.echo(json.dumps(told, indent=2))


@contextmanager
def _results(home: Path, catalog: str | None, schema: str | None) -> Iterator[tuple[SparkSession, TableTarget]]:
    """A session in which the tables and views of earlier runs have their plain names."""
    from rich.console import Console

    from bakeoff.errors import UserError
    from bakeoff.results.tables import register_views
    from bakeoff.results.target import TableTarget
    from bakeoff.session import open_session

    target = TableTarget(catalog=catalog, schema=schema) if schema else TableTarget(path=home / "tables")
    if target.path is not None and not target.path.exists():
        raise UserError(f"There are no results in {home} yet: run `bakeoff demo`, or name another --home.")
    with ExitStack() as stack:
        with Console(stderr=True).status("Starting Spark"):
            spark, owned = stack.enter_context(open_session(None, home))
        if owned:
            register_views(spark, target)
        yield spark, target


def _show(frame: Any) -> None:
    from rich.console import Console

    from bakeoff.view import print_frame

    print_frame(Console(highlight=False), frame)


def _next(tables: TableTarget, home: Path, *commands: str) -> None:
    from bakeoff.view import home_option, place_options

    click.echo("\nNext:")
    for command in commands:
        where = home_option(home) if command == "bakeoff ui" else place_options(tables, home)
        click.echo(f"  {command}{where}")
