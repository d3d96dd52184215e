"""PyCaret's score grid, built from outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bakeoff.comparison.leaderboard import FAILED, Row
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import TT, Outcome

TT_COLUMN = "TT (Sec)"
"""PyCaret's column for the mean seconds per fold."""


def score_grid(plan: Plan, rows: Sequence[Row], *, as_objects: bool = False) -> pd.DataFrame:
    """Build the frame that ``pull()`` returns: one row for each model that has a score, in the order of ``rows``.

    Args:
        plan: names the metrics, and the number of decimals that values are rounded to.
        rows: the ranked models.
        as_objects: whether metric columns have dtype object, as in PyCaret's time series experiments.

    Returns:
        PyCaret's columns, indexed by model id; empty if no model has a score.
    """
    scored = [row for row in rows if row.status != FAILED]
    if not scored:
        return pd.DataFrame()
    columns: dict[str, list[Any]] = {"Model": [row.model_name for row in scored]}
    for metric in plan.metrics:
        columns[metric.name] = [row.means[metric.key] for row in scored]
    columns[TT_COLUMN] = [row.means[TT] for row in scored]
    grid = pd.DataFrame(columns, index=[row.model_id for row in scored]).round(plan.decimals)
    return grid.astype({metric.name: object for metric in plan.metrics}) if as_objects else grid


def fold_frame(plan: Plan, outcomes: Sequence[Outcome], cutoffs: Sequence[Any] | None = None) -> pd.DataFrame:
    """Build the frame of one model's fold scores that ``create_model`` shows, with mean and standard deviation below.

    Args:
        plan: names the metrics, and the number of decimals that values are rounded to.
        outcomes: one for each fold, in the order of the folds.
        cutoffs: last training period of each fold of a time series.
    """
    scores = {metric.name: [outcome.metrics[metric.key] for outcome in outcomes] for metric in plan.metrics}
    frame = pd.DataFrame(scores)
    spread = "Std" if cutoffs is None else "SD"
    summary_rows = pd.DataFrame({name: [np.mean(values), np.std(values)] for name, values in scores.items()})
    frame = pd.concat([frame, summary_rows], ignore_index=True).round(plan.decimals)
    frame.index = pd.Index([*range(len(outcomes)), "Mean", spread], name="Fold" if cutoffs is None else None)
    if cutoffs is not None:
        frame.insert(0, "cutoff", pd.Series([*cutoffs, pd.NaT, pd.NaT], index=frame.index))
    return frame


def highlighted(experiment: Any, grid: pd.DataFrame, decimals: int) -> Any:
    """Style the ranking as PyCaret shows it at the end, with the best value of each column highlighted."""
    if grid.empty:
        return grid
    style = grid.style.format(precision=decimals, escape="html")
    style = style.set_table_styles([{"selector": "th, td", "props": [("text-align", "left")]}])
    return experiment._highlight_models(style)


def sort_column(plan: Plan) -> tuple[str, bool]:
    """Return the column that PyCaret's grid is sorted by, and whether in ascending order."""
    names = {metric.key: metric.name for metric in plan.metrics}
    return names.get(plan.sort_by, TT_COLUMN), not plan.greater_is_better
