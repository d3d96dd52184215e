"""Tables of results: the error beside the best one's, ranks, seconds and failures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from benchmarks.quality.cells import Result

_LEAST = 1e-4
"""Errors are not taken for less than this, since some tables can be predicted without any."""


def tables(results: Iterable[Result]) -> Iterator[str]:
    """Yield a table of each budget, with the folds that all its systems have tried."""
    frame = pd.DataFrame([{**each.cell.__dict__, **each.__dict__} for each in results]).drop(columns="cell")
    frame["failed"] = frame["error"].isna()
    frame["error"] = frame["error"].fillna(frame["constant"]).clip(lower=_LEAST)
    for minutes, part in frame.groupby("minutes"):
        yield f"### {minutes:g} min\n\n" + "\n".join(_table(part))


def _table(part: pd.DataFrame) -> Iterator[str]:
    systems = list(part["system"].drop_duplicates())
    done = part.groupby(["data_set", "fold"])["system"].transform("nunique") == len(systems)
    part = part[done]
    by_cell = {"index": "data_set", "columns": "system", "sort": False}
    errors = part.pivot_table("error", aggfunc="mean", **by_cell)[systems]
    failed = part.pivot_table("failed", aggfunc="sum", **by_cell)[systems]
    relative = errors.div(errors.min(axis=1), axis=0)
    metrics, folds = part.groupby("data_set")["metric"].first(), part.groupby("data_set")["fold"].nunique()
    yield _line("table", "metric", "folds", "best error", *systems)
    yield "|---" * (4 + len(systems)) + "|"
    for name in errors.index:
        shown = [_share(relative.loc[name, system], failed.loc[name, system]) for system in systems]
        yield _line(name, metrics[name], folds[name], f"{errors.loc[name].min():.4g}", *shown)
    by_system = part.groupby("system")
    rows: dict[str, Sequence[str]] = {
        "median of error / best": [f"{relative[system].median():.3f}" for system in systems],
        "worst of error / best": [f"{relative[system].max():.3f}" for system in systems],
        "mean rank": [f"{errors.rank(axis=1)[system].mean():.2f}" for system in systems],
        "mean wall seconds": [f"{by_system['wall_seconds'].mean()[system]:.0f}" for system in systems],
        "longest, seconds": [f"{by_system['wall_seconds'].max()[system]:.0f}" for system in systems],
        "failures": [f"{by_system['failed'].sum()[system]} of {by_system.size()[system]}" for system in systems],
    }
    for name, values in rows.items():
        yield _line(f"**{name}**", "", "", "", *values)


def _share(value: float, n_failed: int) -> str:
    return f"{value:.3f} ({n_failed} failed)" if n_failed else f"{value:.3f}"


def _line(*values: object) -> str:
    return "| " + " | ".join(map(str, values)) + " |"
