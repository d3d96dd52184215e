"""Restoring the state of a PyCaret experiment from results, as if it had compared the models itself."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np
from pycaret.utils.generic import get_label_encoder
from pycaret.utils.time_series.forecasting.pipeline import _add_model_to_pipeline

from bakeoff.comparison.leaderboard import Leaderboard
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Outcome
from bakeoff.pycaret3.frozen import FrozenExperiment
from bakeoff.pycaret3.request import Request, make_estimator, task_of
from bakeoff.pycaret3.row_order import keep_its_row_order
from bakeoff.pycaret3.score_grid import fold_frame, score_grid


def restore_state(experiment: Any, request: Request, frozen: FrozenExperiment, plan: Plan, board: Leaderboard) -> None:
    """Fill in the state that ``pull()``, ``automl()`` and ``get_leaderboard()`` read.

    Only complete models go into the container, in the order given: a NaN would mislead ``automl()``.
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
    for model in plan.all_models:
        if model.id in complete:
            scores = fold_frame(plan, by_model[model.id], cutoffs)
            entry = {"model": make_estimator(experiment, request, model.id), "scores": scores, "cv": request.cv}
            experiment._master_model_container.append(entry)


def load_models(pickled: Mapping[str, bytes]) -> dict[str, Any]:
    """Unpickle the refitted models, by id in the order of the mapping."""
    return {model_id: pickle.loads(content) for model_id, content in pickled.items()}


def final_pipeline(experiment: Any, model: Any) -> Any:
    """Join the fitted preprocessing and a fitted model into one pipeline that takes raw input columns."""
    if task_of(experiment) == "time_series":
        return _add_model_to_pipeline(pipeline=experiment.pipeline, model=model)
    pipeline = deepcopy(experiment.pipeline)
    pipeline.memory = None  # a cache folder of this machine means nothing where the model is loaded
    pipeline.steps.append(("trained_model", model))
    keep_its_row_order(pipeline)
    return pipeline


def answering(pipeline: Any, classes: Mapping[str, Any]) -> Any:
    """Let a fitted pipeline answer the values that its classes have in the source.

    Args:
        pipeline: a pipeline of `final_pipeline`, which is changed.
        classes: value of the source by the name of its class; empty if the classes are the values.
    """
    if classes:
        encoder = get_label_encoder(pipeline)
        encoder.classes_ = np.array([classes[name] for name in encoder.classes_])
    return pipeline
