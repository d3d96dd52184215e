"""What is suspicious about a table is said, and a table without such things is left in peace."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bakeoff.config import RunConfig
from bakeoff.source import Finding
from bakeoff.source.judgement import judge, judged_table
from bakeoff.source.judgement.judged_table import JudgedTable
from support.datasets import airline, breast_cancer, diabetes, longley, mixed, tips, wine

ROWS = 400


def rows(seed: int = 0) -> pd.DataFrame:
    """A table that nobody needs to look at: two features that matter, one that does not, and two classes."""
    random = np.random.default_rng(seed)
    size, weight = random.normal(size=ROWS), random.normal(size=ROWS).round(2)
    likely = size + weight + random.normal(size=ROWS) > 0
    return pd.DataFrame(
        {
            "size": size,
            "weight": weight,
            "place": random.choice(["north", "south", "west"], ROWS),
            "bought": np.where(likely, "yes", "no"),
        }
    )


def findings(frame: pd.DataFrame, target: str = "bought", task: str = "classification", **more: Any) -> list[Finding]:
    options = {"time_col": "when"} if task == "time_series" else {}
    return list(judge(frame, task, RunConfig("rows.csv", target, task=task, **options, **more)))


def only(found: list[Finding]) -> Finding:
    (finding,) = found
    assert "\n" not in finding.sentence
    assert finding.sentence.endswith(".") or finding.sentence.endswith("?")
    return finding


@pytest.fixture(autouse=True)
def _no_judgement_fails(caplog: pytest.LogCaptureFixture):
    yield
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    ("frame", "target", "task"),
    [
        (rows(), "bought", "classification"),
        (rows().assign(bought=lambda frame: frame["size"] * 2 + rows(1)["size"]), "bought", "regression"),
        (breast_cancer(), "target", "classification"),
        (wine(), "target", "classification"),
        (diabetes(), "target", "regression"),
        (tips(), "tip", "regression"),
        (mixed(), "answer", "classification"),
        (airline().to_frame("passengers"), "passengers", "time_series"),
        (longley(), "TOTEMP", "time_series"),
    ],
    ids=["made", "made numbers", "breast cancer", "wine", "diabetes", "tips", "mixed", "airline", "longley"],
)
def test_nothing_is_said_of_a_table_that_is_well(frame: pd.DataFrame, target: str, task: str) -> None:
    assert findings(frame, target, task) == []


class TestLeaks:
    @pytest.mark.parametrize(
        "leak",
        [
            lambda frame: frame["bought"].map({"yes": 7, "no": 3}),
            lambda frame: frame["bought"].str.upper(),
            lambda frame: frame["bought"] == "yes",
            lambda frame: np.where(frame["bought"] == "yes", frame["size"] + 50, frame["size"]),
            lambda frame: np.where(frame["bought"] == "yes", frame["place"], None),
            lambda frame: pd.to_datetime("2020-01-01") + pd.to_timedelta((frame["bought"] == "yes") * 300, unit="D"),
        ],
        ids=["codes", "words", "yes or no", "a range", "gaps", "dates"],
    )
    def test_a_column_that_gives_classes_away_is_named(self, leak: Any) -> None:
        finding = only(findings(rows().assign(hint=leak)))
        assert finding.columns == ("hint",)
        assert finding.is_suspicious
        assert "'hint' alone predicts the target 'bought' nearly perfectly" in finding.sentence
        assert "ignore_features" in finding.sentence

    @pytest.mark.parametrize(
        "leak",
        [
            lambda target: target * 1.8 + 32,
            lambda target: np.exp(-target),
            lambda target: (target - target.mean()) ** 3,
            lambda target: target.where(target.index % 50 != 0),
        ],
        ids=["unit", "exponent", "power", "with gaps"],
    )
    def test_a_column_that_gives_a_number_away_is_named(self, leak: Any) -> None:
        frame = rows().drop(columns="bought").assign(price=rows(1)["size"] ** 3)
        assert only(findings(frame.assign(hint=leak(frame["price"])), "price", "regression")).columns == ("hint",)

    def test_the_strongest_of_several_comes_first(self) -> None:
        frame = rows()
        weak = frame["bought"].mask(frame.index % 40 == 0, "no")
        finding = only(findings(frame.assign(weak=weak, strong=frame["bought"].str.upper())))
        assert finding.columns == ("strong", "weak")
        assert "them out" in finding.sentence

    def test_a_strong_but_honest_feature_is_none(self) -> None:
        frame = rows()
        assert findings(frame.assign(good=frame["bought"].mask(frame.index % 8 == 0, "maybe"))) == []

    def test_a_column_that_is_left_out_already_is_not_named(self) -> None:
        frame = rows().assign(hint=lambda frame: frame["bought"].str.upper())
        assert findings(frame, setup={"ignore_features": ["hint"]}) == []
        assert findings(frame, setup={"ignore_features": "hint"}) == []

    def test_texts_that_do_not_repeat_give_nothing_away(self) -> None:
        frame = rows().assign(code=lambda frame: [f"{word}{n}" for n, word in enumerate(frame["bought"])])
        assert "id" in only(findings(frame)).sentence

    def test_beside_a_series_only_a_copy_is_a_leak(self) -> None:
        series = airline().to_frame("passengers")
        random = np.random.default_rng(0)
        series["grows_too"] = np.arange(len(series)) + random.normal(size=len(series))
        assert findings(series, "passengers", "time_series") == []
        series["copy"] = series["passengers"] / 1_000
        assert only(findings(series, "passengers", "time_series")).columns == ("copy",)


class TestIds:
    @pytest.mark.parametrize(
        ("name", "values"),
        [
            ("row", np.arange(ROWS)),
            ("row", np.arange(5_000, 5_000 + ROWS)),
            ("customer_id", np.random.default_rng(0).permutation(ROWS * 3)[:ROWS]),
            ("customerId", np.random.default_rng(0).permutation(ROWS)),
            ("Unnamed: 0", np.random.default_rng(0).permutation(ROWS)),
            ("code", [f"C-{n:05d}" for n in range(ROWS)]),
            ("code", [*(f"C-{n:05d}" for n in range(ROWS - 9)), *[None] * 9]),
        ],
    )
    def test_an_id_is_named(self, name: str, values: Any) -> None:
        finding = only(findings(rows().assign(**{name: values})))
        assert finding.columns == (name,)
        assert "as an id does" in finding.sentence

    def test_prices_that_happen_to_differ_are_no_ids(self) -> None:
        prices = np.random.default_rng(0).permutation(ROWS * 30)[:ROWS]
        assert findings(rows().assign(cents=prices, sorted_cents=np.sort(prices))) == []

    def test_prose_and_dates_as_text_are_told_from_ids(self) -> None:
        prose = [f"the order {n} came much too late" for n in range(ROWS)]
        assert "text_features" in only(findings(rows().assign(comment=prose))).sentence
        days = pd.date_range("2020-01-01", periods=ROWS).strftime("%d/%m/%Y")
        assert "date_features" in only(findings(rows().assign(day=days))).sentence


class TestFeatures:
    def test_columns_of_one_value_are_one_finding(self) -> None:
        finding = only(findings(rows().assign(a=1, b="x", c=pd.Timestamp("2020-01-01"))))
        assert finding.columns == ("a", "b", "c")
        assert "'a', 'b' and 'c' have the same value in every row" in finding.sentence

    def test_a_column_that_hardly_has_a_second_value_is_named(self) -> None:
        frame = pd.concat([rows(n) for n in range(3)], ignore_index=True)
        finding = only(findings(frame.assign(rare=np.arange(len(frame)) == 5)))
        assert "nearly every row" in finding.sentence

    def test_a_column_that_is_mostly_missing_is_named_with_its_share(self) -> None:
        frame = rows()
        finding = only(findings(frame.assign(gaps=frame["size"].where(frame.index % 20 == 0))))
        assert finding.columns == ("gaps",)
        assert "95.0%" in finding.sentence

    @pytest.mark.parametrize(
        "copy",
        [
            lambda frame: frame["size"] * 2.54 - 3,
            lambda frame: frame["place"].map({"north": "N", "south": "S", "west": "W"}),
            lambda frame: frame["place"].map({"north": 2, "south": 5, "west": 1}),
        ],
        ids=["unit", "names", "codes"],
    )
    def test_a_copy_of_a_column_is_named_with_the_other(self, copy: Any) -> None:
        finding = only(findings(rows().assign(again=copy)))
        assert "again" in finding.columns
        assert len(finding.columns) == 2

    def test_columns_that_go_together_without_being_copies_are_not_named(self) -> None:
        frame = rows()
        near = frame["size"] + np.random.default_rng(1).normal(scale=0.01, size=ROWS)
        assert findings(frame.assign(near=near)) == []

    def test_a_few_dates_in_the_future_are_named_and_a_column_of_them_is_not(self) -> None:
        past = pd.Series(pd.Timestamp.now().normalize() - pd.to_timedelta(np.arange(ROWS) + 5, unit="D"))
        some = past.mask(past.index < 7, pd.Timestamp.now() + pd.Timedelta(days=900))
        finding = only(findings(rows().assign(past=past.sample(frac=1, random_state=1).to_numpy(), since=some)))
        assert (finding.columns, finding.n_affected) == (("since",), 7)
        assert findings(rows().assign(due=past + pd.Timedelta(days=10_000))) == []


class TestRows:
    def test_copies_of_rows_are_counted(self) -> None:
        frame = pd.concat([rows(), rows().head(40)], ignore_index=True)
        finding = only(findings(frame))
        assert finding.n_affected == 40
        assert "9.1%" in finding.sentence

    def test_equal_rows_of_another_class_are_counted(self) -> None:
        other = rows().head(40).assign(bought=lambda frame: frame["bought"].map({"yes": "no", "no": "yes"}))
        finding = only(findings(pd.concat([rows(), other], ignore_index=True)))
        assert finding.n_affected == 80
        assert "another class" in finding.sentence

    def test_a_table_of_few_combinations_has_equal_rows_by_chance(self) -> None:
        random = np.random.default_rng(0)
        frame = pd.DataFrame({name: random.integers(0, 3, ROWS) for name in "abc"})
        assert findings(frame.assign(bought=random.choice(["yes", "no"], ROWS))) == []

    def test_a_table_that_changes_from_first_to_last_is_said_to(self) -> None:
        frame = pd.concat([rows(n) for n in range(3)], ignore_index=True)
        later = np.arange(len(frame)) / len(frame)
        noise = np.random.default_rng(0).normal(scale=0.5, size=len(frame))
        drifting = frame.assign(size=frame["size"] + later * 6, weight=frame["weight"] - later * 6 + noise)
        finding = only(findings(drifting))
        assert set(finding.columns) == {"size", "weight"}
        assert "timeseries" in finding.sentence

    @pytest.mark.parametrize("by", ["bought", "size", "place"])
    def test_a_table_that_is_sorted_does_not_drift(self, by: str) -> None:
        frame = pd.concat([rows(n) for n in range(3)], ignore_index=True)
        assert findings(frame.sort_values(by, ignore_index=True)) == []


class TestJudging:
    def test_the_same_rows_are_judged_alike(self) -> None:
        frame = rows().assign(hint=lambda frame: frame["bought"].str.upper(), row=range(ROWS))
        assert findings(frame) == findings(frame.copy())

    def test_of_a_long_table_a_sample_is_judged(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(judged_table, "MAX_ROWS", 300)
        frame = rows().assign(hint=lambda frame: frame["bought"].str.upper(), row=range(1, ROWS + 1))
        config = RunConfig("rows.csv", "bought")
        table = JudgedTable.of(frame, "classification", config)
        assert (len(table), table.n_rows) == (300, ROWS)
        assert table.frame["row"].is_monotonic_increasing
        assert [finding.columns for finding in findings(frame)] == [("hint",), ("row",)]

    def test_nothing_is_changed(self) -> None:
        frame = rows().assign(gaps=lambda frame: frame["size"].where(frame.index % 3 == 0))
        before = frame.copy(deep=True)
        findings(frame)
        pd.testing.assert_frame_equal(frame, before)

    def test_columns_of_every_type_are_judged(self) -> None:
        frame = rows().assign(
            whole=pd.array([1, None, 3, 4] * (ROWS // 4), dtype="Int64"),
            truth=pd.array([True, None, False, True] * (ROWS // 4), dtype="boolean"),
            text=pd.array(["a", None, "b", "c"] * (ROWS // 4), dtype="string"),
            kind=pd.Categorical(["u", "v", "w", None] * (ROWS // 4)),
            span=pd.to_timedelta(np.arange(ROWS) % 7, unit="h"),
            empty=np.nan,
            lists=[[1], [2], [3], [4]] * (ROWS // 4),
            infinite=[np.inf, -np.inf, 1.0, np.nan] * (ROWS // 4),
            zoned=pd.date_range("2020-01-01", periods=ROWS, tz="Europe/Berlin"),
        )
        frame["mixed"] = [1, "a", None, 2.5] * (ROWS // 4)
        assert {name for finding in findings(frame) for name in finding.columns} >= {"empty"}

    @pytest.mark.parametrize("n_rows", [1, 2, 5, 25])
    def test_a_table_of_a_few_rows_is_judged(self, n_rows: int) -> None:
        assert findings(rows().head(n_rows)) == []
