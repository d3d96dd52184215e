"""Oddities of the arguments of ``setup()``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from support.odd_tables.draft import Draft, odd

_ARGUMENTS: dict[str, dict[str, Any]] = {
    "a bare word for ignore_features": {"ignore_features": "place"},
    "a bare word for numeric_features": {"numeric_features": "count"},
    "a bare word for categorical_features": {"categorical_features": "colour"},
    "a name that is not there": {"ignore_features": ["nobody"]},
    "a name that is not there among numbers": {"numeric_features": ["nobody"]},
    "a name that is not there among dates": {"date_features": ["nobody"]},
    "ignoring the target": {"ignore_features": ["answer"]},
    "ignoring everything": {"ignore_features": ["size", "count", "colour", "place"]},
    "the target among the categories": {"categorical_features": ["answer"]},
    "words as numbers": {"numeric_features": ["colour"]},
    "words as dates": {"date_features": ["colour"]},
    "numbers as categories": {"categorical_features": ["count"]},
    "numbers as texts": {"text_features": ["size"]},
    "words as texts": {"text_features": ["colour"]},
    "one column twice": {"numeric_features": ["count"], "categorical_features": ["count"]},
    "ordinals": {"ordinal_features": {"colour": ["red", "green", "blue"]}},
    "ordinals that lack a value": {"ordinal_features": {"colour": ["red", "green"]}},
    "ordinals as a list": {"ordinal_features": ["colour"]},
    "an unknown argument": {"normalise": True},
    "a word for a switch": {"normalize": "yes"},
    "an unknown method": {"normalize": True, "normalize_method": "median"},
    "a method of a step that is off": {"normalize_method": "robust"},
    "components of a step that is off": {"pca_components": 2},
    "pca": {"pca": True, "pca_components": 2},
    "more components than columns": {"pca": True, "pca_components": 50},
    "transformation": {"transformation": True},
    "a transformed target": {"transform_target": True},
    "outliers": {"remove_outliers": True},
    "all are outliers": {"remove_outliers": True, "outliers_threshold": 0.9},
    "polynomials": {"polynomial_features": True},
    "a single value left out": {"low_variance_threshold": 0.1},
    "no variance left": {"low_variance_threshold": 1e9},
    "collinear left out": {"remove_multicollinearity": True, "multicollinearity_threshold": 0.1},
    "bins": {"bin_numeric_features": ["size"]},
    "bins of words": {"bin_numeric_features": ["colour"]},
    "groups of columns": {"group_features": {"numbers": ["size", "count"]}},
    "groups of columns that are not there": {"group_features": {"numbers": ["size", "nobody"]}},
    "selection": {"feature_selection": True, "n_features_to_select": 2},
    "selection of none": {"feature_selection": True, "n_features_to_select": 0},
    "keeping a column that is not there": {"keep_features": ["nobody"]},
    "balance": {"fix_imbalance": True},
    "rare to other": {"rare_to_value": 0.4},
    "rare to other without a share": {"rare_value": "other"},
    "at most two dummies": {"max_encoding_ohe": 2},
    "no dummies": {"max_encoding_ohe": 0},
    "gaps by median": {"numeric_imputation": "median"},
    "gaps by a number": {"numeric_imputation": 7},
    "gaps by a word": {"numeric_imputation": "best"},
    "rows with gaps dropped": {"numeric_imputation": "drop", "categorical_imputation": "drop"},
    "gaps by iteration": {"imputation_type": "iterative"},
    "no preprocessing": {"preprocess": False},
    "train_size of 0": {"train_size": 0},
    "train_size of 1": {"train_size": 1.0},
    "train_size of 70": {"train_size": 70},
    "train_size as text": {"train_size": "0.7"},
    "hardly any training rows": {"train_size": 0.03},
    "no shuffling": {"data_split_shuffle": False, "data_split_stratify": False},
    "stratified without shuffling": {"data_split_shuffle": False, "data_split_stratify": True},
    "stratified by a column": {"data_split_stratify": ["place"]},
    "folds in order of time": {"fold_strategy": "timeseries", "data_split_shuffle": False},
    "folds by group without groups": {"fold_strategy": "groupkfold"},
    "an unknown kind of folds": {"fold_strategy": "bootstrap"},
    "groups by a column": {"fold_strategy": "groupkfold", "fold_groups": "place"},
    "groups by a column that is not there": {"fold_strategy": "groupkfold", "fold_groups": "nobody"},
    "groups by the target": {"fold_strategy": "groupkfold", "fold_groups": "answer"},
    "groups that are not used": {"fold_groups": "place"},
    "shuffled folds": {"fold_shuffle": True},
    "all cores": {"n_jobs": -1},
    "an unknown encoder": {"encoding_method": "best"},
    "parts of dates": {"create_date_columns": ["day", "month"]},
    "nothing for an argument": {"normalize": None},
    "a list for a switch": {"normalize": [True]},
}


def _sets(arguments: dict[str, Any]) -> Any:
    def change(draft: Draft) -> None:
        draft.setup.update(arguments)

    return change


for _name, _arguments in _ARGUMENTS.items():
    odd("setup", _name)(_sets(_arguments))


@odd("setup", "groups as a list")
def groups_as_list(draft: Draft) -> None:
    draft.setup |= {"fold_strategy": "groupkfold", "fold_groups": [int(n) for n in np.arange(len(draft)) // 5]}


@odd("setup", "groups as an array")
def groups_as_array(draft: Draft) -> None:
    draft.setup |= {"fold_strategy": "groupkfold", "fold_groups": np.arange(len(draft)) // 5}


@odd("setup", "too few groups in a list")
def too_few_groups(draft: Draft) -> None:
    draft.setup |= {"fold_strategy": "groupkfold", "fold_groups": [1, 2, 3]}


@odd("setup", "texts with gaps")
def texts_with_gaps(draft: Draft) -> None:
    draft.add("comment", np.where(draft.some(), None, draft.random.choice(["late again", "all fine"], len(draft))))
    draft.setup["text_features"] = ["comment"]


@odd("setup", "dates as text")
def dates_as_text(draft: Draft) -> None:
    days = pd.Timestamp("2022-01-01") + pd.to_timedelta(draft.random.integers(0, 700, len(draft)), unit="D")
    draft.add("day", days.strftime("%Y-%m-%d"))
    draft.setup["date_features"] = ["day"]


@odd("setup", "dates as text with gaps")
def dates_as_text_with_gaps(draft: Draft) -> None:
    dates_as_text(draft)
    draft.frame["day"] = draft.frame["day"].mask(draft.some())


@odd("setup", "rows with gaps dropped where there are some")
def gaps_dropped(draft: Draft) -> None:
    draft.frame["size"] = draft.frame["size"].mask(draft.some())
    draft.setup["numeric_imputation"] = "drop"


@odd("setup", "an own class of positives")
def positives(draft: Draft) -> None:
    draft.options["sort"] = "F1"
