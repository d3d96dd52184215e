"""Class labels converted to forms that metrics are fast with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics

_LONGEST_LABEL = 32
"""Numpy stores every text of an array in the length of its longest: long labels would cost more than they save."""

_COUNTING_METRICS = frozenset(
    {
        metrics.accuracy_score,
        metrics.precision_score,
        metrics.recall_score,
        metrics.f1_score,
        metrics.cohen_kappa_score,
        metrics.matthews_corrcoef,
    }
)
"""Metrics that only count how often each pair of labels occurs. Distinct pairs with their counts as weights lead to the
same whole numbers, and so to the same score to the last bit."""


class QuickLabelsScoreFunc:
    """A score function that receives labels in a form that it is fast with.

    The functions of scikit-learn sort the labels again and again to find the distinct ones, which is most of what
    scoring a few thousand rows takes. Those that only count get each pair of labels once, with its count as weight; the
    others get Python strings as numpy's text, which is faster to compare.

    Example:
        >>> quick = QuickLabelsScoreFunc(metrics.accuracy_score)
        >>> quick(pd.Series(["yes", "no"]), np.array(["yes", "yes"], dtype=object))
        0.5
    """

    def __init__(self, score_func: Callable[..., Any]) -> None:
        self.score_func = score_func
        self.__name__ = getattr(score_func, "__name__", type(score_func).__name__)

    def __call__(self, y_true: Any, y_pred: Any, **kwargs: Any) -> Any:
        """Compute the score."""
        true, predicted = quick_labels(y_true), quick_labels(y_pred)
        if _is_object(true) or _is_object(predicted):  # numpy's text and Python strings do not compare alike
            true, predicted = y_true, y_pred
        if self.score_func in _COUNTING_METRICS and kwargs.get("sample_weight") is None:
            pairs = count_pairs(true, predicted)
            if pairs is not None:
                true, predicted, kwargs["sample_weight"] = pairs
        return self.score_func(true, predicted, **kwargs)


def quick_labels(labels: Any) -> Any:
    """Convert Python strings, including pandas' categories, to numpy's text; return anything else unchanged.

    Example:
        >>> quick_labels(pd.Series(["no", "yes", "no"]))
        array(['no', 'yes', 'no'], dtype='<U3')
        >>> quick_labels([1, 0]), quick_labels(np.array(["a", None], dtype=object))
        ([1, 0], array(['a', None], dtype=object))
    """
    if not _is_object(labels) or labels.ndim != 1:
        return labels
    values = np.asarray(labels)
    texts = values.tolist()
    if set(map(type, texts)) != {str}:  # an empty list is returned here, too
        return labels
    if max(map(len, texts)) > _LONGEST_LABEL or "\0" in "".join(texts):  # numpy's text cannot end with a NUL
        return labels
    return values.astype(str)


def _is_object(labels: Any) -> bool:
    dtype = getattr(labels, "dtype", None)
    return bool(dtype == np.dtype(object)) or isinstance(dtype, pd.CategoricalDtype)


def count_pairs(true: Any, predicted: Any) -> tuple[Any, Any, Any] | None:
    """Return the distinct pairs of labels and their counts; ``None`` unless labels are text or whole numbers.

    Example:
        >>> count_pairs(np.array([0, 1, 1, 1]), np.array([0, 1, 0, 1]))
        (array([0, 1, 1]), array([0, 0, 1]), array([1, 1, 2]))
    """
    arrays = np.asarray(true), np.asarray(predicted)
    if any(array.ndim != 1 or array.dtype.kind not in "Uiub" for array in arrays) or len(arrays[0]) != len(arrays[1]):
        return None
    if not len(arrays[0]):
        return None
    (true_values, true_codes), (predicted_values, predicted_codes) = (
        np.unique(array, return_inverse=True) for array in arrays
    )
    n_predicted = len(predicted_values)
    counts = np.bincount(true_codes * n_predicted + predicted_codes, minlength=len(true_values) * n_predicted)
    (pairs,) = np.nonzero(counts)
    return true_values[pairs // n_predicted], predicted_values[pairs % n_predicted], counts[pairs]
