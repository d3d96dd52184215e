"""Arguments of PyCaret's ``setup()``, checked against the table before ``setup()`` sees them.

PyCaret takes many mistakes in silence: it reads a word as the list of its letters, leaves out names that no column has,
and takes any text for true. Others it finds in the middle of its work.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bakeoff.source.setup_checks import Argument, Check, estimator, gpu, model, number, one_of, split, true_or_false
from bakeoff.source.setup_columns import (
    columns,
    date_columns,
    fold_groups,
    groups_of_columns,
    number_columns,
    parts_of_dates,
    ranks,
    stratify,
    text_columns,
)


def checked_setup(task: str, arguments: Mapping[str, Any], frame: pd.DataFrame, target: str) -> dict[str, Any]:
    """Return the arguments of ``setup()`` as it needs them.

    Args:
        task: ``classification``, ``regression`` or ``time_series``.
        arguments: as they were given.
        frame: the rows.
        target: the column to predict.

    Raises:
        ConfigError: A value cannot be used; the sentence names the argument.
    """
    checks = _SERIES if task == "time_series" else _TABULAR
    values = {}
    for name, value in arguments.items():
        argument = Argument(name, value, frame, target)
        values[name] = value if value is None or name not in checks else checks[name](argument)
    return values


def _n_features(argument: Argument) -> Any:
    value = number(0, between=True)(argument)
    n_columns = argument.frame.shape[1] - 1
    if value < 1 and int(value * n_columns) < 1:
        raise argument.error(f"is {value} of {n_columns} columns, which is less than one: give a number of columns")
    if value > n_columns and value >= 1:
        raise argument.error(f"is {value}, and there are {n_columns} columns besides the target: give a smaller number")
    return value


def _n_components(argument: Argument) -> Any:
    value = number(0, between=True)(argument)
    if value >= 1 and not isinstance(value, numbers.Integral):
        raise argument.error(f"takes a share below 1 or a whole number, not {value!r}")
    return value


def _transform_of_target(argument: Argument) -> Any:
    value = _SERIES_TRANSFORMS(argument)
    least = argument.frame[argument.target].min()
    if (value in {"box-cox", "log"} and least <= 0) or (value == "sqrt" and least < 0):
        limit = "at least 0" if value == "sqrt" else "above 0"
        raise argument.error(
            f"is {value!r}, which takes values {limit}, and the target goes down to {least}: leave it out"
        )
    return value


_SWITCHES = (
    *("preprocess", "polynomial_features", "drop_groups", "remove_multicollinearity", "remove_outliers"),
    *("fix_imbalance", "transformation", "normalize", "pca", "feature_selection", "transform_target"),
    *("data_split_shuffle", "fold_shuffle"),
)
_SCALES = one_of("zscore", "minmax", "maxabs", "robust", case=True)
_BALANCERS = one_of(
    *("condensednearestneighbour", "editednearestneighborus", "repeatededitednearestneighbours", "allknn"),
    *("instancehardnessthreshold", "nearmiss", "neighbourhoodcleaningrule", "onesidedselection", "randomundersampler"),
    *("tomeklinks", "randomoversampler", "smote", "smotenc", "smoten", "adasyn", "borderlinesmote", "kmeanssmote"),
    *("svmsmote", "smoteenn", "smotetomek"),
    others=estimator("fit_resample"),
)
_SERIES_GAPS = one_of(
    *("drift", "linear", "nearest", "mean", "median", "backfill", "bfill", "pad", "ffill", "random"),
    case=True,
    others=number(),
)
_SERIES_TRANSFORMS = one_of("box-cox", "log", "sqrt", "exp", "cos", case=True)
_TABULAR: dict[str, Check] = {
    **dict.fromkeys(_SWITCHES, true_or_false),
    **dict.fromkeys(("categorical_features", "ignore_features", "keep_features"), columns),
    **dict.fromkeys(("numeric_features", "bin_numeric_features"), number_columns),
    **dict.fromkeys(
        ("numeric_iterative_imputer", "categorical_iterative_imputer", "feature_selection_estimator"), model
    ),
    "date_features": date_columns,
    "text_features": text_columns,
    "ordinal_features": ranks,
    "group_features": groups_of_columns,
    "fold_groups": fold_groups,
    "data_split_stratify": stratify,
    "create_date_columns": parts_of_dates,
    "train_size": number(0, 1, between=True),
    "imputation_type": one_of("simple", "iterative", case=True),
    "numeric_imputation": one_of("drop", "mean", "median", "mode", "knn", others=number()),
    "iterative_imputation_iters": number(1, whole=True),
    "text_features_method": one_of("bow", "tf-idf", "tfidf"),
    "max_encoding_ohe": number(whole=True),
    "encoding_method": estimator("transform"),
    "rare_to_value": number(0, 1),
    "polynomial_degree": number(1, whole=True),
    "low_variance_threshold": number(0),
    "multicollinearity_threshold": number(0, 1),
    "outliers_method": one_of("iforest", "ee", "lof"),
    "outliers_threshold": number(0, 0.5, between=True),
    "fix_imbalance_method": _BALANCERS,
    "transformation_method": one_of("yeo-johnson", "quantile", case=True),
    "transform_target_method": one_of("yeo-johnson", "quantile", case=True),
    "normalize_method": _SCALES,
    "pca_method": one_of("linear", "kernel", "incremental", case=True),
    "pca_components": one_of("mle", case=True, others=_n_components),
    "feature_selection_method": one_of("classic", "univariate", "sequential"),
    "n_features_to_select": _n_features,
    "custom_pipeline_position": number(whole=True),
    "fold_strategy": one_of("kfold", "stratifiedkfold", "groupkfold", "timeseries", case=True, others=split),
    "n_jobs": number(whole=True),
    "use_gpu": gpu,
}
_SERIES: dict[str, Check] = {
    "ignore_features": columns,
    **dict.fromkeys(("numeric_imputation_target", "numeric_imputation_exogenous"), _SERIES_GAPS),
    "transform_target": _transform_of_target,
    "transform_exogenous": _SERIES_TRANSFORMS,
    **dict.fromkeys(("scale_target", "scale_exogenous"), _SCALES),
    **dict.fromkeys(("ignore_seasonality_test", "remove_harmonics", "enforce_exogenous"), true_or_false),
    **dict.fromkeys(("max_sp_to_consider", "num_sps_to_use", "n_jobs"), number(whole=True)),
    "fold_strategy": one_of("expanding", "rolling", "sliding", case=True, others=split),
    "hyperparameter_split": one_of("all", "train", case=True),
    "sp_detection": one_of("auto", "index", case=True),
    "harmonic_order_method": one_of("harmonic_max", "harmonic_strength", "raw_strength", case=True),
    "seasonality_type": one_of("mul", "add", "auto", case=True),
    "point_alpha": number(0, 1, between=True),
    "use_gpu": gpu,
}
"""What each argument takes, of those that a table or a sentence of PyCaret's own does not decide."""
