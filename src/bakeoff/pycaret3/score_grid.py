"""PyCaret's score grid, made from outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bakeoff.comparison.leaderboard import FAILED, Row
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import TT, Outcome

TT_COLUMN = "TT (Sec)"


def score_grid(plan: Plan, rows: Sequence[Row], *, as_objects: bool = False) -> pd.DataFrame:
    """The frame that ``pull()`` returns: one row for each model that has a score, in the order of ``rows``.

    Values are rounded to the plan's decimals, the index holds model ids, and the columns are PyCaret's. A time series
    experiment of PyCaret's has its metrics in columns of objects: ``as_objects`` does the same.
    """
    shown = [row for row in rows if row.status != FAILED]
    if not shown:
        return pd.DataFrame()
    columns: dict[str, list[Any]] = {"Model": [row.model_name for row in shown]}
    for metric in plan.metrics:
        columns[metric.name] = [row.means[metric.key] for row in shown]
    columns[TT_COLUMN] = [row.means[TT] for row in shown]
    grid = pd.DataFrame(columns, index=[row.model_id for row in shown]).round(plan.decimals)
    return grid.astype({metric.name: object for metric in plan.metrics}) if as_objects else grid


def fold_frame(plan: Plan, outcomes: Sequence[Outcome], cutoffs: Sequence[Any] | None = None) -> pd.DataFrame:
    """The fold scores of one model, with mean and deviation below, as ``create_model`` shows them."""
    scores = {metric.name: [outcome.metrics[metric.key] for outcome in outcomes] for metric in plan.metrics}
    frame = pd.DataFrame(scores)
    spread = "Std" if cutoffs is None else "SD"
    ends = pd.DataFrame({name: [np.mean(values), np.std(values)] for name, values in scores.items()})
    frame = pd.concat([frame, ends], ignore_index=True).round(plan.decimals)
    frame.index = pd.Index([*range(len(outcomes)), "Mean", spread], name="Fold" if cutoffs is None else None)
    if cutoffs is not None:
        frame.insert(0, "cutoff", pd.Series([*cutoffs, pd.NaT, pd.NaT], index=frame.index))
    return frame


def highlighted(experiment: Any, grid: pd.DataFrame, decimals: int) -> Any:
    """The styled ranking that PyCaret shows at the end; the best value of each column stands out."""
    if grid.empty:
        return grid
    style = grid.style.format(precision=decimals, escape="html")
    style = style.set_table_styles([{"selector": "th, td", "props": [("text-align", "left")]}])
    return experiment._highlight_models(style)


def sort_column(plan: Plan) -> tuple[str, bool]:
    """The column that PyCaret's grid is sorted by, and whether small values come first."""
    names = {metric.key: metric.name for metric in plan.metrics}
    return names.get(plan.sort_by, TT_COLUMN), not plan.greater_is_better
