"""Measure the quality of several systems: ``python -m benchmarks.quality run``, then ``table``."""

from __future__ import annotations

import itertools
from pathlib import Path

import click

from benchmarks.quality.cells import ROOT, Cell, append, read_results, run
from benchmarks.quality.datasets import DATA_SETS, OUTER_FOLDS
from benchmarks.quality.summary import tables
from benchmarks.quality.systems import SYSTEMS

_RESULTS = ROOT / "benchmarks" / "results" / "quality.jsonl"
_results = click.option(
    "--results", default=_RESULTS, type=click.Path(path_type=Path), help="File of results, a line of JSON each."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Compare what systems predict for rows that none of them has seen, each with the same time on two cores."""


@main.command("run")
@click.option("--data", type=click.Path(path_type=Path, exists=True), help="Folder of CSV files; five more tables.")
@click.option("--sets", default="", help="Names of tables, with commas. [default: all that are there]")
@click.option("--folds", default="0,1,2,3,4", show_default=True, help=f"Which of the {OUTER_FOLDS} outer folds.")
@click.option("--systems", "wanted", default=",".join(SYSTEMS), show_default=True, help="Names, with commas.")
@click.option("--minutes", default="1,5", show_default=True, help="Budgets, with commas.")
@_results
def run_command(  # noqa: PLR0913, PLR0917 - a command has as many parameters as it has options
    data: Path | None, sets: str, folds: str, wanted: str, minutes: str, results: Path
) -> None:
    """Run the cells that have no result yet, and append theirs to the file."""
    names = sets.split(",") if sets else [each.name for each in DATA_SETS if data or not each.is_file]
    _refuse_unknown(names, {each.name for each in DATA_SETS}, "table")
    _refuse_unknown(wanted.split(","), set(SYSTEMS), "system")
    chosen = [each for each in DATA_SETS if each.name in names]
    if data is None and any(each.is_file for each in chosen):
        raise click.UsageError("--sets names tables of a folder: say which one with --data.")
    results.parent.mkdir(parents=True, exist_ok=True)
    done = {each.cell for each in read_results(results)}
    # Fold by fold, so that the first results are of all tables, systems and budgets.
    for fold, budget, data_set in itertools.product(map(int, folds.split(",")), map(float, minutes.split(",")), chosen):
        frame = data_set.frame(data or Path())
        for system in wanted.split(","):
            cell = Cell(data_set.name, fold, system, budget)
            if cell in done:
                continue
            result = run(cell, data_set, frame)
            append(results, result)
            said = result.failure or f"{result.metric} {result.error:.4g}"
            print(f"{cell.data_set} fold {fold}, {budget:g} min, {system}: {said} in {result.wall_seconds:.0f} s")


@main.command("table")
@_results
def table_command(results: Path) -> None:
    """Print the results as tables."""
    found = list(read_results(results))
    if not found:
        raise click.UsageError(f"There are no results in {results}: make some with `run`.")
    for table in tables(found):
        print(f"{table}\n")


def _refuse_unknown(names: list[str], known: set[str], what: str) -> None:
    unknown = sorted(set(names) - known)
    if unknown:
        raise click.UsageError(f"There is no {what} {', '.join(unknown)}: there are {', '.join(sorted(known))}.")


if __name__ == "__main__":
    main()
