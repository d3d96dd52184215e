"""Oddities of time: steps, gaps, and what stands beside a series."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pandas.tseries import offsets

from support.odd_tables.draft import Draft, odd

_STEPS = {
    **{f"steps of {freq}": freq for freq in ("15min", "30min", "D", "2D", "B", "W-MON", "W-SUN", "W-WED", "MS", "QS")},
    # Pandas 2.2 has other letters for these.
    "steps of H": offsets.Hour(),
    "steps of 6H": offsets.Hour(6),
    "steps of SM": offsets.SemiMonthEnd(),
    "steps of M": offsets.MonthEnd(),
    "steps of BM": offsets.BMonthEnd(),
    "steps of Q": offsets.QuarterEnd(),
    "steps of Q-FEB": offsets.QuarterEnd(startingMonth=2),
    "steps of A": offsets.YearEnd(),
    "steps of AS": offsets.YearBegin(),
    "steps of T": offsets.Minute(),
    "steps of S": offsets.Second(),
    "steps of 10S": offsets.Second(10),
}


def become_series(draft: Draft, when: Any, values: Any = None) -> None:
    """Make the draft a series at these times."""
    n = len(when)
    level = 50 + np.arange(n) * 0.5 + draft.random.normal(scale=2, size=n)
    draft.frame = pd.DataFrame({"when": when, "sold": level if values is None else values})
    draft.target = "sold"
    draft.options = {"task": "time_series", "time_col": "when", "fh": 3, "fold": 2}


def _steps(freq: str) -> Any:
    return lambda draft: become_series(draft, pd.date_range("2019-01-06", periods=48, freq=freq))


for _name, _freq in _STEPS.items():
    odd("time", _name)(_steps(_freq))


def _daily(draft: Draft, n: int = 60) -> None:
    become_series(draft, pd.date_range("2022-01-01", periods=n, freq="D"))


@odd("time", "a counter")
def counter(draft: Draft) -> None:
    become_series(draft, np.arange(1, 49))


@odd("time", "a counter from 1990")
def years_as_numbers(draft: Draft) -> None:
    become_series(draft, np.arange(1970, 2018))


@odd("time", "a counter with steps of ten")
def counter_by_ten(draft: Draft) -> None:
    become_series(draft, np.arange(0, 480, 10))


@odd("time", "months as numbers")
def months_as_numbers(draft: Draft) -> None:
    become_series(draft, [int(f"{day:%Y%m}") for day in pd.date_range("2018-01-01", periods=48, freq="MS")])


@odd("time", "one time missing")
def one_missing(draft: Draft) -> None:
    _daily(draft)
    draft.frame = draft.frame.drop(index=30)


@odd("time", "one quarter of an hour missing")
def one_quarter_missing(draft: Draft) -> None:
    become_series(draft, pd.date_range("2022-01-01", periods=60, freq="15min"))
    draft.frame = draft.frame.drop(index=30)


@odd("time", "many times missing")
def many_missing(draft: Draft) -> None:
    _daily(draft, 80)
    draft.frame = draft.frame[draft.random.random(80) < 0.7]


@odd("time", "values missing")
def values_missing(draft: Draft) -> None:
    _daily(draft)
    draft.frame["sold"] = draft.frame["sold"].mask(draft.some(0.1))


@odd("time", "a time twice")
def a_time_twice(draft: Draft) -> None:
    _daily(draft)
    draft.frame = pd.concat([draft.frame, draft.frame.tail(1)], ignore_index=True)


@odd("time", "several series")
def several_series(draft: Draft) -> None:
    _daily(draft, 40)
    parts = [draft.frame.assign(shop=shop, sold=draft.frame["sold"] * factor) for factor, shop in enumerate("ab", 1)]
    draft.frame = pd.concat(parts, ignore_index=True)


@odd("time", "not sorted")
def not_sorted(draft: Draft) -> None:
    _daily(draft)
    draft.frame = draft.frame.sample(frac=1, random_state=1)


@odd("time", "the latest first")
def latest_first(draft: Draft) -> None:
    _daily(draft)
    draft.frame = draft.frame.iloc[::-1]


@odd("time", "summer time")
def summer_time(draft: Draft) -> None:
    draft.as_parquet()
    become_series(draft, pd.date_range("2022-03-26", periods=72, freq="h", tz="Europe/Berlin"))


@odd("time", "months in local time")
def local_months(draft: Draft) -> None:
    draft.as_parquet()
    become_series(draft, pd.date_range("2018-01-01", periods=48, freq="MS", tz="Europe/Berlin"))


@odd("time", "periods")
def periods(draft: Draft) -> None:
    draft.as_parquet()
    become_series(draft, pd.period_range("2018-01", periods=48, freq="M"))


@odd("time", "days with the day first")
def day_first(draft: Draft) -> None:
    become_series(draft, pd.date_range("2022-01-01", periods=60, freq="D").strftime("%d.%m.%Y"))


@odd("time", "words for months")
def words_for_months(draft: Draft) -> None:
    become_series(draft, pd.date_range("2018-01-01", periods=48, freq="MS").strftime("%b %Y"))


@odd("time", "weeks as text")
def weeks_as_text(draft: Draft) -> None:
    become_series(draft, pd.date_range("2019-01-07", periods=48, freq="W-MON").strftime("%G-W%V"))


@odd("time", "quarters as text")
def quarters_as_text(draft: Draft) -> None:
    become_series(draft, [f"{2000 + n // 4}Q{n % 4 + 1}" for n in range(48)])


@odd("time", "words as times")
def words_as_times(draft: Draft) -> None:
    become_series(draft, [f"step {n}" for n in range(48)])


@odd("time", "nearly regular times")
def jitter(draft: Draft) -> None:
    times = pd.date_range("2022-01-01", periods=60, freq="D")
    become_series(draft, times + pd.to_timedelta(draft.random.integers(0, 600, 60), unit="s"))


@odd("time", "times without a step")
def no_step(draft: Draft) -> None:
    become_series(
        draft, pd.Timestamp("2022-01-01") + pd.to_timedelta(np.cumsum(draft.random.integers(1, 90, 60)), "min")
    )


@odd("time", "texts beside it")
def texts_beside(draft: Draft) -> None:
    _daily(draft)
    draft.add("weather", draft.random.choice(["sun", "rain"], 60))


@odd("time", "numbers beside it")
def numbers_beside(draft: Draft) -> None:
    _daily(draft)
    draft.add("price", draft.random.normal(size=60))


@odd("time", "numbers with gaps beside it")
def gaps_beside(draft: Draft) -> None:
    _daily(draft)
    draft.add("price", np.where(draft.some(), np.nan, draft.random.normal(size=60)))


@odd("time", "booleans and dates beside it")
def others_beside(draft: Draft) -> None:
    draft.as_parquet()
    _daily(draft)
    draft.add("open", draft.random.random(60) < 0.5)
    draft.add("due", pd.date_range("2022-03-01", periods=60))


@odd("time", "one value beside it")
def constant_beside(draft: Draft) -> None:
    _daily(draft)
    draft.add("same", 1)


@odd("time", "a horizon that starts later")
def late_horizon(draft: Draft) -> None:
    _daily(draft)
    draft.options["fh"] = "3,4,6"


@odd("time", "a horizon that is too long")
def long_horizon(draft: Draft) -> None:
    _daily(draft, 20)
    draft.options["fh"] = 19


for _n in (3, 6, 9, 12, 15):
    odd("time", f"{_n} rows")(lambda draft, n=_n: _daily(draft, n))


@odd("time", "negative values")
def negative(draft: Draft) -> None:
    _daily(draft)
    draft.frame["sold"] -= 60


@odd("time", "zeros")
def zeros(draft: Draft) -> None:
    _daily(draft)
    draft.frame["sold"] = np.where(draft.some(0.4), 0, draft.frame["sold"])


@odd("time", "the same value throughout")
def same_value(draft: Draft) -> None:
    _daily(draft)
    draft.frame["sold"] = 7.0


@odd("time", "whole numbers")
def whole(draft: Draft) -> None:
    _daily(draft)
    draft.frame["sold"] = draft.frame["sold"].astype(int)


@odd("time", "infinite values")
def infinite(draft: Draft) -> None:
    _daily(draft)
    draft.frame.loc[3, "sold"] = np.inf


@odd("time", "a missing time")
def a_missing_time(draft: Draft) -> None:
    _daily(draft)
    draft.frame["when"] = draft.frame["when"].mask(draft.frame.index == 5)


@odd("time", "a column called index beside it")
def index_beside(draft: Draft) -> None:
    _daily(draft)
    draft.add("index", np.arange(60))
