"""Putting results back into an experiment, as if it had compared the models itself."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import pandas as pd
from pycaret.utils.time_series.forecasting.pipeline import _add_model_to_pipeline

from bakeoff.comparison.leaderboard import FAILED, Leaderboard, Row
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import TT, Outcome
from bakeoff.pycaret3.frozen import FrozenExperiment
from bakeoff.pycaret3.request import Request, make_estimator, task_of

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


def restore_state(experiment: Any, request: Request, frozen: FrozenExperiment, plan: Plan, board: Leaderboard) -> None:
    """Fill what ``pull()``, ``automl()`` and ``get_leaderboard()`` read.

    Only complete models go into the container, in the order given: ``automl()`` would choose wrongly by a NaN.
    """
    is_series = request.task == "time_series"
    as_objects = is_series and request.cross_validation  # PyCaret's hold-out scores are numbers
    experiment._display_container.append(score_grid(plan, board.rows, as_objects=as_objects))
    if not request.cross_validation:
        return  # plain PyCaret adds nothing else to its state
    complete = {row.model_id for row in board.rows if row.complete}
    by_model: dict[str, list[Outcome]] = {}
    for outcome in board.outcomes:
        by_model.setdefault(outcome.model_id, []).append(outcome)
    cutoffs = None
    if is_series:
        cutoffs = [frozen.y.index[train[-1]] for train, _ in frozen.splits]
    for model in plan.models:
        if model.id in complete:
            scores = fold_frame(plan, by_model[model.id], cutoffs)
            entry = {"model": make_estimator(experiment, request, model.id), "scores": scores, "cv": request.cv}
            experiment._master_model_container.append(entry)


def chosen(board: Leaderboard, n_select: int) -> list[str]:
    """The models to return: the best ``n_select``, or the worst where it is negative, in the order of the ranking.

    Example:
        >>> chosen(Leaderboard((), ()), 3)
        []
    """
    ids = [row.model_id for row in board.rows if row.status != FAILED]
    count = min(len(ids), abs(n_select))
    return ids[len(ids) - count :] if n_select < 0 else ids[:count]


def load_models(pickled: Mapping[str, bytes]) -> dict[str, Any]:
    """The refitted models by id, in the order of the mapping."""
    return {model_id: pickle.loads(content) for model_id, content in pickled.items()}


def highlighted(experiment: Any, grid: pd.DataFrame, decimals: int) -> Any:
    """The styled ranking that PyCaret shows at the end; the best value of each column stands out."""
    if grid.empty:
        return grid
    style = grid.style.format(precision=decimals, escape="html")
    style = style.set_table_styles([{"selector": "th, td", "props": [("text-align", "left")]}])
    return experiment._highlight_models(style)


def final_pipeline(experiment: Any, model: Any) -> Any:
    """The fitted preprocessing and a fitted model as one pipeline that takes raw input columns."""
    if task_of(experiment) == "time_series":
        return _add_model_to_pipeline(pipeline=experiment.pipeline, model=model)
    pipeline = deepcopy(experiment.pipeline)
    pipeline.memory = None  # a cache folder of this machine means nothing where the model is loaded
    pipeline.steps.append(("trained_model", model))
    return pipeline


def sort_column(plan: Plan) -> tuple[str, bool]:
    """The column that PyCaret's grid is sorted by, and whether small values come first."""
    names = {metric.key: metric.name for metric in plan.metrics}
    return names.get(plan.sort_by, TT_COLUMN), not plan.greater_is_better
