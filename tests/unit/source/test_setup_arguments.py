"""Arguments of ``setup()`` work as they were meant, or one sentence names the argument before anything is learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GroupShuffleSplit, KFold, StratifiedGroupKFold, StratifiedKFold

from bakeoff.config import RunConfig
from bakeoff.errors import ConfigError
from bakeoff.source import SourceTable, load_source

ROWS = 60
GROUPS = [row % 7 for row in range(ROWS)]
BY_GROUP = {"fold_strategy": "groupkfold"}


def rows() -> pd.DataFrame:
    random = np.random.default_rng(0)
    days = pd.to_timedelta(random.integers(0, 900, ROWS), unit="D")
    return pd.DataFrame(
        {
            "ident": np.arange(ROWS) + 1000,
            "id": random.normal(size=ROWS),
            "e": random.normal(size=ROWS),
            "colour": random.choice(["red", "green", "blue"], ROWS),
            "size": random.choice(["S", "M", "L"], ROWS),
            "when": pd.Timestamp("2020-01-01") + days,
            "since": pd.Timestamp("2010-01-01") + days,
            "y": np.tile(["no", "yes", "yes"], ROWS // 3),
        }
    )


def gappy() -> pd.DataFrame:
    frame = rows()
    frame.loc[[3, 9], "id"] = np.nan
    frame.loc[[5], "colour"] = None
    return frame


@pytest.fixture
def load(tmp_path: Path):
    def load(setup: dict[str, Any], frame: pd.DataFrame | None = None, **options: Any) -> SourceTable:
        (rows() if frame is None else frame).to_parquet(tmp_path / "rows.parquet")
        options = {"target": "y", **options}
        return load_source(RunConfig(str(tmp_path / "rows.parquet"), setup=setup, **options))

    return load


@pytest.mark.parametrize(
    ("setup", "parts"),
    [
        ({"ignore_features": ["idnet"]}, ["ignore_features", "'idnet'", "'ident'"]),
        ({"ignore_features": "e colour"}, ["ignore_features", "'e colour'", "colour"]),
        ({"ignore_features": ["y"]}, ["ignore_features", "target 'y'"]),
        ({"ignore_features": 3}, ["ignore_features", "list of columns"]),
        ({"keep_features": ["ID"]}, ["keep_features", "'ID'", "'id'"]),
        ({"numeric_features": ["colour"]}, ["numeric_features", "'colour'", "no numbers"]),
        ({"bin_numeric_features": ["colour"]}, ["bin_numeric_features", "'colour'"]),
        ({"date_features": ["colour"]}, ["date_features", "'colour'", "not only dates"]),
        ({"text_features": ["id"]}, ["text_features", "'id'", "texts"]),
        ({"numeric_features": ["id"], "categorical_features": ["id"]}, ["numeric_", "categorical_", "'id'"]),
        ({"numeric_features": ["id"], "ignore_features": ["id"]}, ["numeric_features", "ignore_features", "'id'"]),
        ({"group_features": {"pair": ["id", "e"]}, "ignore_features": "e"}, ["group_features", "ignore_features"]),
        ({"ordinal_features": {"size": ["s", "m"]}}, ["ordinal_features", "'size'", "'S'"]),
        ({"ordinal_features": {"size": "SML"}}, ["ordinal_features", "'size'", "list"]),
        ({"ordinal_features": ["size"]}, ["ordinal_features", '{"size"']),
        ({"ordinal_features": {"sizes": ["S"]}}, ["ordinal_features", "'sizes'", "'size'"]),
        ({"group_features": ["id", "e"]}, ["group_features"]),
        ({"group_features": {"pair": ["id", "f"]}}, ["group_features", "'f'"]),
        ({"normalize": "false"}, ["normalize", "true or false"]),
        ({"normalize": True, "normalize_method": "minmx"}, ["normalize_method", "'minmx'", "'minmax'"]),
        ({"train_size": 1.5}, ["train_size", "between 0 and 1"]),
        ({"train_size": "0.7"}, ["train_size", "'0.7'"]),
        ({"numeric_imputation": "average"}, ["numeric_imputation", "'average'", "mean"]),
        ({"max_encoding_ohe": 2.5}, ["max_encoding_ohe", "whole number"]),
        ({"feature_selection": True, "n_features_to_select": 0.01}, ["n_features_to_select", "less than one"]),
        ({"feature_selection": True, "n_features_to_select": 90}, ["n_features_to_select", "7 columns"]),
        ({"create_date_columns": ["dayy"]}, ["create_date_columns", "'dayy'"]),
        ({"encoding_method": "onehot"}, ["encoding_method", "transform()"]),
        ({"use_gpu": "yes"}, ["use_gpu", "'yes'", "'force'"]),
        ({"fix_imbalance": True, "fix_imbalance_method": "smot"}, ["fix_imbalance_method", "'smote'"]),
        ({"data_split_stratify": ["colr"]}, ["data_split_stratify", "'colr'", "'colour'"]),
        ({"data_split_shuffle": False}, ["data_split_shuffle", '"data_split_stratify": false']),
        ({"fold_strategy": "timeseries"}, ["fold_strategy", '"data_split_shuffle": false']),
        ({"fold_strategy": "kflod"}, ["fold_strategy", "'kflod'", "'kfold'"]),
        ({"fold_strategy": 3}, ["fold_strategy", "3"]),
        (BY_GROUP, ["fold_strategy", "needs 'fold_groups'"]),
        ({"fold_groups": "colour"}, ["fold_groups", "stratifiedkfold", "groupkfold"]),
        ({"fold_groups": "colour", "fold_strategy": KFold(3)}, ["fold_groups", "KFold"]),
        ({"fold_groups": "color", **BY_GROUP}, ["fold_groups", "'color'", "'colour'"]),
        ({"fold_groups": GROUPS[:9], **BY_GROUP}, ["fold_groups", "9 values", "60 rows"]),
        ({"fold_groups": 4, **BY_GROUP}, ["fold_groups", "4"]),
        ({"fold_groups": [None, *GROUPS[1:]], **BY_GROUP}, ["fold_groups", "1 row"]),
        ({"preprocess": False}, ["preprocess", "'colour'", "ignore_features"]),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_mistake_is_one_sentence_that_names_the_argument(load: Any, setup: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load(setup)
    sentence = str(caught.value)
    assert sentence.startswith("--setup: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert [part for part in parts if part not in sentence] == []


def test_a_bare_word_is_a_list_of_one_column(load: Any) -> None:
    assert load({"ignore_features": "ident"}).setup == {"ignore_features": ["ident"]}


def test_what_is_right_stays_as_it_is_and_nothing_is_said(load: Any) -> None:
    setup = {
        "ignore_features": ["ident", "since"],
        "ordinal_features": {"size": ["S", "M", "L"]},
        "group_features": {"pair": ["id", "e"]},
        "numeric_imputation": 0,
        "categorical_imputation": "unknown",
        "imputation_type": "simple",
        "normalize": True,
        "normalize_method": "robust",
        "pca": True,
        "pca_components": 0.9,
        "fold_strategy": StratifiedKFold(4),
        "data_split_stratify": ["y", "colour"],
        "max_encoding_ohe": -1,
        "keep_features": None,
    }
    table = load(setup)
    assert table.setup == setup
    assert [note for note in table.notes if "--setup" in note] == []


@pytest.mark.parametrize(
    ("setup", "named"),
    [
        ({"normalize_method": "minmax"}, "'normalize_method' does nothing without 'normalize'"),
        ({"pca_method": "kernel", "pca_components": 2}, "'pca_method' and 'pca_components' do nothing without 'pca'"),
        ({"feature_selection": False, "n_features_to_select": 3}, "'n_features_to_select' does nothing"),
        ({"imputation_type": "iterative", "numeric_imputation": "mean"}, "'numeric_imputation' does nothing"),
        ({"iterative_imputation_iters": 3}, "'iterative_imputation_iters' does nothing"),
        ({"fold_strategy": KFold(3), "fold_shuffle": True}, "'fold_shuffle' does nothing"),
    ],
)
def test_arguments_that_others_switch_off_are_named(load: Any, setup: dict[str, Any], named: str) -> None:
    assert [note for note in load(setup).notes if named in note] != []


def test_a_splitter_of_its_own_makes_fold_do_nothing(load: Any) -> None:
    assert [note for note in load({"fold_strategy": KFold(4)}, fold=3).notes if "--fold 3 does nothing" in note] != []
    assert [note for note in load({"fold_strategy": KFold(3)}, fold=3).notes if "--fold" in note] == []


def test_lists_get_the_columns_that_no_model_could_use_otherwise(load: Any) -> None:
    table = load({"numeric_features": ["e"], "categorical_features": ["size"], "date_features": ["when"]}, gappy())
    assert table.setup == {
        "numeric_features": ["e", "id"],  # which has gaps; PyCaret fills those of the list only
        "categorical_features": ["size", "colour"],
        "date_features": ["when", "since"],
    }
    assert len([note for note in table.notes if "was completed by" in note]) == 3


def test_dates_that_are_written_as_text_may_be_dates(load: Any) -> None:
    written = rows().assign(since=lambda frame: frame["since"].dt.strftime("%d/%m/%Y"))
    assert load({"date_features": ["since"]}, written).setup == {"date_features": ["since", "when"]}


def test_values_without_a_rank_and_rows_that_are_dropped_are_said(load: Any) -> None:
    table = load({"ordinal_features": {"size": ["S", "M"]}, "numeric_imputation": "drop"}, gappy())
    unranked, dropped = (finding for finding in table.findings if "--setup" in finding.sentence)
    assert (unranked.columns, unranked.n_affected) == (("size",), int((rows()["size"] == "L").sum()))
    assert (dropped.columns, dropped.n_affected) == (("id",), 2)


@pytest.mark.parametrize("kind", [list, tuple, np.array, pd.Series])
def test_groups_in_a_list_stay_with_their_rows(load: Any, kind: Any) -> None:
    frame = gappy()
    frame.loc[[0, 11], "y"] = None
    groups = load({"fold_groups": kind(GROUPS), **BY_GROUP}, frame, order_by="e", max_rows=30).setup["fold_groups"]
    table = load({"fold_groups": "of_row", **BY_GROUP}, frame.assign(of_row=GROUPS), order_by="e", max_rows=30)
    assert list(groups) == list(table.frame["of_row"])
    assert list(groups.index) == list(table.frame.index)


@pytest.mark.parametrize("splitter", [GroupShuffleSplit(3), StratifiedGroupKFold(3)])
def test_splitters_that_use_groups_may_have_them(load: Any, splitter: Any) -> None:
    assert list(load({"fold_groups": GROUPS, "fold_strategy": splitter}).setup["fold_groups"]) == GROUPS


def test_the_same_groups_ask_the_same_question() -> None:
    as_list, as_array = (
        RunConfig("rows.csv", "y", setup={"fold_groups": groups}) for groups in (GROUPS, np.array(GROUPS))
    )
    other = RunConfig("rows.csv", "y", setup={"fold_groups": np.array(GROUPS[::-1])})
    assert as_list.digest() == as_array.digest() != other.digest()


@pytest.mark.parametrize(
    ("transform", "values", "refused"),
    [
        ("log", [1.0, 2.0], False),
        ("log", [0.0, 2.0], True),
        ("box-cox", [-1.0, 2.0], True),
        ("sqrt", [0.0, 2.0], False),
    ],
)
def test_a_transform_of_a_series_that_its_values_do_not_take_is_refused(
    load: Any,
    transform: str,
    values: list[float],
    refused: bool,  # noqa: FBT001
) -> None:
    frame = pd.DataFrame({"when": pd.period_range("2020-01", periods=24, freq="M").to_timestamp(), "y": values * 12})
    options = {"task": "time_series", "time_col": "when"}
    if not refused:
        assert load({"transform_target": transform}, frame, **options).setup == {"transform_target": transform}
        return
    with pytest.raises(ConfigError, match=f"'transform_target' is '{transform}'"):
        load({"transform_target": transform}, frame, **options)
