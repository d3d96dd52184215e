"""Class labels in a form that metrics are quick with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics

_LONGEST = 32
"""Numpy keeps every text of an array as long as its longest: a few long labels would take more than they save."""

_COUNT = frozenset(
    {
        metrics.accuracy_score,
        metrics.precision_score,
        metrics.recall_score,
        metrics.f1_score,
        metrics.cohen_kappa_score,
        metrics.matthews_corrcoef,
    }
)
"""Functions that only count how often each pair of labels occurs. Counted pairs with their numbers as weights give them
the same whole numbers, and so the same score to the last bit."""


class QuickLabelsScoreFunc:
    """A score function that is given labels in a form that it is quick with.

    The functions of scikit-learn sort the labels again and again to find the distinct ones, which is most of what
    scoring a few thousand rows takes. Those that only count get each pair of labels once, with how often it occurs; the
    others get Python strings as numpy's text, which is quicker to compare.

    Example:
        >>> quick = QuickLabelsScoreFunc(metrics.accuracy_score)
        >>> quick(pd.Series(["yes", "no"]), np.array(["yes", "yes"], dtype=object))
        0.5
    """

    def __init__(self, score_func: Callable[..., Any]) -> None:
        self.score_func = score_func
        self.__name__ = getattr(score_func, "__name__", type(score_func).__name__)

    def __call__(self, y_true: Any, y_pred: Any, **kwargs: Any) -> Any:
        """The score, by the function."""
        true, said = quick_labels(y_true), quick_labels(y_pred)
        if _is_object(true) or _is_object(said):  # numpy's text beside Python strings would not be the same to compare
            true, said = y_true, y_pred
        if self.score_func in _COUNT and kwargs.get("sample_weight") is None:
            pairs = counted(true, said)
            if pairs is not None:
                true, said, kwargs["sample_weight"] = pairs
        return self.score_func(true, said, **kwargs)


def quick_labels(labels: Any) -> Any:
    """Python strings, also those of pandas' categories, as numpy's text; anything else as it is.

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
    if set(map(type, texts)) != {str}:  # also of none at all
        return labels
    if max(map(len, texts)) > _LONGEST or "\0" in "".join(texts):  # numpy's text cannot end with a NUL
        return labels
    return values.astype(str)


def _is_object(labels: Any) -> bool:
    dtype = getattr(labels, "dtype", None)
    return bool(dtype == np.dtype(object)) or isinstance(dtype, pd.CategoricalDtype)


def counted(true: Any, said: Any) -> tuple[Any, Any, Any] | None:
    """Each pair of labels that occurs, and how often; ``None`` for what is no text and no whole numbers.

    Example:
        >>> counted(np.array([0, 1, 1, 1]), np.array([0, 1, 0, 1]))
        (array([0, 1, 1]), array([0, 0, 1]), array([1, 1, 2]))
    """
    sides = np.asarray(true), np.asarray(said)
    if any(side.ndim != 1 or side.dtype.kind not in "Uiub" for side in sides) or len(sides[0]) != len(sides[1]):
        return None
    if not len(sides[0]):
        return None
    (trues, at_true), (saids, at_said) = (np.unique(side, return_inverse=True) for side in sides)
    counts = np.bincount(at_true * len(saids) + at_said, minlength=len(trues) * len(saids))
    (there,) = np.nonzero(counts)
    return trues[there // len(saids)], saids[there % len(saids)], counts[there]
