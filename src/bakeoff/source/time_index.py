"""The time column of a series: read, in order, and without gaps."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pandas as pd

from bakeoff.errors import UserError


def time_indexed(frame: pd.DataFrame, time_col: str) -> pd.DataFrame:
    """The frame sorted by time, with the time as its index: periods for dates, numbers as they are.

    Raises:
        UserError: times are missing, repeated, unreadable, or have gaps.
    """
    times = read_times(frame[time_col])
    if times.isna().any():
        raise UserError(f"--time-col {time_col!r} is empty in {times.isna().sum()} rows: every row needs its time.")
    if times.duplicated().any():
        twice = times[times.duplicated()].iloc[0]
        raise UserError(
            f"--time-col {time_col!r} holds {twice} more than once: a time series has one row per time, so add up or "
            "filter the rows first."
        )
    frame = frame.drop(columns=time_col)
    frame.index = pd.Index(times, name=time_col)
    frame = frame.sort_index()
    if isinstance(frame.index, pd.DatetimeIndex):
        frame.index = _periods(frame.index)
    return frame


def read_times(column: pd.Series[Any]) -> pd.Series[Any]:
    """The column as times, or as a counter where it holds whole numbers that count by one."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return column
    if pd.api.types.is_numeric_dtype(column):
        if column.isna().any() or (column.sort_values().diff().dropna() == 1).all():
            return column if column.isna().any() else column.astype("int64")
        raise UserError(
            f"--time-col {column.name!r} holds numbers that do not count 1, 2, 3: give dates, or a counter."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a format that has to be guessed row by row
            return pd.to_datetime(column)
    except (ValueError, TypeError) as error:
        some = next(iter(column.dropna()), None)
        raise UserError(f"--time-col {column.name!r} holds no times that can be read, such as {some!r}.") from error


def _periods(index: pd.DatetimeIndex) -> pd.PeriodIndex:
    regular = pd.infer_freq(index) if len(index) > 2 else None  # noqa: PLR2004 - two times have no rhythm
    try:
        if regular is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # periods of business days, which PyCaret makes as well
                return index.to_period()
    except ValueError as error:
        raise UserError(f"--time-col {index.name!r} steps by {regular}, which has no periods to forecast.") from error
    for unit, periods in _units(index):
        n_missing = periods[-1].ordinal - periods[0].ordinal + 1 - len(periods)
        if n_missing == 0:
            return periods
        if n_missing <= len(periods):
            expected = pd.period_range(periods[0], periods[-1], freq=unit)
            raise UserError(
                f"--time-col {index.name!r} has gaps ({n_missing} missing, the first is "
                f"{expected[~expected.isin(periods)][0]}): add a row for each, and let setup fill it in "
                "('numeric_imputation_target')."
            )
    raise UserError(f"--time-col {index.name!r} has no regular step: bring the rows to one per day, month or the like.")


def _units(index: pd.DatetimeIndex) -> Iterator[tuple[str, pd.PeriodIndex]]:
    """The periods in which each time is alone, the longest first."""
    for unit in ("A", "Q", "M", "W", "D", "H", "T", "S"):
        periods = index.to_period(unit)
        if periods.is_unique:
            yield unit, periods
