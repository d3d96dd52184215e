"""The experiment's own logger, ``setup(log_experiment=True)``: it logs on the driver what plain PyCaret would log.

Workers never log. So a comparison is one session run with one child run for each model, wherever the trials ran.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bakeoff.comparison.leaderboard import Leaderboard
from bakeoff.comparison.plan import Plan
from bakeoff.pycaret3.request import Request, make_estimator
from bakeoff.pycaret3.score_grid import TT_COLUMN, score_grid


def log_comparison(
    experiment: Any, request: Request, plan: Plan, board: Leaderboard, fitted: Mapping[str, Any]
) -> list[str]:
    """Log the ranking and one run for each model that has a score; do nothing if the experiment has no logger.

    Args:
        experiment: a PyCaret experiment, which holds its logger.
        request: the arguments of the comparison.
        plan: the plan of the comparison.
        board: its result.
        fitted: the refitted models by id; the other models are logged unfitted, as PyCaret does.

    Returns:
        One line for each problem; a logger that fails costs no model.
    """
    if not experiment.logging_param or not request.cross_validation:
        return []
    grid = score_grid(plan, board.rows)
    if grid.empty:
        return []
    try:
        _log(experiment, request, grid, {row.model_id: row.fit_seconds for row in board.rows}, fitted)
    except Exception as error:
        return [f"{type(experiment.logging_param).__name__}: {type(error).__name__}: {error}"]
    return []


def _log(
    experiment: Any, request: Request, grid: pd.DataFrame, seconds: Mapping[str, float], fitted: Mapping[str, Any]
) -> None:
    experiment.logging_param.log_model_comparison(grid, "compare_models")
    uri = secrets.token_hex(nbytes=4)  # ties the runs of one comparison together
    for model_id in grid.index:
        scores = grid.loc[[model_id]].drop(columns=["Model", TT_COLUMN])
        is_fitted = model_id in fitted
        experiment._log_model(
            model=fitted[model_id] if is_fitted else make_estimator(experiment, request, model_id),
            model_results=scores,
            score_dict=dict(scores.iloc[0]),
            source="compare_models",
            runtime=round(seconds[model_id], 2),
            model_fit_time=grid.loc[model_id, TT_COLUMN],
            pipeline=experiment.pipeline,
            log_holdout=is_fitted,
            log_plots=experiment.log_plots_param if is_fitted else [],
            URI=uri,
            experiment_custom_tags=request.custom_tags,
        )
