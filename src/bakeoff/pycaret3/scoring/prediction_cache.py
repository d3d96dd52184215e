"""Asking a fitted model once for what several of its predictions are made from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier

_COMMON = {
    KNeighborsClassifier: "kneighbors",
    ExtraTreesClassifier: "predict_proba",
    RandomForestClassifier: "predict_proba",
}
"""What both ``predict`` and ``predict_proba`` of a model call with the rows that they were given, and only read."""


@contextmanager
def answered_once(model: Any) -> Iterator[None]:
    """Let a model answer a question only once in this block, if it is asked it again about the very same rows.

    Scoring asks for labels and for probabilities. Searching the neighbours of each row, or letting a hundred trees
    vote, is nearly all that either takes, and the other one would do it again with the same result.

    Example:
        >>> model = KNeighborsClassifier(1).fit([[0], [1]], ["no", "yes"])
        >>> rows = [[0.9]]
        >>> with answered_once(model):
        ...     model.predict(rows), model.predict_proba(rows)
        (array(['yes'], dtype='<U3'), array([[0., 1.]]))
    """
    name = _COMMON.get(type(model))
    # A function of the user's that weighs neighbours is handed the distances, and may write into them.
    if name is None or name in vars(model) or callable(getattr(model, "weights", None)):
        yield
        return
    ask = getattr(model, name)
    known: dict[Any, tuple[Any, Any]] = {}

    def answer(X: Any = None, *args: Any, **more: Any) -> Any:
        key = (id(X), args, *sorted(more.items()))
        if key not in known:
            known[key] = (X, ask(X, *args, **more))  # the rows are kept, or others could get their number
        return known[key][1]

    setattr(model, name, answer)
    try:
        yield
    finally:
        delattr(model, name)
