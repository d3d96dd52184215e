"""Times are read in whatever form they come, and what they were taken for is said where it is not certain."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.tseries import offsets

from bakeoff.errors import SourceError
from bakeoff.source import time_indexed
from bakeoff.source.findings import Findings
from support.frequencies import spelled

MONTHS = pd.date_range("2019-01-01", periods=40, freq="MS")
DAYS = pd.date_range("2019-01-01", periods=40)


def indexed(when: Any, *, fill: bool = False, **columns: Any) -> tuple[pd.Index[Any], tuple[str, ...]]:
    """The index of a series at these times, and what was said about it."""
    findings = Findings()
    frame = pd.DataFrame({"when": when, "y": np.arange(float(len(when))), **columns})
    return time_indexed(frame, "when", findings, fill=fill).index, findings.sentences


def refusal(when: Any, **columns: Any) -> str:
    with pytest.raises(SourceError) as caught:
        indexed(when, **columns)
    return str(caught.value)


def ends(when: Any) -> tuple[str, str]:
    index, _ = indexed(when)
    return str(index[0]), str(index[-1])


@pytest.mark.parametrize(
    ("freq", "period"),
    [
        ("15min", "15min"),
        ("30min", "30min"),
        ("10s", "10s"),
        ("36h", "36h"),
        ("3D", "3D"),
        ("B", "B"),
        ("W-SAT", "W-SAT"),
        ("2W-MON", "2W-MON"),
        (offsets.BMonthEnd(), "M"),
        ("2MS", "2M"),
        ("QS-FEB", "Q-DEC"),
        (offsets.QuarterEnd(startingMonth=1), "Q-OCT"),
        ("6MS", "2Q-DEC"),
        (offsets.YearEnd(month=3), offsets.YearEnd(month=3)),
        ("2YS", offsets.YearEnd(2)),
        ("WOM-3FRI", "M"),
    ],
)
def test_any_regular_step_becomes_periods(freq: Any, period: Any) -> None:
    index, said = indexed(pd.date_range("2019-01-01", periods=40, freq=freq)[::-1])
    assert isinstance(index, pd.PeriodIndex)
    assert (index.freqstr, len(index), said) == (spelled(period), 40, ())


@pytest.mark.parametrize(
    "form",
    ["%Y-%m", "%Y/%m", "%m/%Y", "%m.%Y", "%b %Y", "%B %Y", "%b-%y", "%Y %b", "%YM%m", "%Y%m", "%Y%m%d", "%d %b %Y"],
)
def test_months_are_read_in_any_form(form: str) -> None:
    assert ends(MONTHS.strftime(form)) == ("2019-01", "2022-04")


def test_quarters_weeks_and_halves_are_read() -> None:
    years = range(2010, 2020)
    assert ends([f"{year}Q{part}" for year in years for part in (1, 2, 3, 4)]) == ("2010Q1", "2019Q4")
    assert ends([f"Q{part} {year}" for year in years for part in (1, 2, 3, 4)]) == ("2010Q1", "2019Q4")
    assert ends([f"2019-W{week:02}" for week in range(1, 31)])[0] == "2018-12-31/2019-01-06"
    assert ends([f"{year}H{part}" for year in years for part in (1, 2)]) == ("2010Q1", "2019Q3")


@pytest.mark.parametrize(("form", "is_certain"), [("%d.%m.%Y", True), ("%d/%m/%Y", True), ("%m/%d/%y", True)])
def test_days_and_months_are_told_apart_by_the_steps_they_make(form: str, is_certain: bool) -> None:  # noqa: FBT001
    index, said = indexed(DAYS.strftime(form))
    assert (str(index[0]), str(index[-1]), said == ()) == ("2019-01-01", "2019-02-09", is_certain)
    index, said = indexed(MONTHS.strftime(form))
    assert (str(index[0]), str(index[-1])) == ("2019-01", "2022-04")
    assert "the other order would be possible" in said[0]


def test_a_day_that_comes_first_is_no_month() -> None:
    index, said = indexed(["01.02.2019", "02.02.2019", "03.02.2019", "04.02.2019"])
    assert str(index[0]) == "2019-02-01"
    assert "for day.month.year (01.02.2019 is 2019-02-01)" in said[0]


@pytest.mark.parametrize(
    ("numbers", "expected", "taken_for"),
    [
        ([int(day.strftime("%Y%m")) for day in MONTHS], ("2019-01", "2022-04"), "written as numbers"),
        ([int(day.strftime("%Y%m%d")) for day in MONTHS], ("2019-01", "2022-04"), "written as numbers"),
        ([2019.10, 2019.11, 2019.12, 2020.01, 2020.02], ("2019-10", "2020-02"), "written as numbers"),
        ([int(day.timestamp()) for day in DAYS], ("2019-01-01", "2019-02-09"), "seconds since 1970"),
        ([int(day.timestamp()) * 1000 for day in MONTHS], ("2019-01", "2022-04"), "milliseconds since 1970"),
        (list(range(10, 110, 10)), ("1", "10"), "counts in steps of 10"),
        ([0.0, 0.5, 1.0, 1.5], ("0", "3"), "counts in steps of 0.5"),
    ],
)
def test_numbers_are_dates_or_counters(numbers: list[float], expected: tuple[str, str], taken_for: str) -> None:
    index, said = indexed(numbers)
    assert (str(index[0]), str(index[-1])) == expected
    assert taken_for in said[0]


def test_years_stay_numbers() -> None:
    index, said = indexed(list(range(1999, 2030)))
    assert (list(index[:2]), said) == ([1999, 2000], ())


@pytest.mark.parametrize(
    "when",
    [
        pd.Categorical(MONTHS.strftime("%Y-%m")),
        [day.date() for day in MONTHS],
        pd.array([day.date() for day in MONTHS], dtype=pd.ArrowDtype(pa.date32())),
        pd.array(MONTHS.strftime("%Y-%m"), dtype="string[pyarrow]"),
        pd.period_range("2019-01", periods=40, freq="M"),
        list(pd.period_range("2019-01", periods=40, freq="M")),
    ],
    ids=["categories", "dates", "arrow dates", "arrow text", "periods", "period objects"],
)
def test_a_column_of_any_type_may_hold_months(when: Any) -> None:
    assert ends(when) == ("2019-01", "2022-04")


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata"])
def test_a_month_of_a_zone_stays_that_month(zone: str) -> None:
    index, said = indexed(MONTHS.tz_localize(zone))
    assert (str(index[0]), str(index[-1]), said) == ("2019-01", "2022-04", ())


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Europe/London"])
def test_midnights_of_a_zone_that_are_written_in_utc_are_its_days(zone: str) -> None:
    written = MONTHS.tz_localize(zone).tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ")
    index, said = indexed(written)
    assert (str(index[0]), str(index[-1])) == ("2019-01", "2022-04")
    assert "midnights of a zone with summer time" in said[0]


def test_hours_of_a_zone_are_kept_in_utc_where_none_repeats() -> None:
    hours = pd.date_range("2023-03-25", periods=72, freq="h", tz="Europe/Berlin")
    for when in (hours, [hour.isoformat() for hour in hours]):
        index, said = indexed(when)
        assert (str(index[0]), len(index)) == ("2023-03-24 23:00", 72)
        assert "in UTC" in said[0]


def test_days_whose_offset_changes_are_the_days_that_are_written() -> None:
    days = pd.date_range("2023-03-20", periods=30, tz="Europe/Berlin")
    assert ends([day.isoformat() for day in days]) == ("2023-03-20", "2023-04-18")


@pytest.mark.parametrize(
    ("freq", "gone", "expected"),
    [
        ("15min", [101], "1 missing, the first is 2024-01-02 01:15"),
        ("10s", [7], "1 missing, the first is 2024-01-01 00:01:10"),
        ("B", [5, 22], "2 missing, the first is 2024-01-08, taken for business days"),
        ("W-TUE", [5], "1 missing, the first is 2024-01-31/2024-02-06"),
        ("QS", [5], "1 missing, the first is 2025Q2"),
    ],
)
def test_a_gap_is_named_or_filled(freq: str, gone: list[int], expected: str) -> None:
    when = pd.date_range("2024-01-01", periods=200, freq=freq).delete(gone)
    told = refusal(when)
    assert f"has gaps ({expected})" in told
    assert "numeric_imputation_target" in told
    index, said = indexed(when, fill=True)
    assert (len(index), index.name) == (200, "when")
    assert "fills" in said[-1]


def test_a_gap_of_a_counter_is_named() -> None:
    assert "(1 missing, the first is 17)" in refusal([number for number in range(50) if number != 17])


def test_hours_that_summer_time_repeats_or_leaves_out_are_explained() -> None:
    spring = pd.date_range("2023-03-20", periods=300, freq="h", tz="Europe/Berlin").tz_localize(None)
    assert "2023-03-26 02:00, as where clocks go forward" in refusal(spring)
    autumn = pd.date_range("2023-10-20", periods=300, freq="h", tz="Europe/Berlin").tz_localize(None)
    assert "2023-10-29 02:00:00 more than once, as where clocks go back" in refusal(autumn)


@pytest.mark.parametrize(("names", "column"), [(["a", "b"], "store"), ([1, 2], "store_id")])
def test_several_series_in_one_table_are_told_apart(names: Sequence[Any], column: str) -> None:
    told = refusal([*MONTHS, *MONTHS], **{column: np.repeat(names, len(MONTHS))})
    assert f"2 series, one for each '{column}'" in told
    assert "filter" in told
    assert "pivot" in told


def test_a_time_in_two_columns_and_copied_rows_are_explained() -> None:
    assert "make one column of both" in refusal(MONTHS.year, month=MONTHS.month)
    hours = [dt.time(hour).isoformat("minutes") for hour in range(24)]
    assert "make one column of both" in refusal(np.repeat(DAYS, 24), hour=hours * len(DAYS))
    frame = pd.DataFrame({"when": MONTHS, "y": 1.0})
    with pytest.raises(SourceError, match="remove the copies"):
        time_indexed(pd.concat([frame, frame]), "when")


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ([*DAYS.strftime("%Y-%m-%d")[:9], "later"], "no times that can be read, such as 'later'"),
        (["2500-01-01", "2501-01-01", "2502-01-01"], "no times that can be read, such as '2500-01-01'"),
        (DAYS.strftime("%b %d"), "no times that can be read, such as 'Jan 01'"),
        (pd.to_timedelta(range(5), unit="h"), "no times that can be read"),
        ([True, False, True], "no times that can be read"),
        (["", "", ""], "is empty in 3 rows"),
        ([0.3, 1.7, 9.2, 11.0], "do not count"),
        (pd.date_range("2024-01-01", periods=30, freq="SMS"), "no regular step"),
    ],
)
def test_what_is_no_time_is_one_sentence(when: Any, expected: str) -> None:
    assert expected in refusal(when)
