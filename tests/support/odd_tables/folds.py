"""Oddities that only show in folds, because a fold has other values than the whole."""

from __future__ import annotations

import numpy as np
import pandas as pd

from support.odd_tables.draft import Draft, odd


@odd("folds", "dates with gaps")
def dates_with_gaps(draft: Draft) -> None:
    draft.as_parquet()
    days = pd.Timestamp("2022-01-01") + pd.to_timedelta(draft.random.integers(0, 700, len(draft)), unit="D")
    draft.add("day", pd.Series(days).mask(draft.some(0.5)).to_numpy())


@odd("folds", "a date in one row")
def a_single_date(draft: Draft) -> None:
    draft.as_parquet()
    days = pd.Series(pd.NaT, index=draft.frame.index, dtype="datetime64[ns]")
    days.iloc[int(draft.random.integers(len(draft)))] = pd.Timestamp("2022-01-01")
    draft.add("day", days)


@odd("folds", "times of the day with gaps")
def times_with_gaps(draft: Draft) -> None:
    draft.as_parquet()
    hours = pd.Timestamp("2022-01-01") + pd.to_timedelta(draft.random.integers(0, 9_000, len(draft)), unit="min")
    draft.add("at", pd.Series(hours).mask(draft.some(0.7)).to_numpy())


@odd("folds", "a rare category")
def rare_category(draft: Draft) -> None:
    draft.frame.loc[draft.frame.index[:2], "colour"] = "ultraviolet"


@odd("folds", "many rare categories")
def many_categories(draft: Draft) -> None:
    draft.add("code", [f"c{n // 2}" for n in range(len(draft))])


@odd("folds", "many rare categories with gaps")
def many_categories_with_gaps(draft: Draft) -> None:
    draft.add("code", np.where(draft.some(0.3), None, np.array([f"c{n // 2}" for n in range(len(draft))])))


@odd("folds", "a number in one row")
def a_single_number(draft: Draft) -> None:
    values = np.full(len(draft), np.nan)
    values[int(draft.random.integers(len(draft)))] = 3.5
    draft.add("seldom", values)


@odd("folds", "a text in one row")
def a_single_text(draft: Draft) -> None:
    values = np.full(len(draft), None, dtype=object)
    values[int(draft.random.integers(len(draft)))] = "once"
    draft.add("seldom", values)


@odd("folds", "a column that hardly varies")
def hardly_varies(draft: Draft) -> None:
    draft.add("flag", np.arange(len(draft)) == 7)


@odd("folds", "categories that LightGBM refuses")
def odd_categories(draft: Draft) -> None:
    draft.frame["colour"] = draft.random.choice(["a,b", '{"c": [1]}', "d:e", "f[0]"], len(draft))


@odd("folds", "categories alike once cleaned")
def colliding_categories(draft: Draft) -> None:
    draft.frame["colour"] = draft.random.choice(["a b", "a_b", "a[b", "a,b"], len(draft))
