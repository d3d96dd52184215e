from __future__ import annotations

import datetime as dt
import decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bakeoff.config import RunConfig
from bakeoff.errors import UserError
from bakeoff.source import SourceTable, digest_of, infer_task, load_source, time_indexed
from support.frequencies import spelled

ROWS = 60


def some_rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "size": rng.integers(0, 1000, ROWS),
            "place": rng.choice(["north", "south"], ROWS),
            "price": rng.normal(size=ROWS),
            "bought": np.tile(["no", "yes", "yes"], ROWS // 3),
        }
    )


def saved(folder: Path, frame: pd.DataFrame | str, name: str = "data.csv") -> Path:
    path = folder / name
    if isinstance(frame, str):
        path.write_text(frame)
    elif name.endswith(".parquet"):
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    return path


def load(path: Path | str, target: str = "bought", **options: Any) -> SourceTable:
    return load_source(RunConfig(source=str(path), target=target, **options))


def complaint(path: Path | str, target: str = "bought", **options: Any) -> str:
    with pytest.raises(UserError) as caught:
        load(path, target, **options)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence[-1] in ".?"
    return sentence


class TestFiles:
    @pytest.mark.parametrize("name", ["data.csv", "data.csv.gz", "data.parquet", "DATA.CSV"])
    def test_rows_keep_their_order(self, name: str, tmp_path: Path) -> None:
        path = saved(tmp_path, some_rows(), name)
        table = load(path)
        pd.testing.assert_frame_equal(table.frame, some_rows())
        assert isinstance(table.frame.index, pd.RangeIndex)
        assert (table.name, table.version) == (str(path), None)
        assert table.kind == ("parquet" if name.endswith("parquet") else "csv")

    def test_tab_separated(self, tmp_path: Path) -> None:
        path = tmp_path / "data.tsv"
        some_rows().to_csv(path, index=False, sep="\t")
        pd.testing.assert_frame_equal(load(path).frame, some_rows())

    def test_a_relative_path_and_the_home_directory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = saved(tmp_path, some_rows())
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOME", str(tmp_path))
        assert load("data.csv").name == load("./data.csv").name == load("~/data.csv").name == str(path)
        assert load(f"file:{path}").name == load(f"file://{path}").name == str(path)

    def test_a_folder_of_parquet(self, tmp_path: Path) -> None:
        folder = tmp_path / "many"
        folder.mkdir()
        saved(folder, some_rows()[:30], "part-0.parquet")
        saved(folder, some_rows()[30:], "part-1.parquet")
        (folder / "_SUCCESS").touch()
        pd.testing.assert_frame_equal(load(folder).frame, some_rows())

    def test_an_index_that_was_saved_is_a_column_again(self, tmp_path: Path) -> None:
        path = saved(tmp_path, some_rows().set_index("size"), "data.parquet")
        assert "size" in load(path).frame.columns
        assert list(load(saved(tmp_path, some_rows()[::-1], "data.parquet")).frame.columns) == list(some_rows().columns)

    def test_decimals_dates_and_zones_become_what_models_can_use(self, tmp_path: Path) -> None:
        frame = some_rows().assign(
            paid=[decimal.Decimal(n) / 4 for n in range(ROWS)],
            day=[dt.date(2024, 1, 1)] * (ROWS - 1) + [dt.date(9999, 12, 31)],
            at=pd.date_range("2024-01-01", periods=ROWS, tz="Europe/Berlin"),
            words=[["a", "b"]] * ROWS,
        )
        table = load(saved(tmp_path, frame, "data.parquet"))
        assert table.frame["paid"].dtype == float
        assert table.frame["day"].isna().sum() == 1
        assert table.frame["day"].iloc[0] == pd.Timestamp("2024-01-01")
        assert table.frame["at"].iloc[0] == pd.Timestamp("2024-01-01")
        assert "words" not in table.frame
        assert any("Left out words" in note for note in table.notes)
        assert any("1 dates in day" in note for note in table.notes)

    def test_order_by_orders_files_too(self, tmp_path: Path) -> None:
        table = load(saved(tmp_path, some_rows()), order_by="size")
        assert table.frame["size"].is_monotonic_increasing
        assert isinstance(table.frame.index, pd.RangeIndex)

    @pytest.mark.parametrize(
        ("name", "text", "expected"),
        [
            ("a.csv", "", "is empty"),
            ("a.csv", "x,bought\n", "has no rows"),
            ("a.csv", "x,bought,x\n1,2,3\n", "more than one column named 'x'"),
            ("a.csv", "x,bought\n1,2,3\n4,5,6\n", "more values than its header"),
            ("a.csv", "x,bought\n1,2\n4,5,6\n", "cannot be read as csv"),
            ("a.csv", "bought\n1\n2\n", "no column besides the target"),
            ("a.csv", "x,bougth\n1,2\n", "there is no column 'bought' in .*: did you mean 'bougth'"),
            ("a.csv", "x,z\n1,2\n", "its columns are x, z"),
            ("a.parquet", "x", "cannot be read as parquet"),
            ("a.xlsx", "x", "give a file that ends in .csv or .parquet"),
        ],
    )
    def test_what_is_wrong_is_said_in_one_sentence(self, name: str, text: str, expected: str, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=expected) as caught:
            load(saved(tmp_path, text, name))
        assert "\n" not in str(caught.value)

    def test_what_is_not_there(self, tmp_path: Path) -> None:
        assert f"There is no file {tmp_path}/gone.csv" in complaint(tmp_path / "gone.csv")
        assert "There is no file gone.csv (looked for /" in complaint("gone.csv")
        assert "no Spark session" in complaint("main.sales.orders")
        assert "neither a path nor a table's name" in complaint("a.b.c.d")
        assert "neither a Delta table (_delta_log) nor parquet" in complaint(tmp_path)
        assert "--source-version is for Delta tables" in complaint(saved(tmp_path, some_rows()), source_version=1)
        assert "--order-by: there is no column 'sizes'" in complaint(saved(tmp_path, some_rows()), order_by="sizes")

    def test_a_file_that_is_no_text(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_bytes(b"x,bought\n\xff\xfe,1\n")
        assert "cannot be read as csv" in complaint(path)


class TestTarget:
    @pytest.mark.parametrize("column", ["price", "place", "size"])
    def test_a_constant_or_empty_target(self, column: str, tmp_path: Path) -> None:
        constant = some_rows().assign(**{column: some_rows()[column].iloc[0]})
        assert "in every row: there is nothing to predict" in complaint(saved(tmp_path, constant), column)
        empty = some_rows().assign(**{column: None})
        assert f"The target '{column}' is empty in every row" in complaint(saved(tmp_path, empty), column)

    def test_rows_without_a_target_are_left_out_and_that_is_said(self, tmp_path: Path) -> None:
        frame = some_rows()
        frame.loc[[3, 7], "bought"] = None
        table = load(saved(tmp_path, frame))
        pd.testing.assert_frame_equal(table.frame, frame.dropna().reset_index(drop=True))
        assert table.notes[0] == "Left out 2 rows without a value of the target 'bought'."

    def test_regression_needs_finite_numbers(self, tmp_path: Path) -> None:
        path = saved(tmp_path, some_rows())
        assert "such as 'no', and regression predicts numbers" in complaint(path, task="regression")
        frame = some_rows()
        frame.loc[0, "price"] = np.inf
        assert "infinite values" in complaint(saved(tmp_path, frame), "price", task="regression")

    def test_a_class_needs_two_rows(self, tmp_path: Path) -> None:
        frame = some_rows()
        frame.loc[0, "bought"] = "maybe"
        path = saved(tmp_path, frame)
        assert "a class with a single row (such as 'maybe')" in complaint(path)
        assert load(path, setup={"data_split_stratify": False}).task == "classification"

    def test_a_date_is_no_target(self, tmp_path: Path) -> None:
        frame = some_rows().assign(day=pd.date_range("2024-01-01", periods=ROWS))
        assert "is a date" in complaint(saved(tmp_path, frame, "a.parquet"), "day")

    @pytest.mark.parametrize(
        ("values", "task"),
        [
            (["a", "b"], "classification"),
            ([True, False], "classification"),
            (pd.Categorical([1.5, 2.5]), "classification"),
            ([0, 1], "classification"),
            ([0.0, 1.0, None], "classification"),
            ([0.5, 1.0], "regression"),
            (list(range(7)) * 50, "classification"),
            (list(range(7)), "regression"),
            (list(range(21)) * 50, "regression"),
            (np.linspace(0, 1, 300), "regression"),
        ],
    )
    def test_the_task_is_inferred_and_the_reason_given(self, values: Any, task: str) -> None:
        inferred, why = infer_task(pd.Series(values, name="y"))
        assert inferred == task
        assert f"The task is {task}" in why
        assert "'y'" in why
        assert why.endswith(".")

    def test_what_was_asked_for_is_not_inferred(self, tmp_path: Path) -> None:
        path = saved(tmp_path, some_rows().assign(size=some_rows()["size"] % 2))
        assert load(path, "size", task="regression").task == "regression"
        assert load(path, "size", task="regression").notes == ()
        assert load(path, "size").task == "classification"
        assert "--task regression" in load(path, "size").notes[-1]


class TestSample:
    def test_is_the_same_each_time_and_keeps_the_order(self, tmp_path: Path) -> None:
        path = saved(tmp_path, some_rows().assign(row=range(ROWS)))
        one = load(path, max_rows=20)
        assert len(one.frame) == 20
        assert one.frame["row"].is_monotonic_increasing
        assert one.digest == load(path, max_rows=20).digest
        assert one.digest != load(path, max_rows=20, seed=1).digest
        assert one.notes[0] == "Took a sample of 20 of 60 rows (--max-rows, drawn with seed 42)."

    def test_is_not_taken_from_what_is_small_enough(self, tmp_path: Path) -> None:
        pd.testing.assert_frame_equal(load(saved(tmp_path, some_rows()), max_rows=ROWS).frame, some_rows())

    def test_may_leave_nothing_to_predict(self, tmp_path: Path) -> None:
        frame = some_rows().assign(bought=["yes", "yes", *["no"] * (ROWS - 2)])
        assert "raise --max-rows" in complaint(saved(tmp_path, frame), max_rows=3)


class TestTimeSeries:
    @staticmethod
    def series(freq: Any, n_rows: int = 24) -> pd.DataFrame:
        times = pd.date_range("2020-01-31", periods=n_rows, freq=freq)
        return pd.DataFrame({"when": times, "y": np.arange(n_rows, dtype=float), "x": 1.5})

    @pytest.mark.parametrize(
        ("freq", "period"),
        [
            ("MS", "M"),
            (pd.offsets.MonthEnd(), "M"),
            ("D", "D"),
            ("B", "B"),
            ("W-WED", "W-WED"),
            ("QS", "Q-DEC"),
            (pd.offsets.YearEnd(), pd.offsets.YearEnd()),
            ("h", "h"),
        ],
    )
    def test_dates_become_periods(self, freq: Any, period: Any, tmp_path: Path) -> None:
        frame = self.series(freq)
        shuffled = frame.sample(frac=1, random_state=0)
        table = load(saved(tmp_path, shuffled), "y", task="time_series", time_col="when")
        assert isinstance(table.frame.index, pd.PeriodIndex)
        assert table.frame.index.freqstr == spelled(period)
        assert table.frame.index.name == "when"
        assert list(table.frame["y"]) == list(frame["y"])
        assert list(table.frame.columns) == ["y", "x"]
        assert table.task == "time_series"

    def test_a_counter_stays_one(self) -> None:
        frame = pd.DataFrame({"n": [3, 1, 2], "y": [3.0, 1.0, 2.0]})
        assert list(time_indexed(frame, "n").index) == [1, 2, 3]

    def test_missing_values_of_the_target_stay(self, tmp_path: Path) -> None:
        frame = self.series("MS")
        frame.loc[3, "y"] = None
        table = load(saved(tmp_path, frame), "y", task="time_series", time_col="when")
        assert table.frame["y"].isna().sum() == 1

    def test_the_latest_rows_are_the_sample(self, tmp_path: Path) -> None:
        path = saved(tmp_path, self.series("MS")[::-1])
        table = load(path, "y", task="time_series", time_col="when", max_rows=6)
        assert list(table.frame["y"]) == [18, 19, 20, 21, 22, 23]

    @pytest.mark.parametrize(
        ("when", "expected"),
        [
            (["2020-01-01", "2020-02-01", "2020-02-01", "2020-03-01"], "2020-02-01 00:00:00 more than once"),
            (["2020-01-01", None, "2020-02-01", "2020-03-01"], "is empty in 1 rows"),
            (["2020-01-01", "2020-02-01", "2020-04-01", "2020-05-01"], r"has gaps \(1 missing, the first is 2020-03\)"),
            (["2020-01-01", "2020-01-02", "2021-07-09", "2022-12-24"], "has no regular step"),
            (["soon", "later", "then", "now or never"], "no times that can be read, such as 'soon'"),
            ([1, 2, 3, 9], "do not count"),
        ],
    )
    def test_what_is_wrong_is_said_in_one_sentence(self, when: list[Any], expected: str) -> None:
        with pytest.raises(UserError, match=expected):
            time_indexed(pd.DataFrame({"when": when, "y": [1.0, 2, 3, 4]}), "when")


def test_the_digest_is_of_names_values_and_their_order() -> None:
    frame = some_rows()
    assert digest_of(frame) == digest_of(frame.copy())
    others = [frame[::-1], frame.rename(columns={"size": "sizes"}), frame[:-1], frame.assign(price=frame["price"] + 1)]
    assert len({digest_of(other) for other in [frame, *others]}) == 5
