"""The command that scores a table with a model that a run has logged."""

from __future__ import annotations

import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bakeoff.cli.common import HOME, answering, examples, loudness, print_json, tell, text_file_options

if TYPE_CHECKING:
    from bakeoff.scoring.api import ScoreResult


@click.command(
    epilog=examples(
        "bakeoff score --model churn@champion --source customers.csv --to scored.csv",
        "bakeoff score --model churn/3 --source customers.parquet --to scored",
        "bakeoff score --model churn@champion --source kunden.csv --to scored.csv --sep ';' --decimal ,",
        "bakeoff score --model 20260131-120000-a1b2c3 --source new.csv --to scored --batch-id monday",
        "bakeoff score --model main.ml.churn@champion --source main.sales.customers --to main.sales.scored",
    )
)
@click.option("--model", help="NAME@champion or NAME/VERSION of the registry, or a RUN_ID.")
@click.option("--source", help="A table (catalog.schema.table), or a path to a file, a folder of files, or Delta.")
@click.option("--to", help="A table or Delta folder to append to, or a file that ends in .csv or .parquet.")
@click.option("--batch-id", help="Name of the batch; the same name again changes nothing. [default: made up]")
@text_file_options
@HOME
@loudness
def score(home: Path, as_json: bool, quiet: bool, verbose: int, **options: Any) -> None:
    """Score a table with a model that a run has logged, on the workers of the Spark session.

    Rows keep their columns and get the prediction, the probabilities by class, and what scored them when. Files are
    read and written without Spark.
    """
    from rich.console import Console

    from bakeoff.cli.formatting import print_lines
    from bakeoff.cli.run_commands import log_to_stderr
    from bakeoff.scoring.api import score as run_score

    log_to_stderr(verbose)
    console = Console(file=sys.stderr, highlight=False, quiet=quiet)
    with answering(as_json=as_json), redirect_stdout(sys.stderr) if as_json else nullcontext(), _clock(console):
        result = run_score(**options, home=home, say=lambda text: print_lines(console, [text]))
    if as_json:
        print_json(as_object(result))
        return
    tell(*(lines(result, home)[:1] if quiet else lines(result, home)))


def lines(result: ScoreResult, home: Path) -> list[str]:
    """Return lines that say what was scored, and what to type next."""
    from bakeoff._utils.text import counted
    from bakeoff.report.sentences import seconds
    from bakeoff.storage.location import home_option

    to = result.destination
    if result.repeated:
        done = f"Batch {result.batch_id} is in {to.name} already ({counted(result.n_rows, 'row')}): nothing to do."
    else:
        took = seconds(result.seconds)
        done = f"Scored {counted(result.n_rows, 'row')} into {to.name} in {took}: batch {result.batch_id}."
    if to.file is not None:
        return [done, "", "Next:", f"  head -3 {to.file}" if to.kind == "csv" else f"  {_python(to.file)}"]
    table = to.plain or to.sql
    query = f"SELECT prediction, count(*) FROM {table} WHERE batch_id = '{result.batch_id}' GROUP BY 1"  # noqa: S608 - for a person
    if not to.plain and to.folder is None:
        return [done, "", "Next:", f"  {query}"]
    return [done, "", "Next:", f'  bakeoff sql "{query}"'.replace("`", r"\`") + home_option(home)]


def as_object(result: ScoreResult) -> dict[str, Any]:
    """Return the result of scoring as one JSON object."""
    return {
        "status": "repeated" if result.repeated else "scored",
        "rows": result.n_rows,
        "to": result.destination.name,
        "batch_id": result.batch_id,
        "run_id": result.run_id,
        "model_name": result.model_name,
        "model_version": result.model_version,
        "seconds": result.seconds,
    }


def _python(file: Path) -> str:
    return f"""python -c "import pandas; print(pandas.read_parquet('{file}').head(3))\""""


def _clock(console: Any) -> Any:
    """Return a context in which a terminal shows a spinner and the elapsed time."""
    if not console.is_terminal or console.quiet:
        return nullcontext()
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    progress = Progress(SpinnerColumn(), TextColumn("Scoring"), TimeElapsedColumn(), console=console, transient=True)
    progress.add_task("score", total=None)
    return progress
