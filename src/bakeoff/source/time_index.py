"""Index a series by its time column, and say what is wrong with its times."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pandas as pd

from bakeoff.errors import SourceError
from bakeoff.source.findings import FindingKind, Findings
from bakeoff.source.time_steps import steps_of_periods, steps_of_times
from bakeoff.source.times import read_times

IMPUTE_TARGET = "numeric_imputation_target"
"""Argument of PyCaret's ``setup()`` that fills gaps of the target."""
_AT_NIGHT = (1, 2, 3)
"""Hours at which clocks are changed."""
_CLOCK = re.compile(r"\s*\d{1,2}:\d\d")
_SUNDAY = 6
_MOST_SERIES = 0.5
"""Distinct values per row of a column that tells several series apart, at most."""


def time_indexed(
    frame: pd.DataFrame, time_col: str, findings: Findings | None = None, *, fill: bool = False
) -> pd.DataFrame:
    """Return a frame sorted and indexed by its time column: dates become periods, numbers stay.

    Args:
        frame: the rows; not changed.
        time_col: the column that says when.
        findings: gets one about rows that were added, and about what times were taken for.
        fill: whether a row is added for each time that is missing.

    Raises:
        SourceError: Times are missing, repeated, unreadable, or have gaps.
    """
    findings = Findings() if findings is None else findings
    times = read_times(frame[time_col], findings)
    if times.isna().any():
        raise SourceError(f"--time-col {time_col!r} is empty in {times.isna().sum()} rows: every row needs its time.")
    if times.duplicated().any():
        raise _repeated(frame.assign(**{time_col: times}), time_col)
    frame = frame.drop(columns=time_col)
    frame.index = pd.Index(times, name=time_col)
    frame = frame.sort_index()
    index = frame.index
    expected: pd.Index[Any] | None = None
    if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        steps = steps_of_times(index) if isinstance(index, pd.DatetimeIndex) else steps_of_periods(index)
        if steps is None:
            raise SourceError(
                f"--time-col {time_col!r} has no regular step: bring the rows to one per day, month or the like."
            )
        frame.index = steps.periods.rename(time_col)
        expected = steps.expected if steps.n_missing else None
    elif index[-1] - index[0] + 1 != len(index):
        expected = pd.RangeIndex(index[0], index[-1] + 1)
    if expected is None:
        return frame
    if not fill:
        raise _gaps(frame.index, expected)
    return _filled(frame, expected, findings)


def _filled(frame: pd.DataFrame, expected: pd.Index[Any], findings: Findings) -> pd.DataFrame:
    missing = expected[~expected.isin(frame.index)]
    rows = "a row" if len(missing) == 1 else f"{len(missing)} rows"
    sentence = (
        f"Added {rows} to the series for what is missing in --time-col {frame.index.name!r} (the first is "
        f"{missing[0]}): {IMPUTE_TARGET!r} fills them in."
    )
    findings.add(FindingKind.GAPS, sentence, columns=[str(frame.index.name)], n_affected=len(missing))
    return frame.reindex(expected.rename(frame.index.name))


def _gaps(index: pd.Index[Any], expected: pd.Index[Any]) -> SourceError:
    missing = expected[~expected.isin(index)]
    hint = ""
    if isinstance(missing, pd.PeriodIndex):
        if missing.freqstr == "B":
            hint = ", taken for business days"
        elif _is_spring_forward(missing):
            hint = ", as where clocks go forward: give the times in UTC or with their offset"
    return SourceError(
        f"--time-col {index.name!r} has gaps ({len(missing)} missing, the first is {missing[0]}{hint}): add a row for "
        f'each, or have them added and filled in by --setup \'{{"{IMPUTE_TARGET}": "ffill"}}\'.'
    )


def _is_spring_forward(missing: pd.PeriodIndex) -> bool:
    starts = missing.to_timestamp()
    return bool(((starts.dayofweek == _SUNDAY) & starts.hour.isin(_AT_NIGHT)).all())


def _repeated(frame: pd.DataFrame, time_col: str) -> SourceError:
    """Return the error about times that stand in several rows: of several series, copied, or in another column, too."""
    times = frame[time_col]
    duplicate = times[times.duplicated()].iloc[0]
    start = f"--time-col {time_col!r} holds {duplicate} more than once"
    if len(frame.drop_duplicates()) == times.nunique():
        return SourceError(f"{start}, always in rows that are copies of each other: remove the copies first.")
    if (series := _told_apart_by(frame, time_col)) is not None:
        names = frame[series].dropna().unique()
        return SourceError(
            f"{start}: the table seems to hold {len(names)} series, one for each {series!r} (such as {names[0]!r}), "
            f"and one is forecast at a time, so filter the rows to one {series!r}, or pivot them to a column for each."
        )
    if (other := _rest_of_time(frame, time_col)) is not None:
        return SourceError(
            f"{start}, but never with the same {other!r}: if {other!r} is a part of the time, make one column of both."
        )
    if isinstance(times.dtype, pd.PeriodDtype) or not pd.api.types.is_datetime64_any_dtype(times):
        return SourceError(f"{start}: a time series has one row per time, so add up or filter the rows first.")
    repeated = pd.DatetimeIndex(times[times.duplicated()])
    if ((repeated.dayofweek == _SUNDAY) & repeated.hour.isin((0, *_AT_NIGHT))).all():
        return SourceError(
            f"{start}, as where clocks go back: give the times in UTC or with their offset, since a time series has "
            "one row per time."
        )
    return SourceError(f"{start}: a time series has one row per time, so add up or filter the rows first.")


def _told_apart_by(frame: pd.DataFrame, time_col: str) -> str | None:
    """Return the column of texts, categories or truths with which each time is unique; ``None`` if there is none."""
    for name, column in frame.drop(columns=time_col).items():
        is_name = column.dtype == object or isinstance(
            column.dtype, pd.CategoricalDtype | pd.StringDtype | pd.BooleanDtype
        )
        is_name = (is_name or column.dtype == bool) and not _is_time_of_day(column)
        if is_name and _makes_unique(frame, time_col, str(name)):
            return str(name)
    whole = frame.drop(columns=time_col).select_dtypes("integer")
    likely = [name for name in whole if str(name).lower().endswith(("id", "nr", "no", "code", "key", "store", "item"))]
    return next((str(name) for name in likely if _makes_unique(frame, time_col, str(name))), None)


def _rest_of_time(frame: pd.DataFrame, time_col: str) -> str | None:
    """Return the column of whole numbers or times with which each time is unique; ``None`` if there is none."""
    others = frame.drop(columns=time_col)
    likely = [
        *others.select_dtypes(["integer", "datetime", "timedelta"]),
        *filter(lambda n: _is_time_of_day(others[n]), others),
    ]
    return next((str(name) for name in likely if _makes_unique(frame, time_col, str(name))), None)


def _is_time_of_day(column: pd.Series[Any]) -> bool:
    """Whether a column holds hours and minutes."""
    first = next(iter(column.dropna()), None)
    return isinstance(first, dt.time) or (isinstance(first, str) and _CLOCK.match(first) is not None)


def _makes_unique(frame: pd.DataFrame, time_col: str, other: str) -> bool:
    few = frame[other].nunique() <= _MOST_SERIES * len(frame)
    return bool(few and not frame.duplicated([time_col, other]).any())
