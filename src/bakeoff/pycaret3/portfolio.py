"""Further configurations of PyCaret's tree families, each a model of its own.

The numbers are what others have found on many tables: those of LightGBM, XGBoost, random forests and extra trees are
FLAML's zero-shot configurations (flaml/default, MIT; Wang, Wu, Weimer and Zhu, MLSys 2021), chosen among those that
need no early stopping and few trees; CatBoost's and the last of LightGBM are the first of AutoGluon's portfolio, which
was learnt on 200 tables (Apache-2.0; Salinas and Erickson, "TabRepo", AutoML 2024).

The large portfolio has more of AutoGluon's (version 1.6, the zero-shot portfolio of 2023), the trees among the first of
them, in the order that was learnt. Its boosters have no number of trees there, since they stop early on rows put
aside. Here it is ours: 10 over the learning rate for LightGBM and XGBoost, CatBoost's own 1,000, and AutoGluon's 300
for forests.
"""

from __future__ import annotations

import json
from collections import Counter
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
_LARGE: Sequence[tuple[str, Mapping[str, Any]]] = (
    ("lightgbm", {"n_estimators": 823, "num_leaves": 53, "min_child_samples": 14, "learning_rate": 0.01214,
                  "colsample_bytree": 0.702}),
    ("catboost", {"depth": 8, "grow_policy": "Depthwise", "l2_leaf_reg": 2.8, "learning_rate": 0.03138,
                  "max_ctr_complexity": 2, "one_hot_max_size": 3}),
    ("lightgbm", {"n_estimators": 659, "num_leaves": 16, "min_child_samples": 48, "learning_rate": 0.01519,
                  "colsample_bytree": 0.564, "extra_trees": True}),
    ("xgboost", {"n_estimators": 554, "max_depth": 10, "min_child_weight": 0.603, "learning_rate": 0.01806,
                 "colsample_bytree": 0.692}),
    ("et", {"n_estimators": 300, "max_features": 0.75, "max_leaf_nodes": 18392}),
    ("catboost", {"depth": 4, "l2_leaf_reg": 4.559, "learning_rate": 0.0494, "max_ctr_complexity": 3,
                  "one_hot_max_size": 3}),
    ("catboost", {"depth": 8, "l2_leaf_reg": 3.327, "learning_rate": 0.0173, "max_ctr_complexity": 5,
                  "one_hot_max_size": 10}),
    ("rf", {"n_estimators": 300, "max_features": 0.75, "max_leaf_nodes": 37308}),
    ("lightgbm", {"n_estimators": 295, "num_leaves": 127, "min_child_samples": 6, "learning_rate": 0.03393,
                  "colsample_bytree": 0.828, "extra_trees": True}),
    ("xgboost", {"n_estimators": 114, "max_depth": 5, "min_child_weight": 0.629, "learning_rate": 0.08776,
                 "colsample_bytree": 0.663}),
    ("lightgbm", {"n_estimators": 212, "num_leaves": 89, "min_child_samples": 56, "learning_rate": 0.04712,
                  "colsample_bytree": 0.625}),
    ("catboost", {"depth": 4, "grow_policy": "Depthwise", "l2_leaf_reg": 2.702, "learning_rate": 0.07093,
                  "max_ctr_complexity": 1, "one_hot_max_size": 2}),
    ("xgboost", {"n_estimators": 108, "max_depth": 7, "min_child_weight": 0.804, "learning_rate": 0.0929,
                 "colsample_bytree": 0.909}),
    ("et", {"n_estimators": 300, "max_features": 1.0, "max_leaf_nodes": 12845, "min_samples_leaf": 4}),
    ("rf", {"n_estimators": 300, "max_features": 0.75, "max_leaf_nodes": 28310, "min_samples_leaf": 2}),
)  # fmt: skip
"""What the large portfolio has beside the small one, for both tasks."""


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


def further_models(task: str, candidates: Iterable[Any], size: str = "small") -> list[Configured]:
    """Return the further configurations of those candidates that are ids of PyCaret's, in the order of the portfolio.

    Args:
        task: kind of experiment.
        candidates: ids of models, and estimators, which have none.
        size: ``small``, or ``large`` for more.

    Example:
        >>> [model.id for model in further_models("regression", ["lr", "lightgbm", "rf"])]
        ['lightgbm-2', 'lightgbm-3', 'rf-2']
        >>> [model.id for model in further_models("regression", ["lr", "rf"], "large")]
        ['rf-2', 'rf-3', 'rf-4']
    """
    wanted = [candidate for candidate in candidates if isinstance(candidate, str)]
    settings = _SETTINGS.get(task, {})
    configurations = [(family, params) for family in settings for params in settings[family]]
    if settings and size == "large":
        configurations += _LARGE
    numbers: Counter[str] = Counter()
    models = []
    for family, params in configurations:
        numbers[family] += 1
        if family in wanted:
            models.append(Configured(family, numbers[family] + 1, params))
    return models
