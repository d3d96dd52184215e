"""Read the time column of a series, and check that it has no gaps."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pandas as pd

from bakeoff.errors import SourceError


def time_indexed(frame: pd.DataFrame, time_col: str) -> pd.DataFrame:
    """Return a frame sorted and indexed by its time column: dates become periods, numbers stay.

    Raises:
        SourceError: Times are missing, repeated, unreadable, or have gaps.
    """
    times = read_times(frame[time_col])
    if times.isna().any():
        raise SourceError(f"--time-col {time_col!r} is empty in {times.isna().sum()} rows: every row needs its time.")
    if times.duplicated().any():
        duplicate = times[times.duplicated()].iloc[0]
        raise SourceError(
            f"--time-col {time_col!r} holds {duplicate} more than once: a time series has one row per time, so add up "
            "or filter the rows first."
        )
    frame = frame.drop(columns=time_col)
    frame.index = pd.Index(times, name=time_col)
    frame = frame.sort_index()
    if isinstance(frame.index, pd.DatetimeIndex):
        frame.index = _periods(frame.index)
    return frame


def read_times(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column as times, or as whole numbers if it is a counter with steps of one.

    Raises:
        SourceError: It holds neither.
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        return column
    if pd.api.types.is_numeric_dtype(column):
        if column.isna().any() or (column.sort_values().diff().dropna() == 1).all():
            return column if column.isna().any() else column.astype("int64")
        raise SourceError(
            f"--time-col {column.name!r} holds numbers that do not count 1, 2, 3: give dates, or a counter."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pandas warns if it has to guess the format of each row
            return pd.to_datetime(column)
    except (ValueError, TypeError) as error:
        example = next(iter(column.dropna()), None)
        raise SourceError(
            f"--time-col {column.name!r} holds no times that can be read, such as {example!r}."
        ) from error


def _periods(index: pd.DatetimeIndex) -> pd.PeriodIndex:
    frequency = pd.infer_freq(index) if len(index) > 2 else None  # noqa: PLR2004 - pandas needs three times
    try:
        if frequency is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # periods of business days, which PyCaret uses as well
                return index.to_period()
    except ValueError as error:
        raise SourceError(
            f"--time-col {index.name!r} steps by {frequency}, which has no periods to forecast."
        ) from error
    for unit, periods in _period_units(index):
        n_missing = periods[-1].ordinal - periods[0].ordinal + 1 - len(periods)
        if n_missing == 0:
            return periods
        if n_missing <= len(periods):
            expected = pd.period_range(periods[0], periods[-1], freq=unit)
            raise SourceError(
                f"--time-col {index.name!r} has gaps ({n_missing} missing, the first is "
                f"{expected[~expected.isin(periods)][0]}): add a row for each, and let setup fill it in "
                "('numeric_imputation_target')."
            )
    raise SourceError(
        f"--time-col {index.name!r} has no regular step: bring the rows to one per day, month or the like."
    )


def _period_units(index: pd.DatetimeIndex) -> Iterator[tuple[str, pd.PeriodIndex]]:
    """Yield each unit whose periods hold at most one of the times, and the periods, the longest unit first."""
    for unit in ("A", "Q", "M", "W", "D", "H", "T", "S"):
        periods = index.to_period(unit)
        if periods.is_unique:
            yield unit, periods
