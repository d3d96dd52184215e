"""Whatever pandas, Arrow and Spark hand over becomes something that models can use, or is left out with a word."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import pathlib
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from bakeoff.config import RunConfig
from bakeoff.errors import SourceError
from bakeoff.source import digest_of, load_source
from bakeoff.source.findings import FindingKind, Findings
from bakeoff.source.preparation import Preparation, prepared

ROWS = 6


class Grade(enum.Enum):
    GOOD = "good"
    BAD = 2


def arrow(values: list[Any], kind: pa.DataType) -> pd.Series:
    return pd.Series(pd.array(values, dtype=pd.ArrowDtype(kind)))


def prepare(column: Any, **options: Any) -> tuple[pd.DataFrame, Preparation, Findings]:
    frame = pd.DataFrame({"a": [1.5, 2, 3, 4, 5, 6], "x": column, "y": ["yes", "no"] * 3})
    findings = Findings()
    return (*prepared(frame, RunConfig("rows.csv", options.pop("target", "y"), **options), findings), findings)


def nan_as_none(values: pd.Series) -> list[Any]:
    return [None if pd.isna(value) else value for value in values]


MOMENT = pd.Timestamp("2024-03-31 00:30")
USABLE = {
    "whole numbers": (pd.array([1, 2, None] * 2, dtype="Int64"), [1.0, 2.0, None]),
    "whole numbers without gaps": (pd.array([1, 2, 3] * 2, dtype="Int32"), [1, 2, 3]),
    "truth": (pd.array([True, None, False] * 2, dtype="boolean"), ["True", None, "False"]),
    "truth as objects": (pd.Series([True, None, False] * 2), ["True", None, "False"]),
    "truth as categories": (pd.Categorical([True, None, False] * 2), ["True", None, "False"]),
    "truth without gaps": (pd.array([True, True, False] * 2, dtype="boolean"), [True, True, False]),
    "text": (pd.array(["p", None, "q"] * 2, dtype="string"), ["p", None, "q"]),
    "arrow's text": (pd.array(["p", None, "q"] * 2, dtype="string[pyarrow]"), ["p", None, "q"]),
    "arrow's own text": (arrow(["p", None, "q"] * 2, pa.string()), ["p", None, "q"]),
    "arrow's numbers": (arrow([1, None, 3] * 2, pa.int16()), [1.0, None, 3.0]),
    "arrow's decimals": (arrow([decimal.Decimal("1.5"), None] * 3, pa.decimal128(5, 2)), [1.5, None, 1.5]),
    "arrow's categories": (arrow(["p", "q", "p"] * 2, pa.dictionary(pa.int8(), pa.string())), ["p", "q", "p"]),
    "times that nanoseconds do not reach": (
        np.array(["2024-03-31T00:30", "NaT", "9999-12-31"] * 2, dtype="datetime64[us]"),
        [MOMENT, None, None],
    ),
    "arrow's days": (arrow([dt.date(2024, 1, 1)] * ROWS, pa.date32()), [pd.Timestamp("2024-01-01")] * 3),
    "arrow's durations": (arrow([dt.timedelta(minutes=1)] * ROWS, pa.duration("ms")), [60.0] * 3),
    "arrow's times of day": (arrow([dt.time(0, 1)] * ROWS, pa.time64("us")), [60.0] * 3),
    "decimals": (pd.Series([decimal.Decimal("0.1"), None] * 3), [0.1, None, 0.1]),
    "durations": (pd.to_timedelta([1, None, 3] * 2, unit="h"), [3600.0, None, 10800.0]),
    "durations as objects": (pd.Series([dt.timedelta(1), None] * 3, dtype=object), [86400.0, None, 86400.0]),
    "times of day": (pd.Series([dt.time(12, 0, 1), None] * 3), [43201.0, None, 43201.0]),
    "periods": (
        pd.period_range("2024-01", periods=ROWS, freq="M"),
        list(pd.date_range("2024-01", periods=3, freq="MS")),
    ),
    "local times": (
        pd.date_range("2024-01-01", periods=ROWS, tz="Europe/Berlin"),
        list(pd.date_range("2024-01-01", periods=3)),
    ),
    "times of several zones": (
        pd.Series([MOMENT.tz_localize("UTC"), MOMENT.tz_localize("Asia/Tokyo"), None] * 2, dtype=object),
        [MOMENT, MOMENT - pd.Timedelta(hours=9), None],
    ),
    "intervals": (pd.cut(np.arange(ROWS), [-np.inf, 1, 3, np.inf]), [1.0, 1.0, 2.0]),
    "categories of numbers": (pd.Categorical([1, 2, 1] * 2), [1, 2, 1]),
    "infinite": (pd.Series([1.0, np.inf, -np.inf] * 2), [1.0, None, None]),
    "too large for 64 bits": (pd.Series([2**70, 1, 2] * 2), [2.0**70, 1.0, 2.0]),
    "sparse": (pd.arrays.SparseArray([0.0, 0.0, 1.5] * 2), [0.0, 0.0, 1.5]),
    "numbers of several types": (pd.Series([1, decimal.Decimal("1.5"), True] * 2, dtype=object), [1.0, 1.5, 1.0]),
    "numbers and text": (pd.Series([1, "p", 2.5] * 2), ["1", "p", "2.5"]),
    "truth and text": (pd.Series([True, "p", None] * 2), ["True", "p", None]),
    "ids": (pd.Series([uuid.UUID(int=7)] * ROWS), [str(uuid.UUID(int=7))] * 3),
    "paths": (pd.Series([pathlib.PurePosixPath("a/b")] * ROWS), ["a/b"] * 3),
    "members": (pd.Series([Grade.GOOD, Grade.BAD, None] * 2), ["good", "BAD", None]),
    "some numbers as text": (pd.Series([1, "2,5", 3] * 2), [1.0, 2.5, 3.0]),
}  # fmt: skip


@pytest.mark.parametrize("what", USABLE)
def test_a_column_becomes_what_models_can_use_and_raw_rows_do_so_again(what: str) -> None:
    column, expected = USABLE[what]
    frame, preparation, _ = prepare(column)
    assert nan_as_none(frame["x"])[:3] == expected
    assert frame["x"].dtype.kind in "fibMO"
    assert not pd.isna(frame["x"]).all()
    raw_rows = preparation.raw_rows(["a", "x"])
    raw = pd.DataFrame({"x": column, "y": "yes", "a": 1.5})
    if raw_rows is None:
        assert what == "categories of numbers"
        return
    if what == "truth without gaps":
        assert raw_rows.transform(raw.assign(x=None))["x"].all()  # models need one, and most were true
        return
    again = raw_rows.transform(raw)
    pd.testing.assert_series_equal(again["x"], frame["x"])
    pd.testing.assert_series_equal(raw_rows.transform(again)["x"], frame["x"])
    assert raw_rows.transform(raw.assign(x=None))["x"].isna().all()
    assert len(raw_rows.transform(raw.head(0))) == 0


@pytest.mark.parametrize(
    "values",
    [[b"p"], [[1]], [{"p": 1}], [np.ones(2)], [1j], [object()], [pd.DataFrame()], [None], [np.nan], [pd.NaT]],
    ids=repr,
)
def test_what_no_model_can_use_is_left_out_and_that_is_said(values: list[Any]) -> None:
    frame, preparation, findings = prepare(pd.Series(values * ROWS))
    assert list(frame.columns) == ["a", "y"]
    (finding,) = findings
    assert finding.kind is FindingKind.LEFT_OUT
    assert finding.columns == ("x",)
    assert finding.sentence.startswith("Left out x: ")
    assert preparation.raw_rows(["a"]) is None  # callers need not have the column


def test_a_target_that_no_model_can_predict_is_refused() -> None:
    with pytest.raises(SourceError, match="The target 'x' holds bytes, arrays or maps, which cannot be predicted"):
        prepare(pd.Series([b"p"] * ROWS), target="x")


def test_many_columns_are_one_sentence() -> None:
    frame = pd.DataFrame({f"c{n}": [dt.timedelta(n), None] for n in range(20)}).assign(y=["yes", "no"])
    frame = frame.assign(**{f"w{n}": [[1], [2]] for n in range(20)})
    findings = Findings()
    prepared(frame, RunConfig("rows.csv", "y"), findings)
    assert [finding.kind for finding in findings] == [FindingKind.LEFT_OUT, FindingKind.CONVERTED]
    assert findings.sentences[1] == "Took c0, c1, c2, c3, c4, c5, c6, c7 and 12 more for durations in seconds."


class TestNumbersThatAreWrittenAsText:
    @pytest.mark.parametrize(
        ("texts", "expected"),
        [
            (["1,234.5", "7", "-2"], [1234.5, 7, -2]),
            (["1.234,5", "7", "-2"], [1234.5, 7, -2]),
            (["1 234,5", "7", "−2"], [1234.5, 7, -2]),  # noqa: RUF001 - the sign that spreadsheets write
            (["1'234.5", "7", "+2.5"], [1234.5, 7, 2.5]),
            (["12 %", "3.5%", "1%"], [12, 3.5, 1]),
            (["€ 5", "1.000,50 €", "7 €"], [5, 1000.5, 7]),
            (["$1,200", "($5)", "-$3.50"], [1200, -5, -3.5]),
            (["5 EUR", "7.5 EUR", "9EUR"], [5, 7.5, 9]),
            (["1.5", "-", "n/a"], [1.5, None, None]),
            (["1e-05", "2.5", "1"], [1e-05, 2.5, 1]),
        ],
    )
    def test_become_numbers_and_that_is_said(self, texts: list[str], expected: list[float | None]) -> None:
        frame, preparation, findings = prepare(texts * 2)
        assert nan_as_none(frame["x"])[:3] == expected
        assert "Took x for numbers that are written as text (" in findings.sentences[0]
        raw_rows = preparation.raw_rows(["x"])
        assert raw_rows is not None
        with pytest.warns(UserWarning, match="1 values of 'x', such as 'never seen', count as missing"):
            assert raw_rows.transform(pd.DataFrame({"x": ["never seen"]}))["x"].isna().all()

    @pytest.mark.parametrize(
        "texts",
        [
            ["01234", "90210", "12345"],  # a postal code
            ["1", "2", "13"],  # few codes
            ["+4917012345", "+4917012346", "+4917012347"],  # a telephone
            ["1.2.3", "4.5.6", "7.8.9"],
            ["12:30", "13:45", "9:00"],
            ["5 €", "$ 7", "9"],  # of two currencies
            ["12 %", "0.5", "1"],  # a share, or hundredths of one
            ["4111111111111111", "5500000000000004", "340000000000009"],
            ["1", "2", "three"],
            ["10.0.0.1", "10.0.0.2", "10.0.0.3"],
            ["2024-01-01", "2024-01-02", "2024-01-03"],
        ],
        ids=lambda texts: texts[0],
    )
    def test_other_text_stays_text(self, texts: list[str]) -> None:
        frame, preparation, findings = prepare(texts * 2)
        assert list(frame["x"]) == texts * 2
        assert not list(findings)
        assert preparation.raw_rows(["x"]) is None

    def test_digits_of_many_values_and_lengths_are_numbers(self) -> None:
        frame = pd.DataFrame({"x": [str(n * n) for n in range(60)], "y": ["yes", "no"] * 30})
        assert prepared(frame, RunConfig("rows.csv", "y"), Findings())[0]["x"].dtype == float

    def test_are_a_target_of_regression(self, tmp_path: Path) -> None:
        pd.DataFrame({"x": range(60), "y": [f"{n}" for n in range(60)]}).to_parquet(tmp_path / "a.parquet")
        config = RunConfig(str(tmp_path / "a.parquet"), "y", task="regression")
        assert list(load_source(config).frame["y"]) == list(range(60))


class TestNames:
    def test_are_text_without_blanks_around_and_raw_rows_have_their_own(self) -> None:
        frame = pd.DataFrame([[1.5, 2, 3, "yes"]] * ROWS, columns=[" a", 7, "price\n(net)", " y"])
        config = RunConfig("rows.csv", "y")
        shown, preparation = prepared(frame, config, Findings())
        assert list(shown.columns) == ["a", "7", "price (net)", "y"]
        raw_rows = preparation.raw_rows(["a", "7", "price (net)"])
        assert raw_rows is not None
        assert list(raw_rows.transform(frame).columns) == ["a", "7", "price (net)"]
        assert list(raw_rows.transform(shown).columns) == ["a", "7", "price (net)"]
        with pytest.raises(ValueError, match="lack ' a', '7' that the model takes"):
            raw_rows.transform(frame[["price\n(net)"]])

    def test_that_are_equal_without_blanks_stay_apart(self) -> None:
        frame = pd.DataFrame([[1, 2, "yes"]] * ROWS, columns=["a", " a", "y"])
        shown, _ = prepared(frame, RunConfig("rows.csv", "y"), Findings())
        assert list(shown.columns) == ["a", " a", "y"]

    @pytest.mark.parametrize(
        ("name", "inner"),
        [
            ("size [m2]", "size m2"),
            ("floor: no", "floor no"),
            ("age, years", "age years"),
            ('{"a"}', "a"),
            ("[]", "column"),
            ("prediction_label", "prediction_label_2"),
            ("place_north", "place_north_2"),
            ("day_month", "day_month_2"),
            ("x" * 300, "x" * 200),
            ("old__drop__", "olddrop"),
        ],
    )
    def test_that_pycaret_stumbles_over_are_others_inside(self, name: str, inner: str) -> None:
        frame = pd.DataFrame({"place": ["north", "south"], "day": pd.to_datetime(["2024", "2025"]), name: [1, 2]})
        shown, preparation = prepared(frame.assign(y="yes"), RunConfig("rows.csv", "y"), Findings())
        assert list(shown.columns) == ["place", "day", name, "y"]
        assert list(preparation.inside(shown).columns) == ["place", "day", inner, "y"]
        assert preparation.inside({"ignore_features": [name, "day"]}) == {"ignore_features": [inner, "day"]}
        assert preparation.outside([inner, "day"]) == [name, "day"]
        raw_rows = preparation.raw_rows(["place", inner])
        assert raw_rows is not None
        assert list(raw_rows.transform(frame).columns) == ["place", inner]

    @pytest.mark.parametrize("name", ["index", "level_0", "ümlaut", "🙂", "a b", "a.b", "a`b", "%", "x#", "Ort_nord"])
    def test_that_pycaret_takes_stay(self, name: str) -> None:
        frame = pd.DataFrame({name: [1, 2], "Ort": ["Nord", "süd"], "y": "yes"})
        _, preparation = prepared(frame, RunConfig("rows.csv", "y"), Findings())
        assert preparation.names == {}
        assert preparation.raw_rows([name, "Ort"]) is None


def test_a_clean_table_stays_the_same_object_and_needs_no_raw_rows() -> None:
    rows = np.arange(8)
    frame = pd.DataFrame(
        {
            "whole": rows,
            "number": rows / 3,
            "gaps": np.where(rows % 3, rows, np.nan),
            "text": pd.Series(["a 1", "b", np.nan, "d"] * 2),
            "code": pd.Series(["0", "1"] * 4),
            "category": pd.Categorical(list("abcdabcd")),
            "day": pd.date_range("2024-01-01", periods=8),
            "y": ["yes", "no"] * 4,
        }
    )
    before = digest_of(frame)
    findings = Findings()
    same, preparation = prepared(frame, RunConfig("rows.csv", "y"), findings)
    assert same is frame
    assert digest_of(same) == before
    assert not list(findings)
    assert preparation.raw_rows(list(frame.columns)) is None
    assert preparation.inside(frame) is frame
