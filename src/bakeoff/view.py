"""Leaderboards and results as a person reads them in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table

from bakeoff.comparison.leaderboard import COMPLETE, FAILED, Leaderboard, Row
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import TT

if TYPE_CHECKING:
    import pandas as pd

    from bakeoff.job import RunResult

_COLUMN_WIDTH = 9  # what a metric's column takes on a terminal, roughly
_FIXED_WIDTH = 58  # what rank, name, id and the primary metric take


def print_leaderboard(console: Console, plan: Plan, board: Leaderboard) -> None:
    """Print the ranking; on a narrow terminal the less important metrics are left out."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("#", justify="right")
    table.add_column("model", no_wrap=True, overflow="ellipsis")
    table.add_column("id", no_wrap=True)
    names = {metric.key: metric.name for metric in plan.metrics} | {TT: "TT (Sec)"}
    table.add_column(f"{names[plan.sort_by]} ± std", justify="right", no_wrap=True)
    others = [key for key in names if key != plan.sort_by]
    room = console.width if console.is_terminal else 200
    shown = others[: max(0, (room - _FIXED_WIDTH) // _COLUMN_WIDTH)]
    for key in shown:
        table.add_column(names[key], justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, overflow="ellipsis")
    for row in board.rows:
        table.add_row(*_cells(row, plan, shown), style=None if row.complete else "dim")
    wide = console if console.is_terminal else Console(file=console.file, width=room, highlight=False)
    wide.print(table)


def _cells(row: Row, plan: Plan, shown: Sequence[str]) -> list[str]:
    first = [str(row.rank), row.model_name, row.model_id]
    if row.status == FAILED:
        return [*first, "-", *("-" for _ in shown), f"failed: {row.error_type}"]
    primary = f"{row.primary_value:.4f} ± {row.stds[plan.sort_by]:.4f}"
    note = "" if row.status == COMPLETE else f"{row.n_folds_ok} of {plan.n_folds} folds: {row.error_type}"
    return [*first, primary, *(f"{row.means[key]:.4f}" for key in shown), note]


def outcome_lines(result: RunResult, home: Path) -> list[str]:
    """What a run left behind, and what to type next."""
    best, summary = result.leaderboard.best, result.summary
    assert best is not None  # noqa: S101 - a run without a best model raises
    page = f": {result.mlflow_url}" if result.mlflow_url else ""
    lines = [
        f"Best: {best.model_name} ({best.model_id}), {result.plan.sort_by} {best.primary_value:.4f}",
        f"Took {summary.wall_seconds:.1f} s on {summary.slots} slots; ideal {summary.ideal_seconds:.1f} s, "  # noqa: ISC004
        f"efficiency {summary.efficiency:.0%}",
        "",
        f"Tables  {result.tables.name('runs')}",
        f"        {result.tables.name('trials')}",
        f"        {result.tables.name('leaderboard')}",
        f"MLflow  run {result.mlflow_run_id} in experiment {result.experiment_id}{page}",
    ]
    if result.model_uri:
        lines.append(f"Model   {result.model_uri}")
    if result.registered:
        lines.append(f"        registered as {result.registered[0]}, version {result.registered[1]}")
    lines += [f"Warning: {problem}" for problem in result.problems]
    where = "" if home == Path(".bakeoff") else f" --home {home}"
    if result.tables.in_metastore:
        where = f" --schema {result.tables.schema}"
    return [
        *lines,
        "",
        "Next:",
        f"  bakeoff leaderboard {result.run_id}{where}",
        f'  bakeoff sql "SELECT * FROM best_models"{where}',  # noqa: S608 - for a person to type
        f"  bakeoff ui{'' if home == Path('.bakeoff') else f' --home {home}'}",
    ]


def leaderboard_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows of the ``leaderboard`` table as they are shown: the primary metric first, the others behind it."""
    import pandas as pd

    primary = rows[0]["primary_metric"]
    others = [key for key in (rows[0]["metrics"] or {}) if key != primary]
    shown = [
        {
            "rank": row["rank"],
            "model": row["model_name"],
            "id": row["model_id"],
            primary: row["primary_value"],
            "std": (row["metrics_std"] or {}).get(primary),
            **{key: (row["metrics"] or {}).get(key) for key in others},
            "status": row["status"],
            "error": row["error_type"],
        }
        for row in rows
    ]
    frame = pd.DataFrame(shown)
    return frame.drop(columns="error") if frame["error"].isna().all() else frame


def print_frame(console: Console, frame: pd.DataFrame) -> None:
    """Print a data frame as an aligned table."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    numeric = set(frame.select_dtypes("number").columns)
    for name in frame.columns:
        table.add_column(str(name), justify="right" if name in numeric else "left", overflow="fold")
    for values in frame.itertuples(index=False, name=None):
        table.add_row(*(_text(value) for value in values))
    wide = console if console.is_terminal else Console(file=console.file, width=10_000, highlight=False)
    wide.print(table)


def _text(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124 - NaN and NaT are what does not equal itself
        return ""
    if isinstance(value, float):
        return f"{value:.4f}"
    return str(value)
