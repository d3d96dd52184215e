"""Rows that nothing is learned from: the newest ones, or those that a column names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bakeoff import RunConfig
from bakeoff.errors import ConfigError, SourceError
from bakeoff.source import load_source


def table(n_rows: int = 200) -> pd.DataFrame:
    random = np.random.default_rng(1)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.permutation(n_rows), unit="D")
    return pd.DataFrame(
        {
            "day": days.strftime("%Y-%m-%d"),
            "number": np.arange(n_rows),
            "part": random.choice(["train", "validate", "test"], n_rows, p=[0.6, 0.2, 0.2]),
            "x": random.normal(size=n_rows).round(3),
            "y": random.choice(["no", "yes"], n_rows),
        }
    )


def loaded(tmp_path: Path, frame: pd.DataFrame, **options: Any) -> Any:
    file = tmp_path / "rows.csv"
    frame.to_csv(file, index=False)
    return load_source(RunConfig(str(file), "y", **options))


def held(source: Any) -> pd.DataFrame:
    return source.frame.iloc[len(source.frame) - source.n_held :]


def said(source: Any, text: str) -> bool:
    return any(text in note for note in source.notes)


@pytest.mark.parametrize("share", [None, 0.1, 0.5])
def test_the_newest_share_is_held_out_and_the_others_are_in_the_order_of_time(
    tmp_path: Path, share: float | None
) -> None:
    rows = table()
    source = loaded(tmp_path, rows, split_time="day", holdout=share)
    n_held = round(200 * (share or 0.3))
    by_time = rows.sort_values("day")
    assert source.n_held == n_held
    assert source.frame["number"].tolist() == by_time["number"].tolist()
    assert source.frame.index.tolist() == source.frame["number"].tolist()  # of the source, as without a split
    assert "day" not in source.frame.columns
    first = pd.Timestamp(by_time["day"].iloc[-n_held])
    assert said(
        source, f"Held out {n_held} rows ({n_held / 2:.0f} %), the newest by --split-time 'day', from {first} on"
    )


@pytest.mark.parametrize(
    "times",
    [
        [f"{n % 28 + 1:02d}.{n // 28 + 1:02d}.2023" for n in range(200)],
        [20_230_000 + 100 * (n // 28 + 1) + n % 28 + 1 for n in range(200)],
        [1.7e9 + 3600.5 * n for n in range(200)],
        list(range(0, 400, 2)),
    ],
    ids=["German dates", "dates as numbers", "fractions", "a counter"],
)
def test_times_are_read_however_they_are_written(tmp_path: Path, times: list[Any]) -> None:
    source = loaded(tmp_path, table().assign(day=times).sample(frac=1, random_state=1), split_time="day", holdout=0.25)
    assert held(source)["number"].tolist() == list(range(150, 200))


def test_rows_of_the_same_time_stay_together(tmp_path: Path) -> None:
    rows = table().assign(day=[f"2024-01-{n // 70 + 1:02d}" for n in range(200)])
    assert loaded(tmp_path, rows, split_time="day", holdout=0.2).n_held == 60
    assert loaded(tmp_path, rows, split_time="day", holdout=0.6).n_held == 130


def test_rows_without_a_time_are_left_out_and_said(tmp_path: Path) -> None:
    rows = table()
    rows.loc[[3, 5], "day"] = None
    source = loaded(tmp_path, rows, split_time="day", holdout=0.25)
    assert (len(source.frame), source.n_held) == (198, 50)
    assert not {3, 5} & set(source.frame["number"])
    assert source.frame.sort_index()["number"].is_monotonic_increasing
    assert sorted(source.frame.index) == list(range(198))
    assert said(source, "Left out 2 rows without a time in --split-time 'day'.")


@pytest.mark.parametrize("setup", [{"date_features": ["day"]}, {"keep_features": ["day"]}, {"ignore_features": "day"}])
def test_the_times_are_learned_from_where_setup_names_them(tmp_path: Path, setup: dict[str, Any]) -> None:
    assert "day" in loaded(tmp_path, table(), split_time="day", setup=setup).frame.columns


def test_rows_are_held_out_by_the_word_test(tmp_path: Path) -> None:
    rows = table()
    source = loaded(tmp_path, rows.assign(part=rows["part"].str.upper() + " "), split_col="part")
    assert held(source)["number"].tolist() == rows.loc[rows["part"] == "test", "number"].tolist()
    assert source.frame["number"].iloc[: -source.n_held].tolist() == rows.loc[rows["part"] != "test", "number"].tolist()
    assert "part" not in source.frame.columns


def test_rows_with_other_words_are_left_out_and_said(tmp_path: Path) -> None:
    rows = table()
    rows.loc[[1, 2], "part"] = ["spare", None]
    source = loaded(tmp_path, rows, split_col="part")
    assert not {1, 2} & set(source.frame["number"])
    assert said(source, "Left out 2 rows in which --split-col 'part' says neither train, validate nor test ('spare').")


def test_which_rows_are_held_out_is_part_of_what_the_data_are(tmp_path: Path) -> None:
    rows = table().sort_values("day")
    shares = [loaded(tmp_path, rows, split_time="day", holdout=share).digest for share in (0.2, 0.2, 0.3)]
    assert shares[0] == shares[1] != shares[2]
    options = [{}, {"split_time": "day"}, {"split_col": "part"}]
    assert len({RunConfig("rows.csv", "y", run_id="a", **each).digest() for each in options}) == 3


def test_groups_stay_with_their_rows(tmp_path: Path) -> None:
    groups = [f"g{n % 7}" for n in range(200)]
    setup = {"fold_groups": groups, "fold_strategy": "groupkfold"}
    source = loaded(tmp_path, table(), split_time="day", setup=setup)
    assert source.setup["fold_groups"].tolist() == [groups[n] for n in source.frame["number"]]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"split_time": "dya"}, "--split-time: there is no column 'dya' in .*did you mean 'day'"),
        ({"split_col": "prt"}, "--split-col: there is no column 'prt' in .*did you mean 'part'"),
        ({"split_time": "part"}, "--split-time 'part' holds no times that can be read, such as"),
        (
            {"split_time": "day", "split_col": "part"},
            "--split-col says which rows are held out, and so does --split-time",
        ),
        ({"holdout": 0.2, "split_col": "part"}, "--split-col says which rows are held out, and so does --holdout"),
        ({"split_time": "day", "setup": {"train_size": 0.8}}, "--split-time and 'train_size' in --setup say the same"),
        ({"split_col": "y"}, "--split-col and --target are both 'y'"),
        ({"split_col": "x"}, "--split-col 'x' has no rows to hold out: it says 'test' in none, but "),
        (
            {"split_time": "day", "task": "time_series", "time_col": "day"},
            "--split-time is for tables, not for time series",
        ),
        (
            {"split_col": "part", "setup": {"data_split_stratify": True}},
            "so 'data_split_stratify' in --setup does nothing",
        ),
    ],
)
def test_what_cannot_be_held_out_is_a_sentence(tmp_path: Path, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises((ConfigError, SourceError), match=sentence):
        loaded(tmp_path, table(), **options)


@pytest.mark.parametrize(
    ("changed", "options", "sentence"),
    [
        ({"part": "test"}, {"split_col": "part"}, "has no rows to learn from: it says 'train' or 'validate' in none"),
        ({"day": "2024-01-01"}, {"split_time": "day"}, "--split-time 'day' holds the same time in all rows"),
        (
            {"y": ["no", "yes"] * 70 + ["maybe", "no"] * 30, "day": list(range(200))},
            {"split_time": "day"},
            r"has a class in the hold-out only \(such as 'maybe'\)",
        ),
    ],
)
def test_a_table_that_cannot_be_split_is_a_sentence(
    tmp_path: Path, changed: dict[str, Any], options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SourceError, match=sentence):
        loaded(tmp_path, table().assign(**changed), **options)
