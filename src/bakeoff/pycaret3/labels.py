"""Class labels in a form that metrics are quick with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

_LONGEST = 32
"""Numpy keeps every text of an array as long as its longest: a few long labels would take more than they save."""


class QuickLabelsScoreFunc:
    """A score function whose labels come as numpy's text instead of Python strings.

    The functions of scikit-learn sort the labels again and again to find the distinct ones, and comparing Python
    strings is most of what scoring a few thousand rows takes. Order and equality, and so the score, are the same.

    Example:
        >>> from sklearn.metrics import accuracy_score
        >>> quick = QuickLabelsScoreFunc(accuracy_score)
        >>> quick(pd.Series(["yes", "no"]), np.array(["yes", "yes"], dtype=object))
        0.5
    """

    def __init__(self, score_func: Callable[..., Any]) -> None:
        self.score_func = score_func
        self.__name__ = getattr(score_func, "__name__", type(score_func).__name__)

    def __call__(self, y_true: Any, y_pred: Any, **kwargs: Any) -> Any:
        """The score, by the function."""
        return self.score_func(quick_labels(y_true), quick_labels(y_pred), **kwargs)


def quick_labels(labels: Any) -> Any:
    """Python strings, also those of pandas' categories, as numpy's text; anything else as it is.

    Example:
        >>> quick_labels(pd.Series(["no", "yes", "no"]))
        array(['no', 'yes', 'no'], dtype='<U3')
        >>> quick_labels([1, 0]), quick_labels(np.array(["a", None], dtype=object))
        ([1, 0], array(['a', None], dtype=object))
    """
    dtype = getattr(labels, "dtype", None)
    if not (dtype == np.dtype(object) or isinstance(dtype, pd.CategoricalDtype)) or labels.ndim != 1:
        return labels
    values = np.asarray(labels)
    texts = values.tolist()
    if set(map(type, texts)) != {str}:  # also of none at all
        return labels
    if max(map(len, texts)) > _LONGEST or "\0" in "".join(texts):  # numpy's text cannot end with a NUL
        return labels
    return values.astype(str)
