"""Leaderboards, tables and results of runs as text for a terminal."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bakeoff._utils.text import counted, one_line
from bakeoff.cli.program import as_typed
from bakeoff.comparison.leaderboard import COMPLETE, FAILED, Leaderboard, Row
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import TT, Status
from bakeoff.report.sentences import answer, blend_sentence, clock, decision_sentences
from bakeoff.report.tuning import tuning_sentence
from bakeoff.storage.location import home_option, place_options

if TYPE_CHECKING:
    import pandas as pd

    from bakeoff.job.result import RunResult
    from bakeoff.report.diagnostics import Step

_GAP = 2
"""Blanks between two columns, and before the first."""
_NAME_AT_LEAST = 12
_NAME_AT_MOST = 36
_ID_AT_MOST = 20
_NOTE_AT_LEAST = 8
_COLUMN_AT_LEAST = 24
"""The width below which no cell of a table is folded."""
_NOTE_AT_MOST = 40
_LABEL = re.compile(r"^[A-Z]\w+ {2,}")
_NO_TERMINAL = 1_000
"""The width of output that is no terminal: a log file has room for everything."""


def print_leaderboard(console: Console, plan: Plan, board: Leaderboard) -> None:
    """Print the ranking; on a narrow terminal metrics are left out, then names and notes shortened."""
    names = {metric.key: one_line(metric.name) for metric in plan.metrics} | {TT: "TT (Sec)"}
    width, name_limit = (console.width, _NAME_AT_MOST) if console.is_terminal else (_NO_TERMINAL, _NO_TERMINAL)
    columns: list[tuple[str, list[str]]] = [
        ("#", [str(row.rank) for row in board.rows]),
        ("id", [one_line(row.model_id)[:_ID_AT_MOST] for row in board.rows]),
        (f"{names[plan.sort_by]} ± std", [_primary(row, plan.sort_by) for row in board.rows]),
    ]
    model_names = [one_line(row.model_name) for row in board.rows]
    notes = [_note(row, plan, names[plan.sort_by]) for row in board.rows]
    room = width - _GAP - sum(_widest(head, *cells) + _GAP for head, cells in columns)
    name_width = min(_widest("model", *model_names), name_limit)
    note_width = min(_widest("", *notes), _NOTE_AT_MOST)
    if name_width + note_width + 2 * _GAP > room:
        name_width = max(_NAME_AT_LEAST, min(name_width, room - min(note_width, _NOTE_AT_LEAST) - 2 * _GAP))
        note_width = max(0, min(note_width, room - name_width - 2 * _GAP))
    room -= name_width + _GAP + (note_width + _GAP if note_width else 0)
    columns.insert(1, ("model", [_shortened(name, name_width) for name in model_names]))
    for key in (key for key in names if key != plan.sort_by):
        cells = [_number(row, key) for row in board.rows]
        room -= _widest(names[key], *cells) + _GAP
        if room < 0:
            break
        columns.append((names[key], cells))
    if note_width:
        columns.append(("", [_shortened(note, note_width) for note in notes]))

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for head, _ in columns:
        table.add_column(Text(head), justify="left" if head in {"model", "id", ""} else "right", no_wrap=True)
    for position, row in enumerate(board.rows):
        style = None if row.complete else "dim"
        table.add_row(*(Text(cells[position]) for _, cells in columns), style=style)
    _sized(console, width).print(table)


def outcome_lines(result: RunResult, home: Path) -> list[str]:
    """Return lines that say what a run has written, and what to type next."""
    page = f": {result.mlflow_url}" if result.mlflow_url else ""
    where = place_options(result.tables, home)
    lines = [
        one_line(answer(result.facts)),
        *(one_line(said) for said in (tuning_sentence(result.facts), blend_sentence(result.facts, where)) if said),
        *map(one_line, decision_sentences(result.facts)),
        clock(result.summary),
        "",
        f"Tables  {result.tables.name('runs')}",
        f"        {result.tables.name('trials')}",
        f"        {result.tables.name('leaderboard')}",
    ]
    if result.mlflow_run_id:
        lines.append(f"MLflow  run {result.mlflow_run_id} in experiment {result.experiment_id}{page}")
    if result.model_uri:
        lines.append(f"Model   {result.model_uri}")
    if result.registered:
        became = f": {result.promotion}" if result.promotion else ""
        lines.append(f"        registered as {result.registered[0]}, version {result.registered[1]}{became}")
    if result.report:
        lines.append(f"Report  {result.report}")
    lines += [f"Warning: {one_line(problem)}" for problem in result.problems]
    n_open = sum(outcome.status is Status.CANCELLED for outcome in result.leaderboard.outcomes)
    left_over = f"  # what there was no time for: {counted(n_open, 'fold')}"
    return [
        *lines,
        "",
        "Next:",
        *([f"  bakeoff resume {result.run_id}{where}{left_over}"] if n_open else []),
        f"  bakeoff report {result.run_id} --open{where}",
        f'  bakeoff sql "SELECT * FROM best_models"{where}',  # noqa: S608 - for a person to type
        f"  bakeoff ui{home_option(home)}",
    ]


def step_lines(steps: Sequence[Step]) -> list[str]:
    """Return lines that say how long each step of a run took, from the moment it was asked for.

    Example:
        >>> from bakeoff.report.diagnostics import Step
        >>> step_lines([Step("comparing the models", 3.0, 12.0)])
        ['Where the time went (steps may overlap):', '  after  3.0 s  12.0 s  comparing the models']
    """
    lines = [f"  after {step.began:4.1f} s  {step.seconds:4.1f} s  {step.name}" for step in steps]
    return ["Where the time went (steps may overlap):", *lines] if lines else []


def print_lines(console: Console, lines: Sequence[str]) -> None:
    """Print lines; on a terminal sentences break between words, and text to be copied is not broken.

    A command (indented) and a line with a word that no line can hold (a path) are wrapped by the terminal, which
    copies the pieces as one line.
    """
    for line in map(as_typed, lines):
        label = len(line) - len(_LABEL.sub("", line, count=1))
        room = console.width - label
        words = line.split()
        if console.is_terminal and not line.startswith(" ") and max(map(cell_len, words), default=0) <= room:
            pieces = [piece.plain.rstrip() for piece in Text(line[label:]).wrap(console, room)]
            line = line[:label] + f"\n{' ' * label}".join(pieces)  # noqa: PLW2901 - as it is printed
        console.print(Text(line), soft_wrap=True)


def print_frame(console: Console, frame: pd.DataFrame) -> None:
    """Print a data frame as an aligned table, or with one line for each value if the terminal is too narrow."""
    rows = [[_text(value) for value in values] for values in frame.itertuples(index=False, name=None)]
    names = [one_line(name) for name in frame.columns]
    widths = [_widest(*cells) for cells in zip(names, *rows, strict=True)]
    least = [min(width, _COLUMN_AT_LEAST) for width in widths]
    if console.is_terminal and sum(least) + _GAP * (len(least) + 1) > console.width:
        _print_values(console, names, rows)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    numeric = set(frame.select_dtypes("number").columns)
    for name, title, width in zip(frame.columns, names, least, strict=True):
        justify = "right" if name in numeric else "left"
        table.add_column(Text(title), justify=justify, overflow="fold", min_width=width)  # type: ignore[arg-type]
    for cells in rows:
        table.add_row(*map(Text, cells))
    _sized(console, console.width if console.is_terminal else 10_000).print(table)


def print_folded(console: Console, rows: Sequence[Mapping[str, str]], whole: Collection[str]) -> None:
    """Print rows as one table at any width; cells are folded between words where the terminal is too narrow.

    Args:
        console: where to.
        rows: cells by the name of their column; one row at least.
        whole: names of the columns that are not folded.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in rows[0]:
        table.add_column(Text(name), no_wrap=name in whole, overflow="fold")
    for cells in rows:
        table.add_row(*(Text(one_line(cell)) for cell in cells.values()))
    _sized(console, _NO_TERMINAL).print(table)


def _print_values(console: Console, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a block for each row, as the shells of databases do if a table is too wide."""
    for cells in rows:
        block = Table.grid(padding=(0, _GAP, 0, 0))
        block.add_column(style="bold", no_wrap=True)
        block.add_column(overflow="fold")
        for name, cell in zip(names, cells, strict=True):
            block.add_row(Text(name), Text(cell))
        console.print()
        console.print(block)


def _primary(row: Row, key: str) -> str:
    is_there = row.status != FAILED and not math.isnan(row.primary_value)
    return f"{row.primary_value:.4f} ± {row.stds[key]:.4f}" if is_there else "-"


def _number(row: Row, key: str) -> str:
    return "-" if row.status == FAILED else f"{row.means[key]:.4f}"


def _note(row: Row, plan: Plan, metric: str) -> str:
    if row.status == COMPLETE:
        if math.isnan(row.primary_value):
            return f"has no {metric}"
        return "tied" if row.tied_with_best and row.rank > 1 else ""
    return one_line(row.shortfall(plan.n_folds))


def _widest(*texts: str) -> int:
    return max(cell_len(text) for text in texts)


def _shortened(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, max(width - 1, 0)) + "…"


def _sized(console: Console, width: int) -> Console:
    """Return the console itself if it is a terminal, else one of this width on the same file."""
    return console if console.is_terminal else Console(file=console.file, width=width, highlight=False)


def _text(value: Any) -> str:
    import pandas as pd

    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return f"{value:.4f}" if isinstance(value, float) else one_line(value)
