"""The folds of a comparison, as positions in the training rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pycaret.utils.generic import get_label_encoder
from sklearn.model_selection import TimeSeriesSplit
from sklearn.model_selection._split import GroupsConsumerMixin

from bakeoff.pycaret3.request import Request

Split = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]
"""Positions of the train rows and of the test rows of a fold."""


class Unseen(NamedTuple):
    """Test rows of a fold whose class none of its training rows has, so that no model can be scored on them.

    Attributes:
        fold: number of the fold.
        label: the class.
        rows: positions of the rows.
    """

    fold: int
    label: Any
    rows: np.ndarray[Any, Any]


def draw_splits(experiment: Any, request: Request) -> tuple[Split, ...]:
    """Draw the folds, as positions in the training rows.

    A row whose class would be in the test rows only is trained on in this fold. Plain PyCaret fails there, as its
    encoder does not know the class. Where rows must not change sides, for groups and for time, the folds
    stay as they are.

    Raises:
        ValueError: The splitter cannot split these rows.
    """
    splits = drawn_splits(experiment, request)
    if isinstance(request.cv, (GroupsConsumerMixin, TimeSeriesSplit)):
        return splits
    changed = list(splits)
    for unseen in find_unseen(experiment, request, splits):
        train, test = changed[unseen.fold]
        rest = np.setdiff1d(test, unseen.rows)
        if 2 * len(rest) >= len(splits[unseen.fold][1]):  # otherwise there is nothing left to test on
            changed[unseen.fold] = np.union1d(train, unseen.rows), rest
    return tuple(changed)


def drawn_splits(experiment: Any, request: Request) -> tuple[Split, ...]:
    """Draw the folds as the splitter makes them.

    Raises:
        ValueError: The splitter cannot split these rows.
    """
    X, y = experiment._create_model_get_train_X_y(None, None)
    if not request.cross_validation:
        return ((np.arange(len(y)), np.arange(0)),)  # the test rows are the hold-out's, which the experiment has
    # Plain PyCaret seeds numpy before each model, and a splitter without a seed of its own draws from it.
    np.random.seed(experiment.seed)
    drawn = request.cv.split(y) if request.task == "time_series" else request.cv.split(X, y, request.groups)
    return tuple(drawn)


def find_unseen(experiment: Any, request: Request, splits: Iterable[Split]) -> list[Unseen]:
    """Return the test rows of folds that no model can be scored on, because their class has no training rows.

    Classes that are numbered from 0 need no encoder, and PyCaret then counts such rows as wrong answers.
    """
    if request.task != "classification" or get_label_encoder(experiment.pipeline) is None:
        return []
    codes, labels = pd.factorize(experiment.y_train)
    found = []
    for number, (train, test) in enumerate(splits):
        missing = np.bincount(codes[train], minlength=len(labels)) == 0
        unseen = np.unique(codes[test][missing[codes[test]]])
        found += [Unseen(number, labels[code], test[codes[test] == code]) for code in unseen]
    return found
