"""The scorers of an experiment, and a trial call of each metric that a user has added.

PyCaret passes every score function a ``sample_weight``, and silently scores 0.0 if the function does not accept it.
Here such a function is called without it, and one that raises is reported on the driver before any work starts.
"""

from __future__ import annotations

import copy
import inspect
import numbers
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import get_scorer

from bakeoff.pycaret3.request import Request
from bakeoff.pycaret3.scoring.label_counts import QuickLabelsScoreFunc

_PROBED_ROWS = 100
"""Approximate number of training rows that a user's metric is tried on."""
_WRAPPERS = "pycaret.internal.metrics"
"""Module of PyCaret's wrappers of score functions; other wrappers are not unwrapped."""


class TolerantScoreFunc:
    """A score function that receives only the keyword arguments it accepts.

    Example:
        >>> def hits(y_true, y_pred):
        ...     return sum(a == b for a, b in zip(y_true, y_pred))
        >>> TolerantScoreFunc(hits)([1, 0], [1, 1], sample_weight=None)
        1
    """

    def __init__(self, score_func: Callable[..., Any]) -> None:
        self.score_func = score_func
        self.__name__ = getattr(score_func, "__name__", type(score_func).__name__)

    def __call__(self, y_true: Any, y_pred: Any, **kwargs: Any) -> Any:
        """Compute the score."""
        accepted = _keywords(self.score_func)
        return self.score_func(y_true, y_pred, **{k: v for k, v in kwargs.items() if accepted is None or k in accepted})


def scorers_of(experiment: Any, request: Request) -> dict[str, Any]:
    """Return the scorer of each metric, by our key; scores are multiplied by -1 if smaller is better."""
    scorers: dict[str, Any] = {}
    for key, metric_id in request.metric_ids.items():
        container = experiment._all_metrics[metric_id]
        scorer = get_scorer(container.scorer) if isinstance(container.scorer, str) else container.scorer
        if request.task != "time_series" and container.is_custom:
            scorer = _wrap_scorer(scorer, TolerantScoreFunc)
        elif request.task == "classification":
            scorer = _wrap_scorer(scorer, QuickLabelsScoreFunc)
        scorers[key] = scorer
    return scorers


def check_custom_metrics(experiment: Any, request: Request, y: pd.Series[Any]) -> None:
    """Call each metric that the user has added once, in the same way as trials will.

    Raises:
        ValueError: A metric raises, or returns something other than a number.
    """
    containers = [experiment._all_metrics[metric_id] for metric_id in request.metric_ids.values()]
    for container in containers:
        if not container.is_custom:
            continue
        try:
            value = _call_once(experiment, request, container, y)
        except Exception as error:
            raise ValueError(
                f"The metric {container.display_name!r} cannot be computed, it raised {type(error).__name__}: {error}. "
                f"It was tried on some training rows: mend it, or leave it out with remove_metric({container.id!r})."
            ) from error
        if not isinstance(value, numbers.Real) and not (isinstance(value, np.ndarray) and value.ndim == 0):
            raise ValueError(f"The metric {container.display_name!r} returned {value!r}, which is no number.")


def _call_once(experiment: Any, request: Request, container: Any, y: pd.Series[Any]) -> Any:
    fixed_kwargs = getattr(container.scorer, "_kwargs", {})
    if request.task == "time_series":
        y = y.dropna().tail(_PROBED_ROWS)
        accepted = _keywords(container.score_func) or ()
        extra = {**experiment.get_additional_scorer_kwargs(), "y_train": y, "lower": y, "upper": y}
        return container.score_func(
            y_true=y, y_pred=y * 1.01, **{k: v for k, v in extra.items() if k in accepted}, **fixed_kwargs
        )
    if request.task == "regression":
        y = y.head(_PROBED_ROWS)
        return TolerantScoreFunc(container.score_func)(y, y.to_numpy() * 1.01, sample_weight=None, **fixed_kwargs)
    y = pd.concat([y.groupby(y, observed=True).head(2), y.head(_PROBED_ROWS)])
    y = y[~y.index.duplicated()]
    score_func = _wrap_innermost(getattr(container.scorer, "_score_func", container.score_func), TolerantScoreFunc)
    return score_func(y, _predictions(y, container.target), sample_weight=None, **fixed_kwargs)


def _predictions(y: pd.Series[Any], target: str) -> Any:
    """Make up predictions of a plausible form for these rows: labels, or probabilities of the classes."""
    if target == "pred":
        return np.roll(y.to_numpy(), 1)
    classes, codes = np.unique(y.to_numpy(), return_inverse=True)
    probabilities = np.where(np.arange(len(classes)) == codes[:, None], 0.9, 0.1 / max(1, len(classes) - 1))
    return probabilities[:, 1] if len(classes) == 2 else probabilities  # noqa: PLR2004 - binary metrics take the positive class


def _wrap_scorer(scorer: Any, wrap: Callable[[Any], Any]) -> Any:
    """Copy a scorer, with its score function wrapped inside PyCaret's own wrappers for labels."""
    copied = copy.copy(scorer)
    copied._score_func = _wrap_innermost(scorer._score_func, wrap)
    return copied


def _wrap_innermost(score_func: Any, wrap: Callable[[Any], Any]) -> Any:
    if type(score_func).__module__ != _WRAPPERS or not hasattr(score_func, "score_func"):
        return wrap(score_func)
    wrapper = copy.copy(score_func)
    wrapper.score_func = _wrap_innermost(score_func.score_func, wrap)
    return wrapper


def _keywords(function: Callable[..., Any]) -> Mapping[str, Any] | None:
    """Return the parameters that a function takes by keyword; ``None`` if it takes any."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some functions written in C do not say
        return None
    return None if any(p.kind is p.VAR_KEYWORD for p in parameters.values()) else parameters
