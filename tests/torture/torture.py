"""Odd tables, seed after seed: ``make torture TABLES=500``, or ``python tests/torture/torture.py --tables 500``.

Each table either comes through with every model, or is refused in one sentence that names a column or an option; the
rest is broken, and is listed with the command that repeats it.
"""

# ruff: noqa: T201 - a program talks
from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

os.environ["PYCARET_CUSTOM_LOGGING_PATH"] = os.devnull
sys.path.insert(0, str(Path(__file__).parent.parent))

from support.odd_tables import KINDS, OddTable, odd_table
from support.torture import BROKEN, CAME_THROUGH, REFUSED, Outcome, outcome_of, quick

_THIS = "python tests/torture/torture.py"


def main() -> None:
    asked = _arguments()
    if asked.all:
        tables = [(asked.seed, (kind,), name) for kind in asked.kind for name in KINDS[kind]]
    else:
        tables = [(asked.seed + n, tuple(asked.kind), asked.name) for n in range(asked.tables)]
    began = time.monotonic()
    results: list[tuple[OddTable, Outcome, str]] = []
    with quick():
        for seed, kinds, name in tables:
            table, outcome = run(seed, kinds, name)
            again = f"{_THIS} --seed {seed}{_kind_option(kinds)}" + (f" --name {shlex.quote(name)}" if name else "")
            results.append((table, outcome, again))
            if asked.verbose or len(tables) == 1:
                print(f"{outcome.how}: {table.name} (seed {seed}): {outcome.why}", flush=True)
            if len(tables) == 1 and outcome.details:
                print(outcome.details)
    summarise(results, time.monotonic() - began)
    sys.exit(any(outcome.how == BROKEN for _, outcome, _ in results))


def run(seed: int, kinds: tuple[str, ...], name: str | None = None) -> tuple[OddTable, Outcome]:
    """Draw a table and say what became of it."""
    with tempfile.TemporaryDirectory(prefix="bakeoff-torture-") as folder:
        source, home = Path(folder, "source"), Path(folder, "home")
        source.mkdir()
        home.mkdir()
        table = odd_table(seed, source, kinds, name)
        return table, outcome_of(table, home)


def summarise(results: list[tuple[OddTable, Outcome, str]], seconds: float) -> None:
    """Print how many tables of each kind came through, and how those that broke are repeated."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for table, outcome, _ in results:
        for kind in {kind for kind, _ in table.oddities}:
            counts[kind][outcome.how] += 1
    print(f"\n{'kind':<10}{CAME_THROUGH:>14}{REFUSED:>10}{BROKEN:>8}")
    for kind in KINDS:
        if kind in counts:
            print(f"{kind:<10}{counts[kind][CAME_THROUGH]:>14}{counts[kind][REFUSED]:>10}{counts[kind][BROKEN]:>8}")
    every = Counter(outcome.how for _, outcome, _ in results)
    print(f"{'tables':<10}{every[CAME_THROUGH]:>14}{every[REFUSED]:>10}{every[BROKEN]:>8}   in {seconds:.0f} s")
    for line in _broken(results):
        print(line)


def _broken(results: list[tuple[OddTable, Outcome, str]]) -> Iterator[str]:
    for table, outcome, again in results:
        if outcome.how == BROKEN:
            yield f"\n{table.name}\n  {outcome.why}\n  {again}"


def _kind_option(kinds: tuple[str, ...]) -> str:
    return "" if kinds == tuple(KINDS) else f" --kind {','.join(kinds)}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=1, help="how many tables, one a seed")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--kind", default=",".join(KINDS), help="kinds of oddities, separated by commas")
    parser.add_argument("--name", help="the one oddity of each table")
    parser.add_argument("--all", action="store_true", help="each oddity once, alone")
    parser.add_argument("-v", "--verbose", action="store_true", help="say what became of each table")
    asked = parser.parse_args()
    asked.kind = [kind for kind in KINDS if kind in asked.kind.split(",")]
    return asked


if __name__ == "__main__":
    main()
