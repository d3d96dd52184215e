"""The commands that run a comparison."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, redirect_stdout
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bakeoff._options.choices import AUTO
from bakeoff._utils.platform import on_databricks
from bakeoff._utils.redaction import redact_text
from bakeoff.cli.common import (
    CATALOG,
    HOME,
    SCHEMA,
    answering,
    examples,
    loudness,
    print_json,
    require_results,
    tell,
    text_file_options,
)

if TYPE_CHECKING:
    from bakeoff.comparison.events import Listener
    from bakeoff.config import RunConfig
    from bakeoff.job.result import RunResult, Say

_TASKS = click.Choice(["classification", "regression", "time_series"])
_ENGINE = click.option(
    "--engine",
    help="spark; local: processes of this machine, without Spark; native: this process. [default: spark where there is "
    "a session or a need for one, else local]",
)


@click.command(
    epilog=examples(
        "bakeoff run --source customers.csv --target churned",
        "bakeoff run --source main.sales.orders --target amount --task regression --sort MAE",
        "bakeoff run --source data.csv --target y --include lr,rf,lightgbm --fold 5 --batch-size 3",
        "bakeoff run --source air.csv --target passengers --task time_series --time-col month --fh 12",
        "bakeoff run --source umsatz.csv --target kauf --sep ';' --decimal , --encoding cp1252 --na-values k.A.,-999",
        "bakeoff run --config bakeoff.yml --setup '{\"normalize\": true}'",
        "bakeoff run --source data.csv --target y --json > result.json",
    )
)
@click.option("--source", help="A table (catalog.schema.table), or a path to a file, a folder of files, or Delta.")
@click.option("--target", help="The column to predict.")
@click.option("--task", metavar="TASK", help="classification, regression or time_series. [default: by the target]")
@click.option("--include", multiple=True, help="Compare only these models (repeat, or separate by commas).")
@click.option("--exclude", multiple=True, help="Compare all but these models.")
@click.option("--sort", help="Metric that ranks; for classes also 'Log loss'. [default: Accuracy, R2 or MASE]")
@click.option("--fold", help="How many folds. [default: 10; time series: 3]")
@click.option("--n-select", help="How many of the best models are fitted on all training rows. [default: 1]")
@click.option("--batch-size", help="How many models are reported and logged together. [default: 1]")
@click.option("--budget-minutes", help="Rank what is finished by then; the quickest models come first.")
@click.option("--seed", help="Seed of splits and models. [default: fixed]")
@click.option("--setup", help="Further arguments of PyCaret's setup(), as JSON or @file.")
@click.option("--run-id", help="Name of the run; the same name again continues it. [default: made up]")
@click.option("--experiment", help="MLflow experiment. [default: bakeoff]")
@CATALOG
@SCHEMA
@click.option("--home", help="Folder for local tables, MLflow's database and artifacts. [default: .bakeoff]")
@click.option(
    "--race",
    is_flag=False,
    flag_value="yes",
    metavar="[N]",
    help="Stop models that cannot win any more; N families (3) run on all folds in any case. [default: no race]",
)
@click.option(
    "--portfolio", help="small or large: compare further configurations of the tree families, too. [default: no]"
)
@click.option(
    "--tune",
    metavar="N",
    help="Tune the N best families afterwards, with Optuna, in PyCaret's search spaces. [default: none]",
)
@click.option(
    "--tune-minutes", help="Try no further parameters after so many minutes. [default: until none are better]"
)
@click.option("--register-model", metavar="NAME", help="Register the best model under this name.")
@click.option("--champion-margin", help="Promote it to champion when it beats that by more than this. [default: 0]")
@click.option("--min-value", help="No champion whose metric does not come to this (or is more, where low is good).")
@click.option("--min-lift", help="No champion that does not beat the dummy model by more than this.")
@_ENGINE
@click.option("--max-rows", help="Use a seeded sample of so many rows where there are more.")
@click.option(
    "--trial-timeout", help="Seconds after which a trial is ended; 0: never. [default: by what it should take]"
)
@click.option("--trial-memory-mb", help="Megabytes that the process of a trial may hold, PyCaret's 300 included.")
@click.option("--max-retries", help="How often a trial is tried again that took its worker down. [default: 1]")
@click.option("--n-slots", help="How many tasks run at once, if fewer than the cluster could.")
@click.option("--isolation", help="process, none or auto: whether models are fitted in processes that can be killed.")
@click.option("--payload-dir", help="Spark Connect: a folder that driver and workers share, such as a volume.")
@click.option(
    "--keep-predictions",
    help="auto, yes, no or table: what models predict for test rows, in a table, too. [default: auto, up to 512 MB]",
)
@click.option("--blend", help="off, offer or on: a blend of the models, beside the ranking or in it. [default: offer]")
@click.option("--holdout", help="Share of the rows that no model is chosen by. [default: 0.3]")
@click.option("--split-time", metavar="COLUMN", help="Hold out the newest rows by this column, which is no feature.")
@click.option("--split-col", metavar="COLUMN", help="Hold out the rows in which this column says test.")
@click.option(
    "--threshold",
    metavar="AIM",
    help="Choose the best model's threshold for f1, balanced_accuracy, or costs such as fp=1,fn=5. [default: 0.5]",
)
@click.option(
    "--calibrate",
    metavar="METHOD",
    help="off, auto, isotonic or sigmoid: calibrate the best model's probabilities, if it helps. [default: off]",
)
@text_file_options
@click.option("--na-values", multiple=True, help="Words or numbers that stand for gaps, and no others do.")
@click.option("--source-version", help="Version of the Delta table to read.")
@click.option("--order-by", multiple=True, help="Columns that give the rows an order (a table has none).")
@click.option("--time-col", help="Time series: the column that says when.")
@click.option("--fh", help="Time series: how many steps to forecast.")
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="YAML file with any of these; options win."
)
@loudness
def run(config_file: Path | None, as_json: bool, quiet: bool, verbose: int, **options: Any) -> None:
    """Compare models on a table and keep everything that was learned."""
    from bakeoff.config import RunConfig

    with answering(as_json=as_json):
        _run(RunConfig.from_sources(options, config_file), as_json=as_json, quiet=quiet, verbose=verbose)


@click.command(epilog=examples("bakeoff demo", "bakeoff demo --task regression", "bakeoff demo --engine spark"))
@click.option("--task", type=_TASKS, default="classification", show_default=True)
@click.option("--include", multiple=True, help="Compare only these models (repeat, or separate by commas).")
@_ENGINE
@HOME
@loudness
def demo(
    task: str, include: tuple[str, ...], engine: str | None, home: Path, as_json: bool, quiet: bool, verbose: int
) -> None:
    """Run the whole job on a small data set that ships in an installed package."""
    from bakeoff.cli.demo_data import demo_config

    with answering(as_json=as_json):
        _run(demo_config(task, home, include, engine), as_json=as_json, quiet=quiet, verbose=verbose)


@click.command(
    epilog=examples(
        "bakeoff resume 20260131-120000-a1b2c3",
        "bakeoff resume nightly --schema results",
        "bakeoff resume 20260131-120000-a1b2c3 --blend on",
    )
)
@click.argument("run_id")
@click.option("--blend", help="on: let the blend of its models be ranked and win, also if the run is finished.")
@HOME
@CATALOG
@SCHEMA
@loudness
def resume(
    run_id: str,
    home: Path,
    catalog: str | None,
    schema: str | None,
    as_json: bool,
    quiet: bool,
    verbose: int,
    **more: Any,
) -> None:
    """Go on with a run that was cut off, as it was asked; finished trials are not run again."""
    from bakeoff.job.resume import resume as go_on

    with answering(as_json=as_json):
        require_results(home, schema)
        call = partial(go_on, run_id, home=home, catalog=catalog, schema=schema, **more)
        _show_run(call, home, as_json=as_json, quiet=quiet, verbose=verbose)


def _run(config: RunConfig, *, as_json: bool, quiet: bool, verbose: int) -> None:
    _start_early(config)
    from bakeoff.job.main import run as run_job

    def call(*, say: Say, listeners: Sequence[Listener]) -> RunResult:
        say(redact_text(f"Run {config.run_id}: {config.source}, target {config.target}"))
        return run_job(config, say=say, listeners=listeners)

    _show_run(call, config.home, as_json=as_json, quiet=quiet, verbose=verbose)


def _start_early(config: RunConfig) -> None:
    """Let the process of the engine ``local`` import PyCaret while this one imports the job.

    The job decides about the engine, and needs seconds before it can: this is a guess.
    """
    is_likely = config.engine == AUTO and config.schema is None and Path(config.source).exists()
    if config.engine == "local" or (is_likely and not on_databricks()):
        from bakeoff.execution.warm_up import warm_up

        warm_up("local")


def _show_run(call: Callable[..., RunResult], home: Path, *, as_json: bool, quiet: bool, verbose: int) -> None:
    """Run the job with a progress display, then print the result and what to type next."""
    from rich.console import Console

    from bakeoff.cli.formatting import outcome_lines, print_leaderboard, print_lines, step_lines
    from bakeoff.job.signals import ending_at_once
    from bakeoff.progress.stderr_listener import Progress
    from bakeoff.report.json_export import as_object

    log_to_stderr(verbose)
    console = Console(file=sys.stderr, highlight=False, quiet=quiet)
    progress = Progress()
    try:
        # Output of libraries is not part of the result.
        with ending_at_once(), redirect_stdout(sys.stderr) if as_json else nullcontext():
            result = call(
                say=lambda text: print_lines(console, [text]),
                listeners=[] if quiet else [progress],
            )
    finally:
        progress.close()
    if as_json:
        more = {"report": str(result.report) if result.report else None, "problems": list(result.problems)}
        print_json({**as_object(result.facts), **more})
        return
    print_leaderboard(Console(highlight=False), result.plan, result.leaderboard)
    if verbose:
        print_lines(console, step_lines(result.facts.look.steps))
    lines = outcome_lines(result, home)
    tell(*(lines[:1] if quiet else lines))


class _WithoutSecrets(logging.Formatter):
    """A formatter that removes likely secrets from each line of a log, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        return redact_text(super().format(record))


def log_to_stderr(verbose: int) -> None:
    """Write log records to stderr: plain warnings by default, more with time and origin if verbose."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _WithoutSecrets("%(asctime)s %(name)s %(levelname)s %(message)s" if verbose else "%(message)s")
    )
    logging.basicConfig(handlers=[handler])
    if verbose:
        logging.getLogger("bakeoff").setLevel(logging.INFO if verbose == 1 else logging.DEBUG)
