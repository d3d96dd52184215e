"""A cache of the intermediate result that several predictions of a fitted model share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier

_SHARED_METHOD = {
    KNeighborsClassifier: "kneighbors",
    ExtraTreesClassifier: "predict_proba",
    RandomForestClassifier: "predict_proba",
}
"""The method that both ``predict`` and ``predict_proba`` call with their rows, and whose result they only read."""


@contextmanager
def cached_predictions(model: Any) -> Iterator[None]:
    """Cache the shared method of a model in this block, by identity of the rows that it is called with.

    Scoring needs labels and probabilities. Searching the neighbours of each row, or letting a hundred trees vote, takes
    nearly all the time of either, and the other would repeat it with the same result.

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
        return results[key][1]

    setattr(model, name, cached_method)
    try:
        yield
    finally:
        delattr(model, name)
