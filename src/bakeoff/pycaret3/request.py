"""What ``compare_models`` was asked for, checked the way plain PyCaret checks it, before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycaret.internal.validation import is_sklearn_cv_generator
from pycaret.utils.generic import MLUsecase, id_or_display_name
from sklearn.base import clone

from bakeoff.comparison.trial import TT, Metric, Model
from bakeoff.errors import one_of
from bakeoff.pycaret3.fit_kwargs import read_fit_kwargs

_TT_NAMES = ("TT", "TT (Sec)")
_TASKS = {
    MLUsecase.CLASSIFICATION: "classification",
    MLUsecase.REGRESSION: "regression",
    MLUsecase.TIME_SERIES: "time_series",
}


@dataclass(frozen=True)
class Request:
    """One call of ``compare_models``, resolved.

    Attributes:
        models: the candidates, in PyCaret's order or in that of ``include``.
        given: what stands behind each model id: an id of PyCaret's, or an estimator object.
        metrics: all metrics of the experiment, in the order of the score grid.
        metric_ids: PyCaret's id of each metric, by our key.
        sort_by: key of the ranking metric, or ``tt_sec``.
        cv: the splitter that the scores belong to (the experiment's own object when ``fold`` was not given).
        budget_seconds: ``None`` for no limit.
        fit_kwargs: for the estimator's ``fit``; values for each row in the order of the training rows.
        cross_validation: whether there are folds; else each model is scored once, on the hold-out rows.
        custom_tags: for the experiment's own logger.
    """

    task: str
    models: tuple[Model, ...]
    given: Mapping[str, Any]
    metrics: tuple[Metric, ...]
    metric_ids: Mapping[str, str]
    sort_by: str
    cv: Any
    decimals: int
    n_select: int
    errors: str
    verbose: bool
    budget_seconds: float | None
    fit_kwargs: Mapping[str, Any]
    groups: Any
    probability_threshold: float | None
    cross_validation: bool = True
    custom_tags: Mapping[str, Any] | None = None


def read_request(experiment: Any, params: Mapping[str, Any]) -> Request:
    """Check and resolve the arguments of one ``compare_models`` call.

    Args:
        experiment: a PyCaret experiment after ``setup()``.
        params: the arguments that ``compare_models`` hands to its backend.

    Raises:
        ValueError: an argument has a value that cannot be used; the same type that plain PyCaret raises.
        TypeError: an argument has the wrong type, or two of them exclude each other.
    """
    task = task_of(experiment)
    metrics, metric_ids = metrics_of(experiment)
    _check_types(params)
    given = _candidates(experiment, params)
    fold = params.get("fold")
    if task == "time_series":
        cv = experiment.get_fold_generator(fold=fold)
    else:
        if fold is not None and not (type(fold) is int or is_sklearn_cv_generator(fold)):
            raise TypeError(f"fold must be None, a whole number or a cross-validation splitter, not {fold!r}.")
        cv = experiment._get_cv_splitter(fold)
    threshold = params.get("probability_threshold")
    if threshold is not None and (task != "classification" or experiment.is_multiclass):
        raise ValueError("probability_threshold needs a binary classification experiment.")
    budget = params.get("budget_time")
    return Request(
        task=task,
        models=tuple(Model(model_id, experiment._get_model_name(what)) for model_id, what in given.items()),
        given=given,
        metrics=metrics,
        metric_ids=metric_ids,
        sort_by=_sort_key(experiment, params.get("sort"), metrics, metric_ids),
        cv=cv,
        decimals=params.get("round", 4),
        n_select=params.get("n_select", 1),
        errors=params.get("errors", "ignore"),
        verbose=bool(params.get("verbose", True)),
        budget_seconds=60.0 * budget if budget and budget > 0 else None,
        fit_kwargs=read_fit_kwargs(experiment, params.get("fit_kwargs")),
        groups=experiment._get_groups(params.get("groups")) if task != "time_series" else None,
        probability_threshold=threshold,
        cross_validation=params.get("cross_validation", True),
        custom_tags=params.get("experiment_custom_tags"),
    )


def task_of(experiment: Any) -> str:
    """``classification``, ``regression`` or ``time_series``."""
    use_case = getattr(experiment, "_ml_usecase", None)
    if use_case not in _TASKS:
        raise TypeError(
            f"{type(experiment).__name__} has no compare_models: "
            "use a classification, regression or time series experiment."
        )
    return _TASKS[use_case]


def metrics_of(experiment: Any) -> tuple[tuple[Metric, ...], dict[str, str]]:
    """The experiment's metrics as ours, and PyCaret's id of each by our key."""
    metrics: list[Metric] = []
    ids: dict[str, str] = {}
    for metric_id, container in experiment._all_metrics.items():
        key = _unused(snake_case(container.display_name), [*ids, TT])
        metrics.append(Metric(key, container.display_name, bool(container.greater_is_better)))
        ids[key] = metric_id
    return tuple(metrics), ids


def snake_case(name: str) -> str:
    """A metric's key from the name that PyCaret shows.

    Example:
        >>> snake_case("Prec."), snake_case("TT (Sec)"), snake_case("R2")
        ('prec', 'tt_sec', 'r2')
    """
    return re.sub(r"\W+", "_", name.strip().lower()).strip("_") or "metric"


def make_estimator(experiment: Any, request: Request, model_id: str) -> Any:
    """The unfitted estimator of a model, with the parameters that plain PyCaret gives it."""
    what = request.given[model_id]
    if isinstance(what, str):
        definition = experiment._all_models_internal[what]
        estimator = clone(definition.class_def(**definition.args))
    else:
        estimator = clone(what)
    if request.probability_threshold is None:
        return estimator
    from pycaret.internal.meta_estimators import CustomProbabilityThresholdClassifier

    if isinstance(estimator, CustomProbabilityThresholdClassifier):
        return estimator.set_params(probability_threshold=request.probability_threshold)
    return CustomProbabilityThresholdClassifier(
        classifier=estimator, probability_threshold=request.probability_threshold
    )


def _check_types(params: Mapping[str, Any]) -> None:
    if type(params.get("round", 4)) is not int:
        raise TypeError(f"round must be a whole number, not {params['round']!r}.")
    if not isinstance(params.get("n_select", 1), int | np.integer):
        raise TypeError(f"n_select must be a whole number, not {params['n_select']!r}.")
    budget = params.get("budget_time")
    if budget and type(budget) not in (int, float):
        raise TypeError(f"budget_time is a number of minutes, not {budget!r}.")
    if params.get("errors", "ignore") not in ("ignore", "raise"):
        raise ValueError(f"errors must be 'ignore' or 'raise', not {params['errors']!r}.")
    if type(params.get("cross_validation", True)) is not bool:
        raise TypeError(f"cross_validation must be True or False, not {params['cross_validation']!r}.")


def _candidates(experiment: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """What to compare, by model id; the ids are unique and say where a model came from."""
    include, exclude = params.get("include"), params.get("exclude")
    available = experiment._all_models
    turbo = params.get("turbo", True)
    usual = [model_id for model_id, model in available.items() if model.is_turbo or not turbo]
    # PyCaret fills in the usual models before it calls a backend; then `exclude` takes from them.
    if exclude is not None and include is not None and [str(what) for what in include] != usual:
        raise TypeError("include and exclude cannot be used together: leave one of them out.")
    for what in [*(usual if include is None else include), *(exclude or [])]:
        _check_candidate(what, available)
    chosen = [what for what in (usual if include is None else include) if not _is_in(what, exclude)]
    # PyCaret drops this one too: it has to be built from members.
    chosen = [what for what in chosen if not _is_in(what, ["ensemble_forecaster"])]
    all_ids = all(isinstance(what, str) for what in chosen)
    given: dict[str, Any] = {}
    for position, what in enumerate(chosen):
        given[_unused(what if all_ids else str(position), list(given))] = what
    return given


def _check_candidate(what: Any, available: Mapping[str, Any]) -> None:
    if isinstance(what, str):
        if what not in available:
            raise ValueError(one_of(what, available, "model"))
    elif not hasattr(what, "fit"):
        raise ValueError(f"{what!r} is no estimator: it has no fit() method.")


def _is_in(what: Any, ids: Sequence[str] | None) -> bool:
    return isinstance(what, str) and what in (ids or ())


def _sort_key(experiment: Any, sort: Any, metrics: tuple[Metric, ...], metric_ids: Mapping[str, str]) -> str:
    if isinstance(sort, str) and sort in _TT_NAMES:
        return TT
    container = experiment._get_metric_by_name_or_id(sort)
    if container is None:
        raise ValueError(one_of(sort, [metric.name for metric in metrics] + ["TT"], "metric"))
    if getattr(experiment, "is_multiclass", False) and not container.is_multiclass:
        shown = id_or_display_name(container, experiment._ml_usecase, MLUsecase.TIME_SERIES)
        raise TypeError(f"{shown} cannot rank models of more than two classes: sort by another metric.")
    return next(key for key, metric_id in metric_ids.items() if experiment._all_metrics[metric_id] is container)


def _unused(name: str, taken: list[str]) -> str:
    """The name, with a number behind it where it is taken."""
    candidate, n = name, 1
    while candidate in taken:
        n += 1
        candidate = f"{name}_{n}"
    return candidate
