"""Evaluation of the best model on the hold-out rows, as numbers to draw from.

PyCaret's ``plot_model`` shows the same, but as pictures of a fixed size under file names of its own. The rows are those
that ``setup()`` put aside: neither the comparison nor the fit of the winner has used them.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from pycaret.internal.patches.sklearn import MultimetricScorerPatched
from pycaret.internal.pipeline import pipeline_predict_inverse_only
from sklearn.metrics import auc, confusion_matrix, roc_curve

from bakeoff.comparison.model_diagnostics import (
    ClassificationDiagnostics,
    FeatureImportance,
    ForecastDiagnostics,
    ModelDiagnostics,
    RegressionDiagnostics,
    RocCurve,
)
from bakeoff.pycaret3.prepared import PreparedComparison
from bakeoff.pycaret3.request import task_of
from bakeoff.pycaret3.restore import final_pipeline
from bakeoff.pycaret3.runners.quiet import hushed

MOST_LABELS = 12
"""Largest number of classes for which a confusion matrix is readable."""
MOST_POINTS = 500
"""Largest number of rows whose actual and predicted values are kept."""
MOST_FEATURES = 15
"""Largest number of features whose importance is kept."""
_HISTORY_LENGTHS = 4
"""Length of the history before a forecast, in multiples of the horizon."""


def evaluate(experiment: Any, pipeline: Any) -> ModelDiagnostics:
    """Predict the hold-out rows with a fitted pipeline, and return the numbers that describe the result.

    Args:
        experiment: a PyCaret experiment after ``setup()``.
        pipeline: preprocessing and model, fitted on the training rows.
    """
    task = task_of(experiment)
    if task == "time_series":
        return _forecast(experiment, pipeline)
    X, y = experiment.X_test, experiment.y_test
    predicted = pd.Series(np.asarray(pipeline.predict(X)), index=X.index)
    if task == "classification":
        return _classes(pipeline, X, y, predicted)
    chosen = _spread(len(y))
    return RegressionDiagnostics(len(y), _numbers(y.to_numpy()[chosen]), _numbers(predicted.to_numpy()[chosen]))


def holdout_values(experiment: Any, comparison: PreparedComparison, models: Mapping[str, Any]) -> dict[str, float]:
    """Return the metric that ranks on the hold-out rows, for models that were fitted on the training rows.

    Args:
        experiment: the experiment after ``setup()``.
        comparison: what was compared.
        models: the models by their ids.

    Returns:
        Values in their natural sign, by model id, without those that cannot be computed.
    """
    key, greater_is_better = comparison.plan.sort_by, comparison.plan.greater_is_better
    scorer = MultimetricScorerPatched(scorers={key: comparison.frozen.scorers[key]}, raise_exc=False)
    values: dict[str, float] = {}
    rows: tuple[Any, Any] | None = None
    for model_id, model in models.items():
        pipeline = final_pipeline(experiment, model)
        if rows is None:  # the preprocessing is the same for all
            X, y = experiment.X_test, experiment.y_test
            X, kept = pipeline._memory_full_transform(pipeline, X, y, with_final=False)
            rows = X, y[y.index.isin(kept.index)]
        with pipeline_predict_inverse_only(), hushed(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = scorer(pipeline, *rows)[key]
        if not isinstance(value, str) and np.isfinite(value):
            values[model_id] = float(value) if greater_is_better else -float(value)
    return values


def importance_of(experiment: Any, pipeline: Any) -> FeatureImportance | None:
    """Return the importance that a fitted model gives its features; ``None`` if it gives none.

    Args:
        experiment: a PyCaret experiment after ``setup()``.
        pipeline: preprocessing and model, fitted on the training rows.
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
            # A coefficient alone depends on the feature's unit as much as on the feature.
            values, names = weights * rows.std().to_numpy(dtype=float), list(rows.columns)
            measure = "the size of the coefficients times the spread of their features"
    if values is None or names is None or len(values) != len(names):
        return None
    values = np.asarray(values, dtype=float)
    total = float(np.abs(values).sum())
    if not np.isfinite(total) or total <= 0:
        return None
    order = np.argsort(-values, kind="stable")[:MOST_FEATURES]
    return FeatureImportance(measure, [(str(names[i]), float(values[i] / total)) for i in order])


def _classes(pipeline: Any, X: pd.DataFrame, y: pd.Series[Any], predicted: pd.Series[Any]) -> ClassificationDiagnostics:
    true_labels, predicted_labels = y.astype(str).to_numpy(), predicted.astype(str).to_numpy()
    labels = sorted(
        set(true_labels) | set(predicted_labels),
        key=lambda label: (len(label), label) if label.isdigit() else (0, label),
    )
    if len(labels) > MOST_LABELS:
        return ClassificationDiagnostics(len(y))
    matrix = confusion_matrix(true_labels, predicted_labels, labels=labels)
    roc = _roc(pipeline, X, true_labels, labels)
    return ClassificationDiagnostics(len(y), labels, matrix.tolist(), roc, _positive(y, labels))


def _positive(y: pd.Series[Any], labels: list[str]) -> str:
    """Return the class that Recall, Prec. and F1 are about; empty where they are averages over the classes.

    PyCaret has a positive class only where the target is 0 and 1, or false and true. It averages over two classes of
    other names, weighted by their rows, as it does over several.
    """
    return labels[1] if len(labels) == 2 and ((y == 0) | (y == 1)).all() else ""  # noqa: PLR2004


def _roc(pipeline: Any, X: pd.DataFrame, true_labels: np.ndarray[Any, Any], labels: list[str]) -> list[RocCurve]:
    """Return the ROC curve of the second of two classes, or of each of several against the rest.

    Empty without probabilities.
    """
    try:
        probabilities = np.asarray(pipeline.predict_proba(X))
    except (AttributeError, NotImplementedError):
        return []
    # PyCaret encodes the labels in their sorted order, which for text and numbers is the order of these columns.
    classes = sorted(set(true_labels), key=labels.index)
    if probabilities.ndim != 2 or probabilities.shape[1] != len(labels) or len(classes) < 2:  # noqa: PLR2004 - of a matrix, of labels
        return []
    curves: list[RocCurve] = []
    for position, label in enumerate(labels):
        if (len(labels) == 2 and position == 0) or label not in classes:  # noqa: PLR2004
            continue
        x, y, _ = roc_curve(true_labels == label, probabilities[:, position])
        shown = np.unique(np.linspace(0, len(x) - 1, min(len(x), 100)).astype(int))
        curves.append(RocCurve(label, float(auc(x, y)), _numbers(x[shown]), _numbers(y[shown])))
    return curves


def _forecast(experiment: Any, pipeline: Any) -> ForecastDiagnostics:
    actual = experiment.y_test
    predicted = np.asarray(pipeline.predict(fh=experiment.fh, X=experiment.X_test)).ravel()
    history = experiment.y_train.iloc[-max(_HISTORY_LENGTHS * len(actual), 24) :]
    return ForecastDiagnostics(
        rows=len(actual),
        frequency=getattr(actual.index, "freqstr", None),
        when=[str(moment) for moment in actual.index],
        actual=_numbers(actual.to_numpy()),
        predicted=_numbers(predicted),
        history_when=[str(moment) for moment in history.index],
        history=_numbers(history.to_numpy()),
    )


def _spread(n_rows: int) -> np.ndarray[Any, Any]:
    """Return the positions of at most `MOST_POINTS` rows, evenly spread over all of them."""
    return np.asarray(np.linspace(0, n_rows - 1, min(n_rows, MOST_POINTS)), dtype=int)


def _numbers(values: Any) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in np.asarray(values, dtype=float)]
