"""Arguments of PyCaret's ``setup()``, checked against the table before ``setup()`` sees them.

PyCaret takes many mistakes in silence: it reads a word as the list of its letters, leaves out names that no column has,
and takes any text for true. Others it finds in the middle of its work.
"""

from __future__ import annotations

import difflib
import numbers
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bakeoff._utils.dates import date_format
from bakeoff.errors import ConfigError

_MAX_LISTED = 12
"""Number of columns that an error lists."""


@dataclass(frozen=True)
class Argument:
    """One argument of ``setup()``, and the rows that it is for.

    Attributes:
        name: its name.
        value: what was given.
        frame: the rows.
        target: the column to predict.
    """

    name: str
    value: Any
    frame: pd.DataFrame
    target: str

    def error(self, problem: str) -> ConfigError:
        """Return the error that says what is wrong with the argument."""
        return ConfigError(f"--setup: {self.name!r} {problem}.")

    def column(self, name: Any) -> str:
        """Return the name of a column of features.

        Raises:
            ConfigError: There is no such column, or it is the target.
        """
        if name == self.target:
            raise self.error(f"names the target {name!r}, which is no feature: leave it out")
        if name not in self.frame.columns:
            raise self.error(f"names {name!r}, which is no column: {_instead(name, self.frame.columns)}")
        return str(name)


Check = Callable[[Argument], Any]
"""Returns the value that ``setup()`` gets, or raises a `ConfigError` that names the argument."""


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


def _instead(name: Any, columns: Iterable[Any]) -> str:
    """Return the end of a sentence about a name that no column has."""
    names = list(map(str, columns))
    similar = difflib.get_close_matches(str(name), names, n=2, cutoff=0.6)
    similar = similar or [other for other in names if other.strip().casefold() == str(name).strip().casefold()]
    if similar:
        return f"the nearest is {' or '.join(map(repr, similar))}"
    return f"the columns are {', '.join(names[:_MAX_LISTED])}" + (", ..." if len(names) > _MAX_LISTED else "")


def _columns(argument: Argument) -> list[str]:
    """Return a list of columns; one name alone is a list of one."""
    value = argument.value
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, Iterable) or isinstance(value, Mapping):
        raise argument.error(f"takes a list of columns, not {value!r}")
    return list(dict.fromkeys(argument.column(name) for name in value))


def _number_columns(argument: Argument) -> list[str]:
    names = _columns(argument)
    for name in names:
        column = argument.frame[name]
        if not pd.api.types.is_numeric_dtype(column):
            example = next(iter(column.dropna()), None)
            raise argument.error(f"names {name!r}, which holds {example!r} and no numbers: leave it out")
    return names


def _date_columns(argument: Argument) -> list[str]:
    names = _columns(argument)
    for name in names:
        column = argument.frame[name]
        if not pd.api.types.is_datetime64_any_dtype(column) and date_format(column) is None:
            example = next(iter(column.dropna()), None)
            raise argument.error(
                f"names {name!r}, which holds {example!r} and not only dates in one format: "
                "make it a date in the source, or leave it out"
            )
    return names


def _text_columns(argument: Argument) -> list[str]:
    names = _columns(argument)
    for name in names:
        example = next((value for value in argument.frame[name].dropna() if not isinstance(value, str)), None)
        if example is not None:
            raise argument.error(f"names {name!r}, which holds {example!r} and not only texts: leave it out")
    return names


def _ranks(argument: Argument) -> dict[str, list[Any]]:
    """Return the values of columns in their order."""
    if not isinstance(argument.value, Mapping):
        raise argument.error(f"""takes columns with their values in order, as in {{"size": ["S", "M", "L"]}}, not \
{argument.value!r}""")
    ranks = {}
    for name, order in argument.value.items():
        column = argument.frame[argument.column(name)]
        if isinstance(order, str) or not isinstance(order, Iterable):
            raise argument.error(f"takes a list of the values of {name!r} in their order, not {order!r}")
        ranks[name] = list(order)
        values = list(column.dropna().unique())
        if not set(ranks[name]) & set(values):
            raise argument.error(f"ranks values of {name!r} that it does not hold: it holds {_some(values)}")
    return ranks


def _groups_of_columns(argument: Argument) -> dict[str, list[str]]:
    if not isinstance(argument.value, Mapping):
        raise argument.error(f"""takes names with lists of columns, as in {{"sizes": ["width", "height"]}}, not \
{argument.value!r}""")
    return {
        str(name): _number_columns(Argument(argument.name, columns, argument.frame, argument.target))
        for name, columns in argument.value.items()
    }


def _fold_groups(argument: Argument) -> Any:
    """Return a column's name, or a group for each row, which `bakeoff.source.fold_groups` has lined up with them."""
    value = argument.value
    if isinstance(value, str):
        argument.column(value)
        value = argument.frame[value]
    if n_missing := int(pd.isna(value).sum()):
        raise argument.error(f"says nothing for {n_missing} {'row' if n_missing == 1 else 'rows'}: each needs a group")
    return argument.value


def _stratify(argument: Argument) -> Any:
    if isinstance(argument.value, bool):
        return argument.value
    value = [argument.value] if isinstance(argument.value, str) else argument.value
    if not isinstance(value, Iterable):
        raise argument.error(f"takes true, false or a list of columns, not {argument.value!r}")
    return [name if name == argument.target else argument.column(name) for name in value]


def _true_or_false(argument: Argument) -> bool:
    if not isinstance(argument.value, bool) and type(argument.value).__name__ != "bool_":
        raise argument.error(f"takes true or false, not {argument.value!r}")
    return bool(argument.value)


def _one_of(*choices: str, case: bool = False, others: Check | None = None) -> Check:
    """Return a check for one of some words, or for what is no text and passes another check."""

    def check(argument: Argument) -> Any:
        value = argument.value
        if isinstance(value, str):
            if (value if case else value.lower()) in choices:
                return value
            close = difflib.get_close_matches(value.lower(), choices, n=1)
            hint = f"the nearest is {close[0]!r}" if close else f"choose from {', '.join(choices)}"
            raise argument.error(f"cannot be {value!r}: {hint}")
        if others is None:
            raise argument.error(f"takes one of {', '.join(choices)}, not {value!r}")
        return others(argument)

    return check


def _number(
    least: float | None = None, most: float | None = None, *, whole: bool = False, between: bool = False
) -> Check:
    """Return a check for a number in a range, which the limits belong to unless it lies ``between`` them."""

    def check(argument: Argument) -> Any:
        value: Any = argument.value
        is_number = isinstance(value, numbers.Integral if whole else numbers.Real) and not isinstance(value, bool)
        outside = (
            not is_number
            or value != value  # noqa: PLR0124 - NaN
            or (least is not None and (value <= least if between else value < least))
            or (most is not None and (value >= most if between else value > most))
        )
        if outside:
            wanted = "a whole number" if whole else "a number"
            if least is not None and most is not None:
                wanted += f" between {least} and {most}" if between else f" from {least} to {most}"
            elif least is not None:
                wanted += f" above {least}" if between else f" of at least {least}"
            raise argument.error(f"takes {wanted}, not {value!r}")
        return value

    return check


def _anything(argument: Argument) -> Any:
    return argument.value


def _model(argument: Argument) -> Any:
    if not isinstance(argument.value, str) and not hasattr(argument.value, "fit"):
        raise argument.error(f"takes the id of a model, such as 'lightgbm', not {argument.value!r}")
    return argument.value


def _estimator(method: str) -> Check:
    def check(argument: Argument) -> Any:
        if not hasattr(argument.value, method):
            raise argument.error(f"takes an object with a method {method}(), not {argument.value!r}")
        return argument.value

    return check


def _parts_of_dates(argument: Argument) -> list[str]:
    value = [argument.value] if isinstance(argument.value, str) else list(argument.value)
    for part in value:
        if not isinstance(part, str) or not hasattr(pd.Series(dtype="datetime64[ns]").dt, part):
            raise argument.error(
                f"names {part!r}, which is no part of a date: use day, month, year, hour, weekday and the like"
            )
    return value


def _n_features(argument: Argument) -> Any:
    value = _number(0, between=True)(argument)
    n_columns = argument.frame.shape[1] - 1
    if value < 1 and int(value * n_columns) < 1:
        raise argument.error(f"is {value} of {n_columns} columns, which is less than one: give a number of columns")
    if value > n_columns and value >= 1:
        raise argument.error(f"is {value}, and there are {n_columns} columns besides the target: give a smaller number")
    return value


def _n_components(argument: Argument) -> Any:
    value = _number(0, between=True)(argument)
    if value >= 1 and not isinstance(value, numbers.Integral):
        raise argument.error(f"takes a share below 1 or a whole number, not {value!r}")
    return value


def _split(argument: Argument) -> Any:
    if not hasattr(argument.value, "split"):
        raise argument.error(f"takes a name or a splitter, not {argument.value!r}")
    return argument.value


def _transform_of_target(argument: Argument) -> Any:
    value = _SERIES_TRANSFORMS(argument)
    least = argument.frame[argument.target].min()
    if (value in {"box-cox", "log"} and least <= 0) or (value == "sqrt" and least < 0):
        limit = "at least 0" if value == "sqrt" else "above 0"
        raise argument.error(
            f"is {value!r}, which takes values {limit}, and the target goes down to {least}: leave it out"
        )
    return value


def _some(values: list[Any]) -> str:
    return ", ".join(map(repr, values[:_MAX_LISTED])) + (", ..." if len(values) > _MAX_LISTED else "")


def _gpu(argument: Argument) -> Any:
    if argument.value == "force" or isinstance(argument.value, bool):
        return argument.value
    raise argument.error(f"takes true, false or 'force', not {argument.value!r}")


_SWITCHES = (
    *("preprocess", "polynomial_features", "drop_groups", "remove_multicollinearity", "remove_outliers"),
    *("fix_imbalance", "transformation", "normalize", "pca", "feature_selection", "transform_target"),
    *("data_split_shuffle", "fold_shuffle"),
)
_ABOVE_ZERO = _number(0, between=True)
_SCALES = _one_of("zscore", "minmax", "maxabs", "robust", case=True)
_BALANCERS = _one_of(
    *("condensednearestneighbour", "editednearestneighborus", "repeatededitednearestneighbours", "allknn"),
    *("instancehardnessthreshold", "nearmiss", "neighbourhoodcleaningrule", "onesidedselection", "randomundersampler"),
    *("tomeklinks", "randomoversampler", "smote", "smotenc", "smoten", "adasyn", "borderlinesmote", "kmeanssmote"),
    *("svmsmote", "smoteenn", "smotetomek"),
    others=_estimator("fit_resample"),
)
_SERIES_GAPS = _one_of(
    *("drift", "linear", "nearest", "mean", "median", "backfill", "bfill", "pad", "ffill", "random"),
    case=True,
    others=_number(),
)
_SERIES_TRANSFORMS = _one_of("box-cox", "log", "sqrt", "exp", "cos", case=True)

_TABULAR: dict[str, Check] = {
    **dict.fromkeys(_SWITCHES, _true_or_false),
    **dict.fromkeys(("categorical_features", "ignore_features", "keep_features"), _columns),
    **dict.fromkeys(("numeric_features", "bin_numeric_features"), _number_columns),
    **dict.fromkeys(
        ("numeric_iterative_imputer", "categorical_iterative_imputer", "feature_selection_estimator"), _model
    ),
    "date_features": _date_columns,
    "text_features": _text_columns,
    "ordinal_features": _ranks,
    "group_features": _groups_of_columns,
    "fold_groups": _fold_groups,
    "data_split_stratify": _stratify,
    "create_date_columns": _parts_of_dates,
    "train_size": _number(0, 1, between=True),
    "imputation_type": _one_of("simple", "iterative", case=True),
    "numeric_imputation": _one_of("drop", "mean", "median", "mode", "knn", others=_number()),
    "iterative_imputation_iters": _number(1, whole=True),
    "text_features_method": _one_of("bow", "tf-idf", "tfidf"),
    "max_encoding_ohe": _number(whole=True),
    "encoding_method": _estimator("transform"),
    "rare_to_value": _number(0, 1),
    "polynomial_degree": _number(1, whole=True),
    "low_variance_threshold": _number(0),
    "multicollinearity_threshold": _number(0, 1),
    "outliers_method": _one_of("iforest", "ee", "lof"),
    "outliers_threshold": _number(0, 0.5, between=True),
    "fix_imbalance_method": _BALANCERS,
    "transformation_method": _one_of("yeo-johnson", "quantile", case=True),
    "transform_target_method": _one_of("yeo-johnson", "quantile", case=True),
    "normalize_method": _SCALES,
    "pca_method": _one_of("linear", "kernel", "incremental", case=True),
    "pca_components": _one_of("mle", case=True, others=_n_components),
    "feature_selection_method": _one_of("classic", "univariate", "sequential"),
    "n_features_to_select": _n_features,
    "custom_pipeline_position": _number(whole=True),
    "fold_strategy": _one_of("kfold", "stratifiedkfold", "groupkfold", "timeseries", case=True, others=_split),
    "n_jobs": _number(whole=True),
    "use_gpu": _gpu,
}
_SERIES: dict[str, Check] = {
    "ignore_features": _columns,
    **dict.fromkeys(("numeric_imputation_target", "numeric_imputation_exogenous"), _SERIES_GAPS),
    "transform_target": _transform_of_target,
    "transform_exogenous": _SERIES_TRANSFORMS,
    **dict.fromkeys(("scale_target", "scale_exogenous"), _SCALES),
    **dict.fromkeys(("ignore_seasonality_test", "remove_harmonics", "enforce_exogenous"), _true_or_false),
    **dict.fromkeys(("max_sp_to_consider", "num_sps_to_use", "n_jobs"), _number(whole=True)),
    "fold_strategy": _one_of("expanding", "rolling", "sliding", case=True, others=_split),
    "hyperparameter_split": _one_of("all", "train", case=True),
    "sp_detection": _one_of("auto", "index", case=True),
    "harmonic_order_method": _one_of("harmonic_max", "harmonic_strength", "raw_strength", case=True),
    "seasonality_type": _one_of("mul", "add", "auto", case=True),
    "point_alpha": _number(0, 1, between=True),
    "use_gpu": _gpu,
}
"""What each argument takes, of those that a table or a sentence of PyCaret's own does not decide."""
