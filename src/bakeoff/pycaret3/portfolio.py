"""Further configurations of PyCaret's tree families, each a model of its own.

The numbers are what others have found on many tables: those of LightGBM, XGBoost, random forests and extra trees are
FLAML's zero-shot configurations (flaml/default, MIT; Wang, Wu, Weimer and Zhu, MLSys 2021), chosen among those that
need no early stopping and few trees; CatBoost's and the last of LightGBM are the first of AutoGluon's portfolio, which
was learnt on 200 tables (Apache-2.0; Salinas and Erickson, "TabRepo", AutoML 2024).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_Settings = Mapping[str, Sequence[Mapping[str, Any]]]

_CATBOOST: Sequence[Mapping[str, Any]] = (
    {"depth": 6, "l2_leaf_reg": 2.154, "learning_rate": 0.0686, "max_ctr_complexity": 4, "one_hot_max_size": 10},
)
_LIGHTGBM_EXTRA: Mapping[str, Any] = {"extra_trees": True}

_CLASSIFICATION: _Settings = {
    "lightgbm": (
        {"n_estimators": 141, "num_leaves": 139, "min_child_samples": 8, "learning_rate": 0.0482, "max_bin": 511,
         "colsample_bytree": 0.526, "reg_alpha": 0.0029, "reg_lambda": 0.0245},
        _LIGHTGBM_EXTRA,
    ),
    "xgboost": (
        {"n_estimators": 877, "max_depth": 11, "min_child_weight": 0.621, "learning_rate": 0.0136, "subsample": 0.567,
         "colsample_bylevel": 0.887, "reg_alpha": 0.0139, "reg_lambda": 3.11},
    ),
    "catboost": _CATBOOST,
    "rf": ({"n_estimators": 501, "max_features": 0.245, "max_leaf_nodes": 1156, "criterion": "entropy"},),
    "et": ({"n_estimators": 553, "max_features": 0.959, "max_leaf_nodes": 1127, "criterion": "entropy"},),
}  # fmt: skip
_REGRESSION: _Settings = {
    "lightgbm": (
        {"n_estimators": 1009, "num_leaves": 42, "min_child_samples": 12, "learning_rate": 0.0217, "max_bin": 127,
         "colsample_bytree": 0.739, "reg_alpha": 0.0036, "reg_lambda": 12.1},
        _LIGHTGBM_EXTRA,
    ),
    "xgboost": (
        {"n_estimators": 1499, "max_depth": 11, "min_child_weight": 0.0756, "learning_rate": 0.039, "subsample": 0.783,
         "reg_alpha": 0.001, "reg_lambda": 23.5},
    ),
    "catboost": _CATBOOST,
    "rf": ({"n_estimators": 960, "max_features": 0.695, "max_leaf_nodes": 8937},),
    "et": ({"n_estimators": 1233, "max_features": 1.0, "max_leaf_nodes": 6452},),
}  # fmt: skip
_SETTINGS: Mapping[str, _Settings] = {"classification": _CLASSIFICATION, "regression": _REGRESSION}


@dataclass(frozen=True)
class Configured:
    """A family of PyCaret's with parameters that are not its own.

    Attributes:
        family: PyCaret's id of the family.
        number: its number in the family, from 2: the first is PyCaret's own.
        params: the parameters.
    """

    family: str
    number: int
    params: Mapping[str, Any]

    def __str__(self) -> str:
        return self.family

    @property
    def id(self) -> str:
        """The model's id.

        Example:
            >>> Configured("rf", 2, {}).id
            'rf-2'
        """
        return f"{self.family}-{self.number}"

    @property
    def params_text(self) -> str:
        """The parameters as JSON."""
        return json.dumps(dict(self.params))


def further_models(task: str, candidates: Iterable[Any]) -> list[Configured]:
    """Return the further configurations of those candidates that are ids of PyCaret's.

    Example:
        >>> [model.id for model in further_models("regression", ["lr", "lightgbm", "rf"])]
        ['lightgbm-2', 'lightgbm-3', 'rf-2']
    """
    wanted = [candidate for candidate in candidates if isinstance(candidate, str)]
    settings = _SETTINGS.get(task, {})
    return [
        Configured(family, number, params)
        for family in settings
        if family in wanted
        for number, params in enumerate(settings[family], start=2)
    ]
