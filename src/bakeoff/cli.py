"""The command line: ``bakeoff run`` and what looks at its results."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack, contextmanager
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


class _Commands(click.Group):
    """Turns Bakeoff's errors into one sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BakeoffError as error:
            click.echo(f"Error: {error}", err=True)
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
def run(config_file: Path | None, **options: Any) -> None:
    """Compare models on a table and keep everything that was learned."""
    from bakeoff.config import RunConfig

    _run(RunConfig.from_sources(options, config_file))


@cli.command(epilog=_examples("bakeoff demo", "bakeoff demo --task regression", "bakeoff demo --task time_series"))
@click.option("--task", type=_TASKS, default="classification", show_default=True)
@click.option("--include", multiple=True, help="Compare only these models (repeat, or separate by commas).")
@_HOME
def demo(task: str, include: tuple[str, ...], home: Path) -> None:
    """Run the whole job on a small data set that ships in an installed package."""
    from bakeoff.demo import demo_config

    _run(demo_config(task, home, include))


@cli.command(epilog=_examples("bakeoff runs", "bakeoff runs --schema results"))
@_HOME
@_CATALOG
@_SCHEMA
def runs(home: Path, catalog: str | None, schema: str | None) -> None:
    """List the runs, the newest first."""
    with _results(home, catalog, schema) as (spark, _):
        query = (
            "SELECT run_id, started_at, status, source, target, n_models, n_failed, best_model_id, "
            "round(best_value, 4) AS best_value, primary_metric, round(wall_seconds, 1) AS seconds "
            "FROM runs ORDER BY started_at DESC"
        )
        _show(spark.sql(query).toPandas())
    _next("bakeoff leaderboard RUN_ID")


@cli.command(epilog=_examples("bakeoff leaderboard", "bakeoff leaderboard 20260131-120000-a1b2c3"))
@click.argument("run_id", required=False)
@_HOME
@_CATALOG
@_SCHEMA
def leaderboard(run_id: str | None, home: Path, catalog: str | None, schema: str | None) -> None:
    """Show the ranking of a run; of the newest one when none is named."""
    from bakeoff.errors import UserError
    from bakeoff.view import leaderboard_frame

    with _results(home, catalog, schema) as (spark, _):
        if run_id is None:
            newest = spark.sql("SELECT run_id FROM runs ORDER BY started_at DESC LIMIT 1").first()
            run_id = newest[0] if newest else ""
        rows = spark.sql("SELECT * FROM leaderboard WHERE run_id = :run_id ORDER BY rank", args={"run_id": run_id})
        found = [row.asDict() for row in rows.collect()]
        if not found:
            raise UserError(f"There is no leaderboard of a run {run_id!r}: `bakeoff runs` lists the runs.")
        click.echo(f"Run {run_id}, ranked by {found[0]['primary_metric']}:")
        _show(leaderboard_frame(found))
    _next('bakeoff sql "SELECT * FROM failures"', "bakeoff ui")


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
def sql(query: str, as_csv: bool, home: Path, catalog: str | None, schema: str | None) -> None:  # noqa: FBT001
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


def _run(config: RunConfig) -> None:
    """Run the job with a progress display, and end by saying what was made and what to type next."""
    from rich.console import Console

    from bakeoff import job
    from bakeoff.progress import ProgressView
    from bakeoff.view import outcome_lines, print_leaderboard

    console = Console(file=sys.stderr, highlight=False)
    progress = ProgressView(console)
    console.print(f"Run [bold]{config.run_id}[/bold]: {config.source}, target {config.target}")
    try:
        result = job.run(config, say=lambda text: console.print(text, markup=False), listeners=[progress])
    finally:
        progress.close()
    print_leaderboard(Console(highlight=False), result.plan, result.leaderboard)
    for line in outcome_lines(result, config.home):
        click.echo(line)


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


def _next(*commands: str) -> None:
    click.echo("Next: " + "   ".join(commands))
