"""Effects of arguments of PyCaret's ``setup()`` on each other: which exclude, switch off or hide others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pandas as pd

from bakeoff._utils.text import first_of
from bakeoff.errors import ConfigError
from bakeoff.source.findings import FindingKind, Findings

_MAX_LISTED = 3
"""Number of columns that a finding lists."""
_LISTS = ("numeric_features", "categorical_features", "date_features", "text_features")
_WEIGHT = 85
"""Importance of arguments that do nothing, which is a mistake in what was asked."""
_NEEDS_ON = {
    "polynomial_degree": "polynomial_features",
    "multicollinearity_threshold": "remove_multicollinearity",
    **dict.fromkeys(("outliers_method", "outliers_threshold"), "remove_outliers"),
    "fix_imbalance_method": "fix_imbalance",
    "transformation_method": "transformation",
    "normalize_method": "normalize",
    **dict.fromkeys(("pca_method", "pca_components"), "pca"),
    **dict.fromkeys(
        ("feature_selection_method", "feature_selection_estimator", "n_features_to_select"), "feature_selection"
    ),
    "transform_target_method": "transform_target",
    "rare_value": "rare_to_value",
    "drop_groups": "group_features",
    "text_features_method": "text_features",
}
"""Arguments that do nothing unless another one is set."""
_SIMPLE = ("numeric_imputation", "categorical_imputation")
_ITERATIVE = ("iterative_imputation_iters", "numeric_iterative_imputer", "categorical_iterative_imputer")
_WORDS = frozenset({"category", "string", "str"})
"""Types of columns of text, beside Python's objects."""
_WITHOUT_PREPROCESSING = frozenset(
    {
        *("preprocess", "train_size", "data_split_shuffle", "data_split_stratify", "ignore_features"),
        *("fold_strategy", "fold_shuffle", "fold_groups", "custom_pipeline", "custom_pipeline_position"),
        *("n_jobs", "use_gpu", "engine", "memory"),
    }
)
"""Arguments that ``preprocess=False`` leaves at work."""


class Question(NamedTuple):
    """The table and the options that arguments of ``setup()`` are for."""

    task: str
    frame: pd.DataFrame
    target: str
    fold: int | None = None


def completed_setup(arguments: Mapping[str, Any], question: Question, findings: Findings) -> dict[str, Any]:
    """Return the arguments, with the columns that their lists lack and no model could use otherwise.

    Args:
        arguments: checked arguments.
        question: what they are for.
        findings: gets one about arguments that do nothing, and one about columns that were added.

    Raises:
        ConfigError: Two arguments exclude each other; the sentence names both.
    """
    if question.task == "time_series":
        return dict(arguments)
    _check_lists(arguments)
    _check_folds(arguments, question)
    _check_unprepared(arguments, question)
    report_idle(arguments, question, findings)
    report_values(arguments, question, findings)
    return _with_other_columns(arguments, question, findings)


def _check_lists(arguments: Mapping[str, Any]) -> None:
    """Raise a `ConfigError` if two lists of columns exclude each other."""
    ignored = set(arguments.get("ignore_features") or ())
    named = {name: list(arguments.get(name) or ()) for name in (*_LISTS, "ordinal_features", "keep_features")}
    named["group_features"] = [each for group in (arguments.get("group_features") or {}).values() for each in group]
    named["bin_numeric_features"] = list(arguments.get("bin_numeric_features") or ())
    for argument, columns in named.items():
        if both := [column for column in columns if column in ignored]:
            raise ConfigError(f"--setup: {argument!r} and 'ignore_features' both name {both[0]!r}: take it out of one.")
    owners: dict[str, str] = {}
    for argument in _LISTS:
        for column in named[argument]:
            if column in owners:
                raise ConfigError(
                    f"--setup: {owners[column]!r} and {argument!r} both name {column!r}: take it out of one of them."
                )
            owners[column] = argument


def _check_folds(arguments: Mapping[str, Any], question: Question) -> None:
    """Raise a `ConfigError` if the arguments about folds and the hold-out exclude each other."""
    usual = "stratifiedkfold" if question.task == "classification" else "kfold"
    strategy, groups = arguments.get("fold_strategy") or usual, arguments.get("fold_groups")
    if groups is None and strategy == "groupkfold":
        raise ConfigError("--setup: 'fold_strategy' groupkfold needs 'fold_groups': name the column with the groups.")
    if groups is not None and not _uses_groups(strategy):
        what = repr(strategy) if isinstance(strategy, str) else type(strategy).__name__
        raise ConfigError(
            f"--setup: 'fold_groups' does nothing where 'fold_strategy' is {what}: "
            'add "fold_strategy": "groupkfold".'
        )
    shuffles = arguments.get("data_split_shuffle", True) is not False
    stratifies = arguments.get("data_split_stratify", question.task == "classification") is not False
    by_time = strategy == "timeseries" or type(strategy).__name__ == "TimeSeriesSplit"
    if by_time and (shuffles or arguments.get("fold_shuffle")):
        stratify = ', "data_split_stratify": false' if stratifies else ""
        raise ConfigError(
            "--setup: 'fold_strategy' by time keeps rows in their order: "
            f"""add "data_split_shuffle": false{stratify}, and leave 'fold_shuffle' out."""
        )
    if not shuffles and stratifies:
        raise ConfigError(
            "--setup: 'data_split_shuffle' false keeps rows in their order, which leaves no choice of classes: "
            'add "data_split_stratify": false.'
        )


def _uses_groups(strategy: Any) -> bool:
    if isinstance(strategy, str):
        return strategy == "groupkfold"
    names = {cls.__name__ for cls in type(strategy).__mro__}
    return not type(strategy).__module__.startswith("sklearn.") or "GroupsConsumerMixin" in names


def report_idle(arguments: Mapping[str, Any], question: Question, findings: Findings) -> None:
    """Add a finding on arguments that do nothing, because of others or because others are missing."""
    reasons: dict[str, list[str]] = {}
    for name, reason in _idle(arguments, question):
        if arguments.get(name) is not None:
            reasons.setdefault(reason, []).append(name)
    sentences = [
        f"{_names(names)} {'does' if len(names) == 1 else 'do'} nothing {why}" for why, names in reasons.items()
    ]
    if sentences:
        findings.add(FindingKind.SUSPICIOUS, f"--setup: {'; '.join(sentences)}.", weight=_WEIGHT)
    n_splits = getattr(arguments.get("fold_strategy"), "n_splits", None)
    if question.fold is not None and n_splits not in {None, question.fold}:
        findings.add(FindingKind.SUSPICIOUS, f"--fold {question.fold} does nothing: 'fold_strategy' makes {n_splits}.")


def _idle(arguments: Mapping[str, Any], question: Question) -> Iterator[tuple[str, str]]:
    """Return the arguments that would do nothing, and why."""
    strategy = arguments.get("fold_strategy")
    if strategy == "groupkfold" or (strategy is not None and not isinstance(strategy, str)):
        yield "fold_shuffle", "with this 'fold_strategy'"
    if arguments.get("preprocess") is False:
        for name in arguments.keys() - _WITHOUT_PREPROCESSING:
            yield name, "where 'preprocess' is false"
        return
    for name, needed in _NEEDS_ON.items():
        if arguments.get(needed) is None or arguments.get(needed) is False:
            yield name, f"without {needed!r}"
    kind = arguments.get("imputation_type", "simple")
    for name in _SIMPLE if kind != "simple" else _ITERATIVE:
        yield name, f"where 'imputation_type' is {kind!r}"
    if not any(pd.api.types.is_datetime64_any_dtype(dtype) for dtype in question.frame.dtypes):
        yield "create_date_columns", "without a column of dates"


def report_values(arguments: Mapping[str, Any], question: Question, findings: Findings) -> None:
    """Add findings on values that arguments do something to that nobody may expect."""
    if arguments.get("preprocess") is False:
        return
    for column, order in (arguments.get("ordinal_features") or {}).items():
        values = question.frame[column].dropna()
        unranked = values[~values.isin(order)]
        if len(unranked):
            sentence = (
                f"--setup: 'ordinal_features' gives no rank to {unranked.iloc[0]!r} of {column!r}: "
                "values without one come before all others."
            )
            findings.add(FindingKind.SUSPICIOUS, sentence, columns=[column], n_affected=len(unranked))
    if arguments.get("imputation_type", "simple") != "simple":
        return
    for argument, types in (("numeric_imputation", ["number"]), ("categorical_imputation", ["object", "category"])):
        if arguments.get(argument) == "drop":
            gaps = question.frame.drop(columns=question.target).select_dtypes(types).isna()
            if n_rows := int(gaps.any(axis=1).sum()):
                sentence = (
                    f"--setup: {argument!r} 'drop' leaves out {n_rows} {'row' if n_rows == 1 else 'rows'} with gaps, "
                    "and the model answers nothing for such rows."
                )
                columns = list(gaps.columns[gaps.any()])
                findings.add(FindingKind.LEFT_OUT, sentence, columns=columns, n_affected=n_rows)


def _check_unprepared(arguments: Mapping[str, Any], question: Question) -> None:
    """Raise a `ConfigError` if models would get columns that none can use, because nothing is to be prepared."""
    if arguments.get("preprocess") is not False or arguments.get("custom_pipeline") is not None:
        return
    features = question.frame.drop(columns=[question.target, *(arguments.get("ignore_features") or ())])
    for name, column in features.items():
        if not pd.api.types.is_numeric_dtype(column):
            raise ConfigError(
                f"--setup: 'preprocess' false hands columns to models as they are, and {name!r} holds no numbers: "
                "leave it out by 'ignore_features', or let PyCaret prepare it."
            )


def _with_other_columns(arguments: Mapping[str, Any], question: Question, findings: Findings) -> dict[str, Any]:
    """Complete lists of columns by those of the same type, which PyCaret would hand to the models as they are."""
    completed = dict(arguments)
    if arguments.get("preprocess") is False:
        return completed
    frame = question.frame.drop(columns=[question.target, *(arguments.get("ignore_features") or ())])
    named = {column for name in (*_LISTS, "ordinal_features") for column in arguments.get(name) or ()}
    open_ = [column for column in frame.columns if column not in named]
    types = pd.api.types
    others = {
        "categorical_features": [
            column for column in open_ if types.is_object_dtype(frame[column]) or frame[column].dtype.name in _WORDS
        ],
        "date_features": [column for column in open_ if types.is_datetime64_any_dtype(frame[column])],
        "numeric_features": [
            column
            for column in open_
            if types.is_numeric_dtype(frame[column])
            and not types.is_bool_dtype(frame[column])
            and frame[column].isna().any()
        ],
    }
    for name, columns in others.items():
        if arguments.get(name) and columns:
            completed[name] = [*arguments[name], *columns]
            listed = first_of(map(repr, columns), _MAX_LISTED)
            sentence = f"--setup: {name!r} was completed by {listed}, which no model could use otherwise."
            findings.add(FindingKind.READ_AS, sentence, columns=columns)
    return completed


def _names(names: list[str]) -> str:
    quoted = [repr(name) for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
