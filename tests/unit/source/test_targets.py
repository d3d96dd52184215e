"""Targets as people have them: what they are taken for, and what is said about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bakeoff.config import RunConfig
from bakeoff.errors import SourceError
from bakeoff.source import SourceTable, load_source

ROWS = 60


def load(folder: Path, target: Any, **options: Any) -> SourceTable:
    frame = pd.DataFrame({"size": np.random.default_rng(0).normal(size=ROWS), "y": target})
    frame.to_parquet(folder / "rows.parquet")
    return load_source(RunConfig(str(folder / "rows.parquet"), "y", **options))


def said(table: SourceTable, part: str) -> list[str]:
    return [note for note in table.notes if part in note]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_fractions_are_classes_where_that_is_asked_for(tmp_path: Path, dtype: str) -> None:
    stars = np.tile(np.array([1.0, 1.5, 12.1], dtype=dtype), ROWS // 3)
    table = load(tmp_path, stars, task="classification")
    assert sorted(set(table.frame["y"])) == ["1.0", "1.5", "12.1"]
    assert table.classes == dict(zip(["1.0", "1.5", "12.1"], np.array([1.0, 1.5, 12.1], dtype=dtype), strict=True))
    assert len(said(table, "fractions such as 1.0")) == 1
    assert load(tmp_path, stars).task == "regression"


@pytest.mark.parametrize(
    ("gap", "full"),
    [
        ([1.0, 2.0, None], np.array([1, 2])),
        ([True, False, None], np.array([True, False])),
        (["a", "b", None], np.array(["a", "b"], dtype=object)),
    ],
)
def test_a_target_with_gaps_is_the_same_as_one_without(tmp_path: Path, gap: list[Any], full: Any) -> None:
    with_gaps = load(tmp_path, gap * (ROWS // 3))
    assert with_gaps.frame["y"].dtype == full.dtype
    assert list(with_gaps.frame["y"]) == list(np.tile(full, ROWS // 3))
    assert len(said(with_gaps, "Left out 20 rows")) == 1


@pytest.mark.parametrize("values", [["lo", "hi"], [3, 5]])
def test_categories_are_their_values(tmp_path: Path, values: list[Any]) -> None:
    listed = pd.Categorical(
        values * (ROWS // 2), categories=[*values, "none" if values[0] == "lo" else 9], ordered=True
    )
    plain = load(tmp_path, values * (ROWS // 2))
    table = load(tmp_path, listed)
    assert (table.task, table.digest) == (plain.task, plain.digest)
    assert table.frame["y"].dtype == plain.frame["y"].dtype


def test_classes_that_differ_in_blanks_or_capitals_are_named(tmp_path: Path) -> None:
    table = load(tmp_path, ["yes", " yes", "Yes", "no"] * (ROWS // 4))
    assert len(said(table, "' yes' and 'Yes' and 'yes'")) == 1
    assert sorted(set(table.frame["y"])) == [" yes", "Yes", "no", "yes"]


@pytest.mark.parametrize(
    ("n_rare", "sort", "expected"), [(5, None, 1), (5, "Accuracy", 1), (5, "MCC", 0), (6, None, 0)]
)
def test_accuracy_that_says_little_is_said(tmp_path: Path, n_rare: int, sort: str | None, expected: int) -> None:
    table = load(tmp_path, ["rare"] * n_rare + ["usual"] * (ROWS - n_rare), sort=sort)
    assert len(said(table, "--sort MCC")) == expected


@pytest.mark.parametrize("task", [None, "classification", "regression"])
def test_dates_are_refused(tmp_path: Path, task: str | None) -> None:
    with pytest.raises(SourceError, match="target 'y' is a date"):
        load(tmp_path, pd.to_datetime(["2020-01-01", "2021-01-01"] * (ROWS // 2)), task=task)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_infinite_values_are_refused(tmp_path: Path, task: str) -> None:
    with pytest.raises(SourceError, match="target 'y' holds infinite values"):
        load(tmp_path, [np.inf, 1.0, 2.0] * (ROWS // 3), task=task)


def test_a_clean_target_is_the_same_object_and_nothing_is_said(tmp_path: Path) -> None:
    table = load(tmp_path, ["no", "yes", "yes"] * (ROWS // 3))
    assert table.classes == {}
    assert list(table.notes) == ["The task is classification: the target 'y' holds classes, not numbers."]
