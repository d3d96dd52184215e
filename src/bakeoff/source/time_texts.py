"""Read times from text: what pandas reads, and what it does not or reads as something else."""

from __future__ import annotations

import datetime as dt
import re
import warnings
from typing import Any

import numpy as np
import pandas as pd

from bakeoff.source.findings import FindingKind, Findings

_MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11,
    "dec": 12, "mär": 3, "mrz": 3, "mai": 5, "okt": 10, "dez": 12,
}  # fmt: skip
"""Numbers of the months by the first three letters of their names, in English and in German."""
_YEAR, _SEP = r"(?P<year>(?:1[5-9]|2[0-3])\d\d)", r"[-/._ ]?"
_MONTH_NAME = r"(?P<name>[^\W\d_]{3,9})\.?"
_DAY_OR_MONTH = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)(.*)", re.DOTALL)
"""Matches a date that begins with its day or its month."""
_OFFSET = r"\s*(Z|(?<=\d)[+-]\d{2}:?\d{2})$"
"""Matches the offset from UTC at the end of a time."""
_FOUR = 4
"""Digits of a whole year."""
_DAY = pd.Timedelta(days=1)
_CENTURY_TURN = 69
"""Two digits are a year from 1969 to 2068, as everywhere in Python."""


def read_texts(texts: pd.Series[Any], findings: Findings) -> pd.Series[Any] | None:
    """Return texts as times, with a zone where all have an offset, or as periods; ``None`` if they are no times.

    Args:
        texts: the column, with missing values where it is empty.
        findings: gets one about dates of which it is not certain whether the day or the month comes first.
    """
    written = texts.dropna()
    for read in (_quarters, _weeks, _halves, _months, _named_months):
        periods = read(written)
        if periods is not None:
            return pd.Series(periods, index=written.index, name=texts.name).reindex(texts.index)
    for read_as_times in (_day_or_month_first, _of_changing_offsets):
        times = read_as_times(texts, findings)
        if times is not None:
            return times
    return _as_pandas_does(texts)


def first_unreadable(texts: pd.Series[Any]) -> Any:
    """Return the first text that is no time by itself; the first of all, if each would be."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        written = texts.dropna()
        read = pd.to_datetime(written, errors="coerce", format="mixed", utc=True)
    bad = written[read.isna()]
    return next(iter(bad if len(bad) else written), None)


def _matched(texts: pd.Series[Any], *patterns: str) -> pd.DataFrame | None:
    """Return the named groups of the first pattern that all texts match; ``None`` if there is none."""
    for pattern in patterns:
        found = texts.str.extract(f"^(?:{pattern})$", flags=re.IGNORECASE)
        if len(found) and found.notna().all(axis=None):
            return found
    return None


def _quarters(texts: pd.Series[Any]) -> pd.PeriodIndex | None:
    found = _matched(
        texts, rf"{_YEAR}{_SEP}Q(?P<part>[1-4])", rf"Q(?P<part>[1-4]){_SEP}{_YEAR}", rf"(?P<part>[1-4])Q{_SEP}{_YEAR}"
    )
    return None if found is None else pd.PeriodIndex(found["year"] + "Q" + found["part"], freq="Q")


def _weeks(texts: pd.Series[Any]) -> pd.PeriodIndex | None:
    found = _matched(texts, rf"{_YEAR}{_SEP}W(?P<part>\d\d?)", rf"W(?P<part>\d\d?){_SEP}{_YEAR}")
    if found is None:
        return None
    try:
        parts = zip(found["year"].astype(int), found["part"].astype(int), strict=True)
        mondays = [dt.datetime.fromisocalendar(year, week, 1) for year, week in parts]
    except ValueError:  # no such week in that year
        return None
    return pd.PeriodIndex(pd.to_datetime(mondays), freq="W-SUN")


def _halves(texts: pd.Series[Any]) -> pd.PeriodIndex | None:
    found = _matched(texts, rf"{_YEAR}{_SEP}[HS](?P<part>[12])", rf"[HS](?P<part>[12]){_SEP}{_YEAR}")
    return None if found is None else _months_of(found["year"], found["part"].astype(int) * 6 - 5)


def _months(texts: pd.Series[Any]) -> pd.PeriodIndex | None:
    """Read months as numbers, which pandas takes for other things in some of these forms."""
    found = _matched(
        texts, rf"{_YEAR}[-/._ ]?M(?P<part>\d\d?)", rf"{_YEAR}[-/._](?P<part>\d\d?)", rf"(?P<part>\d\d?)[-/._]{_YEAR}"
    )
    return None if found is None else _months_of(found["year"], found["part"].astype(int))


def _named_months(texts: pd.Series[Any]) -> pd.PeriodIndex | None:
    """Read "Jan 2019" and "Jan-19", of which pandas takes the second for a day of this year."""
    short = r"(?P<year>(?:1[5-9]|2[0-3])\d\d|\d\d)"
    found = _matched(texts, rf"{_MONTH_NAME}[-/_' ]*{short}", rf"{_YEAR}[-/_ ]*{_MONTH_NAME}")
    if found is None:
        return None
    months = found["name"].str.casefold().str[:3].map(_MONTHS)
    if months.isna().any():
        return None
    periods = _months_of(_whole_years(found["year"]), months.astype(int))
    is_short = (found["year"].str.len() < _FOUR).any()
    return None if periods is None or (is_short and _are_days(periods)) else periods


def _are_days(months: pd.PeriodIndex) -> bool:
    """Whether months whose years have two digits are rather days of a month without a year: "Jan 01", "Jan 02"."""
    ordinals = np.unique(months.asi8)
    return len(ordinals) > 1 and int(np.median(np.diff(ordinals))) >= 12  # noqa: PLR2004 - months of a year


def _whole_years(years: pd.Series[Any]) -> pd.Series[Any]:
    """Return years as numbers, of two digits as well as of four."""
    numbers = years.astype(int)
    return numbers.where(years.str.len() == _FOUR, np.where(numbers < _CENTURY_TURN, numbers + 2000, numbers + 1900))


def _months_of(years: pd.Series[Any], months: pd.Series[Any]) -> pd.PeriodIndex | None:
    if not months.between(1, 12).all():
        return None
    return pd.PeriodIndex(years.astype(str) + "-" + months.astype(str).str.zfill(2), freq="M")


def _day_or_month_first(texts: pd.Series[Any], findings: Findings) -> pd.Series[Any] | None:
    """Read dates like 01.02.2019 and 1/2/19; ``None`` if they are written otherwise."""
    found = texts.dropna().astype(str).str.extract(f"^{_DAY_OR_MONTH.pattern}$", flags=re.DOTALL)
    if found.empty or found[[0, 1, 2, 3]].isna().any(axis=None):
        return None
    first, second = found[0].astype(int), found[2].astype(int)
    orders = {
        "day": (first.between(1, 31) & second.between(1, 12)).all(),
        "month": (first.between(1, 12) & second.between(1, 31)).all(),
    }
    tried = {order: _in_order(found, order) for order, is_possible in orders.items() if is_possible}
    read = {order: times for order, times in tried.items() if times is not None}
    if not read:
        return None
    order = next(iter(read)) if len(read) == 1 else _more_likely(read, has_dots=bool((found[1] == ".").all()))
    if len(read) > 1:
        meaning = "day.month.year" if order == "day" else "month/day/year"
        example = texts.dropna().iloc[0]
        sentence = (
            f"Took --time-col {texts.name!r} for {meaning} ({example} is {read[order].iloc[0]:%Y-%m-%d}): the other "
            "order would be possible, so write the year first to be sure."
        )
        findings.add(FindingKind.READ_AS, sentence, columns=[str(texts.name)])
    return read[order].reindex(texts.index).rename(texts.name)


def _in_order(found: pd.DataFrame, order: str) -> pd.Series[Any] | None:
    day, month = (found[0], found[2]) if order == "day" else (found[2], found[0])
    dates = _whole_years(found[3]).astype(str) + "-" + month.str.zfill(2) + "-" + day.str.zfill(2)
    return _as_pandas_does(dates + found[4].str.replace(r"^[,\s]+", " ", regex=True))


def _more_likely(read: dict[str, pd.Series[Any]], *, has_dots: bool) -> str:
    """Choose between two orders: the one of regular steps, else what people mean by the separator."""
    steps = {order: times.drop_duplicates().sort_values().diff().dropna() for order, times in read.items()}
    spread = {order: (gaps.max() / gaps.min()) if len(gaps) else 1.0 for order, gaps in steps.items()}
    usual = "day" if has_dots else "month"
    other = "month" if has_dots else "day"
    return other if spread[other] < spread[usual] else usual


def _of_changing_offsets(texts: pd.Series[Any], findings: Findings) -> pd.Series[Any] | None:
    """Read times whose offset from UTC changes with summer time; ``None`` if it does not.

    They become UTC, where no hour repeats; but days, months and years begin where the offset is.
    """
    offsets = texts.dropna().str.extract(_OFFSET)[0]
    if offsets.isna().any() or offsets.nunique() < 2:  # noqa: PLR2004 - of summer and of winter
        return None
    try:
        in_utc = pd.to_datetime(texts, utc=True, format="mixed").dt.tz_localize(None)
        wall = pd.to_datetime(texts.str.replace(_OFFSET, "", regex=True), format="mixed")
    except (ValueError, TypeError, OverflowError):
        return None
    steps = wall.drop_duplicates().sort_values().diff().dropna()
    if (steps >= _DAY).all():
        return wall
    sentence = f"Took the times of --time-col {texts.name!r} in UTC, since their offset changes."
    findings.add(FindingKind.CONVERTED, sentence, columns=[str(texts.name)])
    return in_utc


def _as_pandas_does(texts: pd.Series[Any]) -> pd.Series[Any] | None:
    """Read times as pandas does: in one format, else in several of ISO 8601."""
    for form in (None, "ISO8601"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # pandas warns if it has to guess the format of each row
                times: pd.Series[Any] = pd.to_datetime(texts, format=form)
        except (ValueError, TypeError, OverflowError):
            continue
        if pd.api.types.is_datetime64_any_dtype(times):
            return times
    return None
