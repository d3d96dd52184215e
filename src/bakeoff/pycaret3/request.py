"""The arguments of ``compare_models``, checked as plain PyCaret checks them, before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pycaret.internal.validation import is_sklearn_cv_generator
from pycaret.utils.generic import MLUsecase, id_or_display_name
from sklearn.base import clone

from bakeoff.comparison.trial import TT, Metric, Model
from bakeoff.errors import one_of
from bakeoff.pycaret3.fit_kwargs import read_fit_kwargs
from bakeoff.pycaret3.portfolio import Configured, further_models

_TT_NAMES = ("TT", "TT (Sec)")
"""Names of the time column that ``sort`` accepts."""
_SEASONAL = ("snaive", "stlf")
_OF_ONE_SERIES = (
    *("naive", "grand_means", "polytrend", "exp_smooth", "ets", "theta", "croston", "bats", "tbats"),
    *_SEASONAL,
)
"""Forecasters that PyCaret leaves out where there are columns beside the series, and some without a season."""
_TASKS = {
    MLUsecase.CLASSIFICATION: "classification",
    MLUsecase.REGRESSION: "regression",
    MLUsecase.TIME_SERIES: "time_series",
}


@dataclass(frozen=True)
class Request:
    """One call of ``compare_models``, resolved.

    Attributes:
        task: ``classification``, ``regression`` or ``time_series``.
        models: the candidates, in PyCaret's order or in that of ``include``.
        given: the candidate behind each model id: an id of PyCaret's, an estimator object, or a configuration of the
            portfolio's.
        metrics: all metrics of the experiment, in the order of the score grid.
        metric_ids: PyCaret's id of each metric, by our key.
        sort_by: key of the ranking metric, or ``tt_sec``.
        cv: the splitter that the scores belong to (the experiment's own object when ``fold`` was not given).
        decimals: number of decimals of the score grid, PyCaret's ``round``.
        n_select: number of models to return; negative for the worst ones.
        errors: ``ignore`` or ``raise``.
        verbose: whether a progress display is wanted.
        budget_seconds: time limit of the comparison; ``None`` for no limit.
        fit_kwargs: arguments of the estimator's ``fit``; per-row values are in the order of the training rows.
        groups: group of each training row, for splitters that use groups.
        probability_threshold: for binary classifiers; ``None`` for the usual threshold.
        cross_validation: whether there are folds; otherwise each model is scored once, on the hold-out rows.
        custom_tags: tags for the experiment's own logger.
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


def read_request(experiment: Any, params: Mapping[str, Any], portfolio: str | None = None) -> Request:
    """Check and resolve the arguments of one ``compare_models`` call.

    Args:
        experiment: a PyCaret experiment after ``setup()``.
        params: the arguments that ``compare_models`` hands to its backend.
        portfolio: size of the portfolio whose configurations are compared as well; ``None`` for none.

    Raises:
        ValueError: An argument has a value that cannot be used; the same type that plain PyCaret raises.
        TypeError: An argument has the wrong type, or two of them exclude each other.
    """
    task = task_of(experiment)
    metrics, metric_ids = metrics_of(experiment)
    _check_types(params)
    candidates = _candidates(experiment, params)
    if portfolio is not None:
        candidates |= {model.id: model for model in further_models(task, list(candidates.values()), portfolio)}
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
        models=tuple(_model(experiment, model_id, candidate) for model_id, candidate in candidates.items()),
        given=candidates,
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
    """Return the experiment's task: ``classification``, ``regression`` or ``time_series``.

    Raises:
        TypeError: The experiment is of a kind that cannot compare models.
    """
    use_case = getattr(experiment, "_ml_usecase", None)
    if use_case not in _TASKS:
        raise TypeError(
            f"{type(experiment).__name__} has no compare_models: "
            "use a classification, regression or time series experiment."
        )
    return _TASKS[use_case]


def metrics_of(experiment: Any) -> tuple[tuple[Metric, ...], dict[str, str]]:
    """Return the experiment's metrics, and PyCaret's id of each by our key."""
    metrics: list[Metric] = []
    ids: dict[str, str] = {}
    for metric_id, container in experiment._all_metrics.items():
        key = _unused(snake_case(container.display_name), [*ids, TT])
        metrics.append(Metric(key, container.display_name, bool(container.greater_is_better)))
        ids[key] = metric_id
    return tuple(metrics), ids


def snake_case(name: str) -> str:
    """Convert the name that PyCaret shows for a metric to its key.

    Example:
        >>> snake_case("Prec."), snake_case("TT (Sec)"), snake_case("R2")
        ('prec', 'tt_sec', 'r2')
    """
    return re.sub(r"\W+", "_", name.strip().lower()).strip("_") or "metric"


@dataclass(frozen=True)
class Varied:
    """A candidate with other parameters, as tuning has found them.

    Attributes:
        of: the candidate that it varies.
        params: the parameters.
    """

    of: Any
    params: Mapping[str, Any]

    def __str__(self) -> str:
        return str(self.of)


def with_params(estimator: Any, params: Mapping[str, Any]) -> Any:
    """Return a copy of an unfitted estimator with other parameters; of the one inside of a probability threshold."""
    copied = clone(estimator)
    getattr(copied, "classifier", copied).set_params(**params)
    return copied


def make_estimator(experiment: Any, request: Request, model_id: str) -> Any:
    """Build the unfitted estimator of a model, with the parameters that plain PyCaret gives it."""
    candidate = request.given[model_id]
    if isinstance(candidate, Varied):
        base = replace(request, given={model_id: candidate.of})
        return with_params(make_estimator(experiment, base, model_id), candidate.params)
    if isinstance(candidate, Configured):
        definition = experiment._all_models_internal[candidate.family]
        estimator = definition.class_def(**{**definition.args, **candidate.params})
    elif isinstance(candidate, str):
        definition = experiment._all_models_internal[candidate]
        estimator = clone(definition.class_def(**definition.args))
    else:
        estimator = clone(candidate)
    if request.probability_threshold is None:
        return estimator
    from pycaret.internal.meta_estimators import CustomProbabilityThresholdClassifier

    if isinstance(estimator, CustomProbabilityThresholdClassifier):
        return estimator.set_params(probability_threshold=request.probability_threshold)
    return CustomProbabilityThresholdClassifier(
        classifier=estimator, probability_threshold=request.probability_threshold
    )


def _model(experiment: Any, model_id: str, candidate: Any) -> Model:
    if isinstance(candidate, Configured):
        name = f"{experiment._get_model_name(candidate.family)} {candidate.number}"
        return Model(model_id, name, candidate.params_text)
    return Model(model_id, experiment._get_model_name(candidate))


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
    """Return the candidates by model id; ids are unique, and positions are used if estimator objects are among them."""
    include, exclude = params.get("include"), params.get("exclude")
    available = experiment._all_models
    turbo = params.get("turbo", True)
    default_ids = [model_id for model_id, model in available.items() if model.is_turbo or not turbo]
    # PyCaret fills in its default models before it calls a backend; `exclude` then removes some of them.
    if exclude is not None and include is not None and [str(candidate) for candidate in include] != default_ids:
        raise TypeError("include and exclude cannot be used together: leave one of them out.")
    listed = default_ids if include is None else include
    for candidate in [*listed, *(exclude or [])]:
        _check_candidate(candidate, experiment)
    chosen = [candidate for candidate in listed if not _is_in(candidate, exclude)]
    # PyCaret drops this one too, since it has to be built from other models.
    chosen = [candidate for candidate in chosen if not _is_in(candidate, ["ensemble_forecaster"])]
    all_ids = all(isinstance(candidate, str) for candidate in chosen)
    candidates: dict[str, Any] = {}
    for position, candidate in enumerate(chosen):
        candidates[_unused(candidate if all_ids else str(position), list(candidates))] = candidate
    return candidates


def _check_candidate(candidate: Any, experiment: Any) -> None:
    if isinstance(candidate, str):
        if candidate not in experiment._all_models:
            raise ValueError(
                _why_not_there(candidate, experiment) or one_of(candidate, experiment._all_models, "model")
            )
    elif not hasattr(candidate, "fit"):
        raise ValueError(f"{candidate!r} is no estimator: it has no fit() method.")


def _why_not_there(candidate: str, experiment: Any) -> str | None:
    """Return why PyCaret leaves a forecaster out for a series; ``None`` if it does not know one of this name."""
    if candidate not in _OF_ONE_SERIES or task_of(experiment) != "time_series":
        return None
    if experiment.X is not None and len(experiment.X.columns):
        return (
            f"The model {candidate!r} takes no columns beside the series, and there is {experiment.X.columns[0]!r}: "
            "leave out the model, or the columns ('ignore_features')."
        )
    if candidate in _SEASONAL and not experiment.seasonality_present:
        return (
            f"The model {candidate!r} needs a season, and PyCaret finds none in this series: leave it out, or name one "
            "('seasonal_period')."
        )
    return None


def _is_in(candidate: Any, ids: Sequence[str] | None) -> bool:
    return isinstance(candidate, str) and candidate in (ids or ())


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
    """Return the name, with a number appended if it is already taken."""
    candidate, n = name, 1
    while candidate in taken:
        n += 1
        candidate = f"{name}_{n}"
    return candidate
