"""What the best model does on rows that it has not seen, as numbers to draw from.

PyCaret's ``plot_model`` shows the same things, as pictures of a fixed size in files of its own naming. The rows are
those that ``setup()`` put aside: neither the comparison nor the fit of the winner has used them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import auc, confusion_matrix, roc_curve

from bakeoff.pycaret3.request import task_of

MOST_LABELS = 12
"""With more classes than this a confusion matrix is no picture any more."""
MOST_POINTS = 500
MOST_FEATURES = 15
_HISTORY = 4


def look_at(experiment: Any, pipeline: Any) -> dict[str, Any]:
    """Predict the rows that were put aside, and say how that went.

    Args:
        experiment: after ``setup()``.
        pipeline: preprocessing and model, fitted on the training rows.

    Returns:
        For classes ``labels``, ``matrix`` (true by predicted) and ``roc``; for numbers ``actual`` and ``predicted``;
        for a time series also ``when`` and its ``history``. ``rows`` says how many rows that is.
    """
    task = task_of(experiment)
    if task == "time_series":
        return _forecast(experiment, pipeline)
    X, y = experiment.X_test, experiment.y_test
    predicted = pd.Series(np.asarray(pipeline.predict(X)), index=X.index)
    if task == "classification":
        return {"rows": len(y), **_classes(pipeline, X, y, predicted)}
    chosen = _spread(len(y))
    return {
        "rows": len(y),
        "actual": _numbers(y.to_numpy()[chosen]),
        "predicted": _numbers(predicted.to_numpy()[chosen]),
    }


def importance_of(experiment: Any, pipeline: Any) -> dict[str, Any]:
    """What the model makes of its features, as far as it says so; empty where it does not.

    Returns:
        ``measure`` (of what kind the numbers are) and ``features``, pairs of name and share of all, the largest first.
    """
    model = pipeline.steps[-1][1]
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        names = getattr(model, "feature_name_", None)  # LightGBM's
    values, measure = getattr(model, "feature_importances_", None), "the importances that the model itself gives"
    if values is None and (weights := getattr(model, "coef_", None)) is not None:
        rows = experiment.X_train_transformed
        weights = np.abs(np.atleast_2d(np.asarray(weights, dtype=float))).mean(axis=0)
        if len(weights) == rows.shape[1]:
            # A coefficient alone says as much about the feature's unit as about the feature.
            values, names = weights * rows.std().to_numpy(dtype=float), list(rows.columns)
            measure = "the size of the coefficients times the spread of their features"
    if values is None or names is None or len(values) != len(names):
        return {}
    values = np.asarray(values, dtype=float)
    total = float(np.abs(values).sum())
    if not np.isfinite(total) or total <= 0:
        return {}
    order = np.argsort(-values, kind="stable")[:MOST_FEATURES]
    return {"measure": measure, "features": [[str(names[i]), float(values[i] / total)] for i in order]}


def _classes(pipeline: Any, X: pd.DataFrame, y: pd.Series[Any], predicted: pd.Series[Any]) -> dict[str, Any]:
    truth, said = y.astype(str).to_numpy(), predicted.astype(str).to_numpy()
    labels = sorted(set(truth) | set(said), key=lambda label: (len(label), label) if label.isdigit() else (0, label))
    if len(labels) > MOST_LABELS:
        return {}
    matrix = confusion_matrix(truth, said, labels=labels)
    return {"labels": labels, "matrix": matrix.tolist(), "roc": _roc(pipeline, X, truth, labels)}


def _roc(pipeline: Any, X: pd.DataFrame, truth: np.ndarray[Any, Any], labels: list[str]) -> list[Mapping[str, Any]]:
    """One curve for the second of two classes, or each of several against the rest; none without probabilities."""
    try:
        chances = np.asarray(pipeline.predict_proba(X))
    except (AttributeError, NotImplementedError):
        return []
    # PyCaret encodes the labels in their sorted order, which for text and numbers is the order of these columns.
    classes = sorted(set(truth), key=labels.index)
    if chances.ndim != 2 or chances.shape[1] != len(labels) or len(classes) < 2:  # noqa: PLR2004 - of a matrix, of labels
        return []
    curves: list[Mapping[str, Any]] = []
    for position, label in enumerate(labels):
        if (len(labels) == 2 and position == 0) or label not in classes:  # noqa: PLR2004
            continue
        x, y, _ = roc_curve(truth == label, chances[:, position])
        thin = np.unique(np.linspace(0, len(x) - 1, min(len(x), 100)).astype(int))
        curves.append({"label": label, "auc": float(auc(x, y)), "x": _numbers(x[thin]), "y": _numbers(y[thin])})
    return curves


def _forecast(experiment: Any, pipeline: Any) -> dict[str, Any]:
    truth = experiment.y_test
    predicted = np.asarray(pipeline.predict(fh=experiment.fh, X=experiment.X_test)).ravel()
    history = experiment.y_train.iloc[-max(_HISTORY * len(truth), 24) :]
    return {
        "rows": len(truth),
        "frequency": getattr(truth.index, "freqstr", None),
        "when": [str(moment) for moment in truth.index],
        "actual": _numbers(truth.to_numpy()),
        "predicted": _numbers(predicted),
        "history_when": [str(moment) for moment in history.index],
        "history": _numbers(history.to_numpy()),
    }


def _spread(n_rows: int) -> np.ndarray[Any, Any]:
    """Positions of at most `MOST_POINTS` rows, evenly over all of them."""
    return np.asarray(np.linspace(0, n_rows - 1, min(n_rows, MOST_POINTS)), dtype=int)


def _numbers(values: Any) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in np.asarray(values, dtype=float)]
