"""Read a column of times, whatever they are: dates, periods, times of a zone, counters, seconds since 1970."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import numpy as np
import pandas as pd

from bakeoff.errors import SourceError
from bakeoff.source.findings import FindingKind, Findings
from bakeoff.source.time_texts import first_unreadable, read_texts

_ALMOST_A_DAY = pd.Timedelta(hours=23)
"""The shortest day of a zone with summer time."""
_HOUR = pd.Timedelta(hours=1)
_DIGITS = {6: "%Y%m", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
"""Formats of times that are written as whole numbers, by their number of digits."""
_YEARS = (1900, 2100)
"""The years that such numbers may begin with."""
_EPOCHS = {
    "seconds": ("s", 1e8, 1e10),
    "milliseconds": ("ms", 1e11, 1e13),
    "microseconds": ("us", 1e14, 1e16),
    "nanoseconds": ("ns", 1e17, 9e18),
}
"""Units of times since 1970, and the numbers that are taken for them."""


def read_times(column: pd.Series[Any], findings: Findings | None = None) -> pd.Series[Any]:
    """Return a column as times without a zone, as periods, or as whole numbers if it is a counter.

    Args:
        column: the time column; not changed. What this function has returned is returned as it is.
        findings: gets one about times that can be read in more than one way, or that were changed.

    Raises:
        SourceError: It holds none of these.
    """
    findings = Findings() if findings is None else findings
    column = _of_numpy(column)
    if isinstance(column.dtype, pd.PeriodDtype):
        return column
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return _without_zone(column, findings)
    if pd.api.types.is_datetime64_any_dtype(column):
        return _midnights(column, findings)
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        raise _unreadable(column)
    if pd.api.types.is_numeric_dtype(column):
        return _of_numbers(column, findings)
    return _of_objects(column, findings)


def _of_numpy(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column of numpy's or Python's own values, instead of categories, pandas' nullable ones or Arrow's."""
    values: Any = None
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _of_numpy(pd.Series(column.astype(column.cat.categories.dtype)))
    if isinstance(column.dtype, pd.ArrowDtype):
        import pyarrow as pa

        values = pa.array(column.array).to_pandas().array
    elif isinstance(column.dtype, pd.SparseDtype):
        values = np.asarray(column)
    elif pd.api.types.is_extension_array_dtype(column) and pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(dtype=float, na_value=np.nan) if column.isna().any() else column.to_numpy()
    return column if values is None else pd.Series(values, index=column.index, name=column.name)


def _of_objects(column: pd.Series[Any], findings: Findings) -> pd.Series[Any]:
    """Read a column of texts, of Python's dates and times, of decimals, or of periods."""
    values = column.astype(object).where(column.notna(), None)
    first = next((value for value in values if value is not None), None)
    if first is None:
        return pd.to_datetime(values)
    if isinstance(first, str):
        texts = values.map(lambda value: (str(value).strip() or None) if value is not None else None)
        times = read_texts(texts, findings)
        if times is None and texts.dropna().str.fullmatch(r"-?\d+(\.\d+)?").all():
            return _of_numbers(texts.astype(float), findings)
        if times is None:
            raise _unreadable(column, first_unreadable(texts))
        return times if isinstance(times.dtype, pd.PeriodDtype) else read_times(times, findings)
    try:
        if isinstance(first, pd.Period):
            return pd.Series(pd.PeriodIndex(values, freq=first.freqstr), index=values.index, name=values.name)
        if isinstance(first, dt.date):
            zoned = any(getattr(value, "tzinfo", None) is not None for value in values if value is not None)
            return read_times(pd.to_datetime(values, utc=zoned), findings)
        if isinstance(first, decimal.Decimal | int | float):
            return _of_numbers(values.astype(float), findings)
    except (ValueError, TypeError, OverflowError):
        pass
    raise _unreadable(column)


def _without_zone(column: pd.Series[Any], findings: Findings) -> pd.Series[Any]:
    """Return times of a zone as the clocks there show them; in UTC if there are several a day, so that none repeats."""
    zone = column.dt.tz
    wall, in_utc = column.dt.tz_localize(None), column.dt.tz_convert("UTC").dt.tz_localize(None)
    if wall.equals(in_utc):
        return _midnights(in_utc, findings)
    if zone is None or _has_one_offset(zone) or _least_step(in_utc) >= _ALMOST_A_DAY:
        return wall
    sentence = f"Took the times of --time-col {column.name!r} in UTC, where no hour of {zone} repeats or is left out."
    findings.add(FindingKind.CONVERTED, sentence, columns=[str(column.name)])
    return in_utc


def _has_one_offset(zone: dt.tzinfo) -> bool:
    """Whether the clocks of a zone never change."""
    return isinstance(zone, dt.timezone) or zone.utcoffset(None) is not None


def _midnights(column: pd.Series[Any], findings: Findings) -> pd.Series[Any]:
    """Return the days that are meant by midnights of a zone with summer time which are written in UTC.

    2018-12-31 23:00 and 2019-06-30 22:00 are the midnights in which January and July begin in Berlin.
    """
    times_of_day = (column - column.dt.normalize()).dropna().unique()
    if len(times_of_day) != 2 or _least_step(column) < _ALMOST_A_DAY:  # noqa: PLR2004 - winter and summer
        return column
    apart = abs(pd.Timedelta(times_of_day[0]) - pd.Timedelta(times_of_day[1]))
    if apart not in {_HOUR, 23 * _HOUR}:
        return column
    days = (column + 12 * _HOUR).dt.normalize()
    if days.duplicated().any():
        return column
    example = column[column != days].iloc[0]
    sentence = (
        f"Took --time-col {column.name!r} for midnights of a zone with summer time that are written in UTC: "
        f"{example} is {days[column == example].iloc[0]:%Y-%m-%d}."
    )
    findings.add(FindingKind.CONVERTED, sentence, columns=[str(column.name)], n_affected=int((column != days).sum()))
    return days


def _of_numbers(column: pd.Series[Any], findings: Findings) -> pd.Series[Any]:
    """Read a counter, a time since 1970, or dates that are written as numbers."""
    if column.isna().any() or not len(column):
        return column
    values = np.unique(column.to_numpy(dtype=float))
    steps = np.diff(values)
    if not np.isfinite(values).all():
        raise _not_counting(column)
    if (steps == 1).all():
        return column.astype("int64")
    for read in (_of_digits, _since_1970):
        if (times := read(column, values, findings)) is not None:
            return times
    return _counted(column, values, steps, findings)


def _of_digits(column: pd.Series[Any], values: np.ndarray[Any, Any], findings: Findings) -> pd.Series[Any] | None:
    """Read numbers such as 20191231 and 201912, and months such as 2019.12."""
    if _is_whole(values):
        texts = column.astype("int64").astype(str)
        form = _DIGITS.get(len(texts.iloc[0]))
        if form is None or (texts.str.len() != len(texts.iloc[0])).any():
            return None
        if not texts.str[:4].astype(int).between(*_YEARS).all():
            return None
        times = pd.to_datetime(texts, format=form, errors="coerce")
    else:
        years = np.floor(column.to_numpy(dtype=float))
        months = (column.to_numpy(dtype=float) - years) * 100
        is_month = (abs(months - np.round(months)) < 1e-6) & (np.round(months) >= 1) & (np.round(months) <= 12)  # noqa: PLR2004
        if not is_month.all() or years.min() < _YEARS[0] or years.max() > _YEARS[1]:
            return None
        form = "%Y.%m"
        texts = pd.Series([f"{y:.0f}-{m:02.0f}-01" for y, m in zip(years, np.round(months), strict=True)], column.index)
        times = pd.to_datetime(texts, format="%Y-%m-%d").rename(column.name)
    if times.isna().any():
        return None
    example = f"{column.iloc[0]:.15g} is {times.iloc[0]}"
    sentence = f"Took --time-col {column.name!r} for times that are written as numbers ({example})."
    findings.add(FindingKind.READ_AS, sentence, columns=[str(column.name)])
    return times


def _since_1970(column: pd.Series[Any], values: np.ndarray[Any, Any], findings: Findings) -> pd.Series[Any] | None:
    for name, (unit, least, most) in _EPOCHS.items():
        if least <= values[0] and values[-1] < most and _is_whole(values):
            times = pd.to_datetime(column.astype("int64"), unit=unit)
            sentence = (
                f"Took --time-col {column.name!r} for {name} since 1970, in UTC "
                f"({column.iloc[0]:.0f} is {times.iloc[0]})."
            )
            findings.add(FindingKind.READ_AS, sentence, columns=[str(column.name)])
            return _midnights(times, findings)
    return None


def _counted(
    column: pd.Series[Any], values: np.ndarray[Any, Any], steps: np.ndarray[Any, Any], findings: Findings
) -> pd.Series[Any]:
    """Return a counter with steps other than one as the number of each step; one with gaps as it is."""
    step = steps.min()
    ratios = steps / step
    n_missing = round(float(ratios.sum())) - len(steps)
    if (abs(ratios - np.round(ratios)) > 1e-6).any() or n_missing > len(values):  # noqa: PLR2004 - rounding errors
        raise _not_counting(column)
    if step == 1:
        return column.astype("int64")
    starts_at = 0.0 if abs(values[0] / step - round(values[0] / step)) < 1e-6 else values[0]  # noqa: PLR2004
    positions: pd.Series[Any] = ((column - starts_at) / step).round().astype("int64")
    sentence = (
        f"--time-col {column.name!r} counts in steps of {step:.6g}: the series has the number of each step "
        f"({column.iloc[0]:.6g} is {positions.iloc[0]})."
    )
    findings.add(FindingKind.READ_AS, sentence, columns=[str(column.name)])
    return positions


def _least_step(times: pd.Series[Any]) -> pd.Timedelta:
    """Return the least time between two rows; a day, if there are no two."""
    steps = times.dropna().drop_duplicates().sort_values().diff().dropna()
    return pd.Timedelta(steps.min()) if len(steps) else 24 * _HOUR


def _is_whole(values: np.ndarray[Any, Any]) -> bool:
    return bool((values == np.round(values)).all())


def _not_counting(column: pd.Series[Any]) -> SourceError:
    return SourceError(f"--time-col {column.name!r} holds numbers that do not count 1, 2, 3: give dates, or a counter.")


def _unreadable(column: pd.Series[Any], example: Any = None) -> SourceError:
    example = next(iter(column.dropna()), None) if example is None else example
    return SourceError(f"--time-col {column.name!r} holds no times that can be read, such as {example!r}.")
