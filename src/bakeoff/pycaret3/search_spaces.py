"""PyCaret's own search spaces, as plain data: what `tune_model` would choose from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pycaret.internal.distributions import (
    CategoricalDistribution,
    Distribution,
    IntUniformDistribution,
    UniformDistribution,
)

from bakeoff.comparison.search_space import Choice, Range, Space
from bakeoff.comparison.significance import BASELINE
from bakeoff.comparison.trial import TT
from bakeoff.errors import ConfigError
from bakeoff.pycaret3.portfolio import Configured
from bakeoff.pycaret3.request import Request, make_estimator, with_params

_SCIKIT_LEARNS = {
    "feature_fraction": "colsample_bytree",
    "bagging_fraction": "subsample",
    "bagging_freq": "subsample_freq",
}
"""Parameters that PyCaret's spaces have under LightGBM's own names; it warns of them, on standard output, at each
prediction, since its scikit-learn interface has them under others as well."""


def search_spaces(experiment: Any, request: Request) -> dict[str, Space]:
    """Return what the parameters of each family may be, by PyCaret's id of the family; only of those with any.

    Args:
        experiment: a PyCaret experiment after ``setup()``.
        request: names the families that are compared.
    """
    spaces: dict[str, Space] = {}
    for model_id, given in request.given.items():
        family = str(given) if isinstance(given, str | Configured) else None
        if family is None or family == BASELINE or family in spaces:
            continue
        if space := _space(experiment._all_models_internal[family], make_estimator(experiment, request, model_id)):
            spaces[family] = space
    return spaces


def check_tunable(request: Request, spaces: Mapping[str, Space]) -> None:
    """Check that models of a comparison can be tuned.

    Raises:
        ConfigError: They cannot; the message says why.
    """
    if request.n_select < 0:
        raise ConfigError(f"tune improves the best models, and n_select={request.n_select} asks for the worst.")
    if not request.cross_validation:
        raise ConfigError("tune compares parameters on folds, and cross_validation=False has none: leave one out.")
    if request.sort_by == TT:
        raise ConfigError("tune improves a metric, and the models are sorted by time (TT): sort by another metric.")
    if not spaces:
        names = ", ".join(model.id for model in request.models)
        raise ConfigError(
            f"None of the models can be tuned ({names}): PyCaret has no search space for them. Compare other models, "
            "or leave out tune."
        )


def _space(definition: Any, estimator: Any) -> Space:
    """Return the space of a family: PyCaret's distributions, and its grids of parameters that have none."""
    given = {**(getattr(definition, "tune_grid", None) or {}), **(getattr(definition, "tune_distribution", None) or {})}
    space = {}
    for name in sorted(given):
        parameter = _parameter(given[name])
        if parameter is not None and _takes(estimator, name, parameter):
            space[_usual_name(estimator, name)] = parameter
    return space


def _usual_name(estimator: Any, name: str) -> str:
    inside, separator, own = name.rpartition("__")
    usual = f"{inside}{separator}{_SCIKIT_LEARNS.get(own, own)}"
    return usual if usual in estimator.get_params() else name


def _parameter(given: Any) -> Choice | Range | None:
    """Return a parameter as plain data; ``None`` if there is nothing to choose, or if JSON cannot hold the values."""
    if isinstance(given, IntUniformDistribution | UniformDistribution):
        whole = isinstance(given, IntUniformDistribution)
        return (
            Range(given.lower, given.upper, whole, bool(given.log) and given.lower > 0)
            if given.lower < given.upper
            else None
        )
    if isinstance(given, CategoricalDistribution):
        given = given.values
    if isinstance(given, Distribution):
        return None
    values = tuple(value.item() if hasattr(value, "item") else value for value in given)
    try:
        is_plain = [json.loads(json.dumps(value)) for value in values] == list(values)
    except (TypeError, ValueError):
        return None
    return Choice(values) if is_plain and len(values) > 1 else None


def _takes(estimator: Any, name: str, parameter: Choice | Range) -> bool:
    """Whether an estimator takes a parameter by this name; some of PyCaret's are for stand-ins of its own."""
    try:
        with_params(estimator, {name: parameter.values[0] if isinstance(parameter, Choice) else parameter.low})
    except (ValueError, TypeError, AttributeError):
        return False
    return True
