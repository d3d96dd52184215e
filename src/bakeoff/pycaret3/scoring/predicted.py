"""Predictions of a trial, from what scoring recorded to what is kept, and their size."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from pycaret.utils.generic import get_label_encoder

from bakeoff.comparison.predictions import Kind, Predictions, aligned, expected_bytes

if TYPE_CHECKING:
    from bakeoff.pycaret3.frozen import FrozenExperiment
    from bakeoff.pycaret3.request import Request

_LOG = logging.getLogger(__name__)


def class_positions(frozen: FrozenExperiment) -> dict[Any, int]:
    """Return the position of each class in the order of the classes; empty for a regression."""
    if frozen.task != "classification":
        return {}
    return {label: position for position, label in enumerate(np.unique(np.asarray(frozen.y)).tolist())}


def prediction_bytes(experiment: Any, request: Request, n_candidates: int = 0) -> int | None:
    """Return the bytes that the predictions of a comparison take; ``None`` if it has none that could be kept.

    Args:
        experiment: a PyCaret experiment after ``setup()``.
        request: what is compared.
        n_candidates: number of models that tuning adds.
    """
    if not request.cross_validation:
        return None
    y = experiment.y_train
    n_classes = int(y.nunique()) if request.task == "classification" else 0
    n_test = len(y) * getattr(request.cv, "n_repeats", 1)
    if request.task == "time_series":
        n_test = request.cv.get_n_splits(y) * len(request.cv.fh)
    return expected_bytes(len(request.models) + n_candidates, n_test, n_classes)


def test_positions(frozen: FrozenExperiment, fold: int, index: Any) -> np.ndarray[Any, Any] | None:
    """Return which test rows of a fold were predicted, by their index; ``None`` for all of them."""
    test = frozen.splits[fold][1]
    if len(index) == len(test):
        return None
    tested: Any = frozen.y.index[test]
    return np.asarray(tested.get_indexer(index))


def packed_predictions(
    said: Mapping[str, Any],
    pipeline: Any,
    positions: Mapping[Any, int] | None,
    rows: np.ndarray[Any, Any] | None,
) -> bytes | None:
    """Return what scoring made a pipeline predict, packed: the one that says most.

    Args:
        said: the results by method, as `recorded_predictions` yields them.
        pipeline: the fitted pipeline.
        positions: position of each class; empty for a regression.
        rows: positions of the predicted rows; ``None`` for all test rows of the fold.

    Returns:
        The predictions; ``None`` if the model said nothing that can be kept.
    """
    try:
        found = _of_classes(said, pipeline, positions) if positions else _of_numbers(said)
        return None if found is None else Predictions(*found, rows).pack()
    except Exception as error:  # models may answer anything; their scores are what counts
        _LOG.info("The predictions cannot be kept: %s: %s", type(error).__name__, error)
        return None


def _of_numbers(said: Mapping[str, Any]) -> tuple[Kind, np.ndarray[Any, Any]] | None:
    return (Kind.VALUES, np.asarray(said["predict"], dtype=float).ravel()) if "predict" in said else None


def _of_classes(
    said: Mapping[str, Any], pipeline: Any, positions: Mapping[Any, int]
) -> tuple[Kind, np.ndarray[Any, Any]] | None:
    if "predict_proba" in said:
        encoder = get_label_encoder(pipeline)
        own = np.asarray(pipeline.steps[-1][1].classes_)
        own = own if encoder is None else encoder.inverse_transform(own)
        probabilities = aligned(np.asarray(said["predict_proba"], dtype=float), own, positions)
        if probabilities is not None:
            return Kind.PROBABILITIES, probabilities
    if "decision_function" in said:
        return Kind.DECISIONS, np.asarray(said["decision_function"], dtype=float)
    if "predict" in said:
        codes = [positions.get(label, -1) for label in np.asarray(said["predict"]).ravel().tolist()]
        return Kind.LABELS, np.array(codes)
    return None
