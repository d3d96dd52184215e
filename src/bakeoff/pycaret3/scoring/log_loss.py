"""The logarithmic loss of probabilities, which PyCaret's classification does not have among its metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

LOG_LOSS = "log_loss"
"""Key of the metric."""
NAME = "Log loss"
_NAMES = {LOG_LOSS, "logloss", "log loss"}


def is_log_loss(sort: str | None) -> bool:
    """Whether a metric that was asked for is the log-loss, however it is written.

    Example:
        >>> is_log_loss("LogLoss"), is_log_loss("Log loss"), is_log_loss("AUC"), is_log_loss(None)
        (True, True, False, False)
    """
    return sort is not None and sort.lower() in _NAMES


def add_log_loss(experiment: Any) -> None:
    """Add the metric to an experiment of classification."""
    experiment.add_metric(LOG_LOSS, NAME, mean_log_loss, target="pred_proba", greater_is_better=False)


def mean_log_loss(y_true: Any, y_pred: Any) -> float:
    """Return the mean negative logarithm of the probability of the true class.

    Args:
        y_true: the classes.
        y_pred: probabilities, a column for each class in their order; of two classes, those of the second.

    Example:
        >>> round(mean_log_loss([0, 1], [0.5, 0.5]), 4)
        0.6931
    """
    from sklearn.metrics import log_loss

    chances = np.asarray(y_pred, dtype=float)
    n_classes = 2 if chances.ndim == 1 else chances.shape[1]
    found = np.unique(y_true)
    # PyCaret counts classes from 0, so that a fold without rows of a class can be scored as well.
    return float(log_loss(y_true, chances, labels=found if len(found) == n_classes else np.arange(n_classes)))
