"""Predictions that scoring makes a fitted model give: shared between its scorers, and kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

_SHARED_METHOD = {
    KNeighborsClassifier: "kneighbors",
    ExtraTreesClassifier: "predict_proba",
    RandomForestClassifier: "predict_proba",
    AdaBoostClassifier: "decision_function",
    GradientBoostingClassifier: "decision_function",
    LinearDiscriminantAnalysis: "decision_function",
    LogisticRegression: "decision_function",
    QuadraticDiscriminantAnalysis: "_decision_function",
}
"""The method that ``predict`` and ``predict_proba`` both call with their rows. They only read its result, except for
that of a decision function, which some of them turn into probabilities in place."""
_METHODS = ("predict_proba", "decision_function", "predict")
"""The methods that scorers call."""


@contextmanager
def cached_predictions(model: Any) -> Iterator[None]:
    """Cache the shared method of a model in this block, by identity of the rows that it is called with.

    Scoring needs labels and probabilities, or values of the decision function, and probabilities are kept. Searching
    the neighbours of each row, or letting a hundred trees vote, takes nearly all the time of each, and the others would
    repeat it with the same result.

    Example:
        >>> model = KNeighborsClassifier(1).fit([[0], [1]], ["no", "yes"])
        >>> rows = [[0.9]]
        >>> with cached_predictions(model):
        ...     model.predict(rows), model.predict_proba(rows)
        (array(['yes'], dtype='<U3'), array([[0., 1.]]))
    """
    name = _SHARED_METHOD.get(type(model))
    # A user's function that weighs neighbours receives the distances, and may write into them.
    if name is None or name in vars(model) or callable(getattr(model, "weights", None)):
        yield
        return
    method = getattr(model, name)
    results: dict[Any, tuple[Any, Any]] = {}

    def cached_method(X: Any = None, *args: Any, **kwargs: Any) -> Any:
        key = (id(X), args, *sorted(kwargs.items()))
        if key not in results:
            results[key] = (X, method(X, *args, **kwargs))  # keeps the rows alive, so that no others get their id
        result = results[key][1]
        return result.copy() if name.endswith("decision_function") else result

    setattr(model, name, cached_method)
    try:
        yield
    finally:
        delattr(model, name)


@contextmanager
def recorded_predictions(pipeline: Any) -> Iterator[dict[str, Any]]:
    """Record what a pipeline predicts in this block, as scoring it does.

    Yields:
        The last result of each method that was called, by the name of the method.

    Example:
        >>> model = KNeighborsClassifier(1).fit([[0], [1]], ["no", "yes"])
        >>> with recorded_predictions(model) as said:
        ...     _ = model.predict([[0.9]])
        >>> said
        {'predict': array(['yes'], dtype='<U3')}
    """
    said: dict[str, Any] = {}

    def recording(method: Any, name: str) -> Any:
        @wraps(method)
        def recorded_method(*args: Any, **kwargs: Any) -> Any:
            said[name] = method(*args, **kwargs)
            return said[name]

        return recorded_method

    found = {name: method for name in _METHODS if (method := getattr(pipeline, name, None)) is not None}
    for name, method in found.items():
        setattr(pipeline, name, recording(method, name))
    try:
        yield said
    finally:
        for name in found:
            delattr(pipeline, name)
