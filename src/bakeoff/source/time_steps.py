"""Find the regular step of a series' times, and the times that are missing."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
from pandas.tseries import offsets
from pandas.tseries.frequencies import to_offset

_DAY = pd.Timedelta(days=1)
_WEEK = 7
_FRIDAY = 4
_MANY = 3
"""Number of times from which on pandas infers a frequency."""
_UNITS = ("Y", "Q", "M", "W", "D", "h", "min", "s")
"""Units of periods, the longest first, in letters that pandas knows before and after it renamed them in 2.2."""
_OFFSETS: dict[str, tuple[Any, ...]] = {
    "M": (offsets.MonthEnd, offsets.MonthBegin, offsets.BMonthEnd, offsets.BMonthBegin),
    "Q": (offsets.QuarterEnd, offsets.QuarterBegin, offsets.BQuarterEnd, offsets.BQuarterBegin),
    "Y": (offsets.YearEnd, offsets.YearBegin, offsets.BYearEnd, offsets.BYearBegin),
}
"""Pandas' offsets for the dates at which a period begins or ends, by the unit of the period."""


@contextmanager
def _business_days() -> Iterator[None]:
    """Make periods of business days, which pandas warns of and PyCaret uses as well, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


@dataclass(frozen=True)
class Steps:
    """Times as periods of one length.

    Attributes:
        periods: the period of each time, in order and without duplicates.
    """

    periods: pd.PeriodIndex

    @cached_property
    def expected(self) -> pd.PeriodIndex:
        """All periods from the first to the last."""
        with _business_days():
            return pd.period_range(self.periods[0], self.periods[-1], freq=self.periods.freq)

    @property
    def n_missing(self) -> int:
        """Number of periods that are missing."""
        frequency: Any = self.periods.freq
        step: int = frequency.n
        return (self.periods[-1].ordinal - self.periods[0].ordinal) // step + 1 - len(self.periods)


def steps_of_periods(periods: pd.PeriodIndex) -> Steps | None:
    """Return the steps of periods in order: as they are, or longer ones if only every third month is there."""
    steps = Steps(periods)
    if steps.n_missing == 0:
        return steps
    is_weekly = periods.freqstr.split("-")[0].endswith("W")
    times = periods.to_timestamp(how="end" if is_weekly else "start")
    return steps_of_times(times.normalize() if is_weekly else times)


def steps_of_times(times: pd.DatetimeIndex) -> Steps | None:
    """Return the steps of times in order: regular ones, else those with the fewest gaps.

    Returns:
        The steps; ``None`` if there are none of which at least half are there.
    """
    inferred = _inferred(times)
    if inferred is not None:
        return inferred
    best: Steps | None = None
    for periods in _candidates(times):
        steps = Steps(periods)
        if steps.n_missing == 0:
            return steps
        if steps.n_missing <= len(times) and (best is None or steps.n_missing < best.n_missing):
            best = steps
    return best


def _inferred(times: pd.DatetimeIndex) -> Steps | None:
    """Return the steps that pandas infers; ``None`` if they have no periods."""
    frequency = pd.infer_freq(times) if len(times) >= _MANY else None
    if frequency is None:
        return None
    try:
        with _business_days():
            return Steps(times.to_period())
    except (ValueError, AttributeError):  # pandas 2.1 has no periods of two months
        pass
    offset: Any = to_offset(frequency)
    unit = next((unit for unit, kinds in _OFFSETS.items() if isinstance(offset, kinds)), None)
    return Steps(times.to_period(f"{offset.n}{unit}")) if unit else None


def _candidates(times: pd.DatetimeIndex) -> Iterator[pd.PeriodIndex]:
    """Yield the periods that hold at most one of the times each: of units, and of the most frequent step."""
    for frequency in (*_frequencies(times), *_UNITS):
        with _business_days():
            periods = times.to_period(frequency)
        if periods.is_unique:
            yield periods


def _frequencies(times: pd.DatetimeIndex) -> Iterator[str]:
    """Yield the frequencies that the times suggest and that are not just a unit."""
    if len(times) < _MANY:
        return
    steps = pd.Series(times[1:] - times[:-1])
    step = pd.Timedelta(steps.mode().iloc[0].to_timedelta64())
    if not ((times - times[0]) % step == pd.Timedelta(0)).all():
        step = pd.Timedelta(0)
    if pd.Timedelta(0) < step < _DAY:
        offset: Any = to_offset(step)
        yield offset.freqstr
    elif step and step.days % _WEEK == 0 and step % _DAY == pd.Timedelta(0):
        day = times[0].day_name()[:3].upper()
        yield f"{step.days // _WEEK}W-{day}"
    elif step > _DAY and step % _DAY == pd.Timedelta(0):
        yield f"{step.days}D"
    if (times.dayofweek <= _FRIDAY).all() and (times == times.normalize()).all():
        yield "B"
