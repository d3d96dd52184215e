"""What stands beside the times of a series is used, left out and said, or refused in one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bakeoff.config import RunConfig
from bakeoff.errors import UserError
from bakeoff.source import SourceTable, check_series, load_source

MONTHS = pd.date_range("2019-01-01", periods=36, freq="MS")


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """A function that saves a series with some columns, and loads it again."""

    def save_and_load(setup: dict[str, Any] | None = None, **columns: Any) -> SourceTable:
        frame = pd.DataFrame({"month": MONTHS, "sold": np.arange(36.0) + 100, **columns})
        frame.to_parquet(tmp_path / "series.parquet")
        config = RunConfig(
            str(tmp_path / "series.parquet"), "sold", task="time_series", time_col="month", setup=setup or {}
        )
        return load_source(config)

    return save_and_load


def check(frame: pd.DataFrame, **options: Any) -> str:
    """What is wrong with a series; empty if nothing is."""
    try:
        check_series(frame, RunConfig("s.csv", "sold", task="time_series", time_col="month", **options))
    except UserError as error:
        return str(error)
    return ""


def series(n_rows: int = 36, **columns: Any) -> pd.DataFrame:
    index = pd.period_range("2019-01", periods=n_rows, freq="M", name="month")
    return pd.DataFrame({"sold": np.arange(float(n_rows)), **columns}, index=index)


def test_numbers_alone_leave_a_series_as_it_is(load: Any) -> None:
    source = load(price=np.arange(36) / 2)
    assert list(source.frame.columns) == ["sold", "price"]
    assert source.notes == ()


def test_texts_categories_and_dates_are_left_out_in_one_sentence(load: Any) -> None:
    source = load(promo=["radio"] * 36, kind=pd.Categorical(["a", "b"] * 18), until=MONTHS, price=np.arange(36.0))
    assert list(source.frame.columns) == ["sold", "price"]
    (finding,) = source.findings
    assert finding.columns == ("promo", "kind", "until")
    assert "'promo', 'kind', 'until'" in finding.sentence


def test_truths_become_numbers_also_with_gaps(load: Any) -> None:
    source = load({"numeric_imputation_exogenous": "ffill"}, open=[True, False] * 18, gaps=[True, False, None] * 12)
    assert list(source.frame["open"][:2]) == [1.0, 0.0]
    assert source.frame["gaps"].isna().sum() == 12
    assert source.findings[0].columns == ("open", "gaps")


def test_columns_without_a_value_are_left_out(load: Any) -> None:
    source = load(nothing=np.full(36, np.nan))
    assert list(source.frame.columns) == ["sold"]
    assert source.findings[0].columns == ("nothing",)


def test_periods_in_a_file_that_pandas_wrote_are_times(tmp_path: Path) -> None:
    path = tmp_path / "series.parquet"
    index = MONTHS.to_period("M").rename("month")
    pd.DataFrame({"sold": np.arange(36.0)}, index=index).to_parquet(path)
    read = (
        "import sys; from bakeoff import RunConfig; from bakeoff.source import load_source; "
        "source = load_source(RunConfig(sys.argv[1], 'sold', task='time_series', time_col='month')); "
        "print(source.frame.index[0], source.frame.index[-1])"
    )
    # In a process of its own, since Arrow knows pandas' periods for good once pandas has written some.
    told = subprocess.run([sys.executable, "-c", read, str(path)], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["2019-01", "2021-12"]


def test_ignored_columns_may_hold_anything(load: Any) -> None:
    source = load({"ignore_features": ["promo"]}, promo=["radio"] * 36)
    assert list(source.frame.columns) == ["sold", "promo"]
    assert source.notes == ()


def test_missing_times_are_added_where_gaps_are_filled(tmp_path: Path) -> None:
    path = tmp_path / "gap.csv"
    pd.DataFrame({"month": MONTHS, "sold": np.arange(36.0)}).drop(index=4).to_csv(path, index=False)
    config = RunConfig(
        str(path), "sold", task="time_series", time_col="month", setup={"numeric_imputation_target": "ffill"}
    )
    source = load_source(config)
    assert source.frame["sold"].isna().sum() == 1
    assert source.fraction == 1.0
    assert "2019-05" in source.notes[0]


@pytest.mark.parametrize(
    ("columns", "setup", "expected"),
    [
        ({"sold": [*range(35), np.nan]}, {}, "'sold' of s.csv has no value at 1 of 36 times (the first: 2021-12)"),
        ({"sold": [*range(35), np.nan]}, {"numeric_imputation_target": "ffill"}, ""),
        ({"price": [np.nan, *range(35)]}, {}, '--setup \'{"numeric_imputation_exogenous": "ffill"}\''),
        ({"price": [np.nan, *range(35)]}, {"numeric_imputation_exogenous": "mean"}, ""),
        ({"price": [np.inf, *range(35)]}, {}, "'price' of s.csv holds infinite values"),
        ({"price": [np.inf, *range(35)]}, {"ignore_features": ["price"]}, ""),
    ],
)
def test_gaps_and_infinities_are_refused_by_name(columns: Any, setup: dict[str, Any], expected: str) -> None:
    told = check(series(**columns), setup=setup)
    assert expected in told
    assert bool(told) == bool(expected)


@pytest.mark.parametrize(
    ("n_rows", "options", "expected"),
    [
        (30, {"fh": 6, "fold": 3}, ""),
        (26, {"fh": 6, "fold": 3}, ""),
        (25, {"fh": 6, "fold": 3}, "has 25 rows, and 3 folds of 6 steps up to 6 ahead need 26"),
        (25, {"fh": 6, "fold": 3}, "use --fold 2 or --fh 5"),
        (17, {"fh": (4, 5, 6), "fold": 2}, ""),
        (16, {"fh": (4, 5, 6), "fold": 2}, "need 17"),
        (3, {}, "give more rows"),
        (3, {"setup": {"fold_strategy": object()}}, ""),
    ],
)
def test_a_series_that_is_too_short_is_refused_with_numbers(n_rows: int, options: Any, expected: str) -> None:
    told = check(series(n_rows), **options)
    assert expected in told
    assert bool(told) == bool(expected)
