"""Which words in a file are values, and which stand for gaps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bakeoff.config import RunConfig
from bakeoff.source import SourceTable, load_source

N = 100


def rows(**columns: Any) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    more = {name: np.resize(np.array(values, dtype=object), N) for name, values in columns.items()}
    return pd.DataFrame({"hours": rng.normal(7, 1, N).round(2), "sleeps": ["well", "badly"] * (N // 2), **more})


def load(
    folder: Path, frame: pd.DataFrame, target: str = "sleeps", name: str = "rows.csv", **options: Any
) -> SourceTable:
    path = folder / name
    frame.to_excel(path, index=False) if name.endswith("xlsx") else frame.to_csv(path, index=False)
    return load_source(RunConfig(source=str(path), target=target, **options))


def said(table: SourceTable, kind: str) -> list[str]:
    return [finding.sentence for finding in table.findings if finding.kind.value == kind]


@pytest.mark.parametrize("name", ["rows.csv", "rows.xlsx"])
@pytest.mark.parametrize("word", ["None", "NA", "N/A", "n/a", "null", "NULL"])
def test_a_word_is_a_class_like_others(word: str, name: str, tmp_path: Path) -> None:
    table = load(tmp_path, rows(disorder=["Apnea", word, "Insomnia", word]), "disorder", name)
    assert table.frame["disorder"].value_counts().to_dict() == {word: 50, "Apnea": 25, "Insomnia": 25}
    sentence = (
        f"Took {word!r} (50 cells of disorder) for values and not for gaps (--na-values {word} if they are gaps)."
    )
    assert said(table, "read as") == [sentence]


def test_a_word_is_a_category_among_words_of_its_form(tmp_path: Path) -> None:
    table = load(tmp_path, rows(country=["NA", "BW", "ZA"]))
    assert table.frame["country"].isna().sum() == 0
    assert table.findings[0].columns == ("country",)
    assert table.findings[0].n_affected == 34


@pytest.mark.parametrize(
    "others",
    [{"age": [30, "NA", 40]}, {"day": ["2024-01-01", "NA", "2024-02-01"]}, {"member": ["True", "NA", "False"]}],
    ids=["numbers", "dates", "true and false"],
)
def test_a_word_is_a_gap_if_it_is_one_in_columns_of_other_kinds(others: dict[str, Any], tmp_path: Path) -> None:
    table = load(tmp_path, rows(disorder=["Apnea", "NA", "Insomnia"], **others), "disorder")
    assert len(table.frame) == 67
    assert said(table, "gaps")[0].startswith("Took 'NA' (33 cells of disorder) for gaps (--na-values")
    assert said(table, "left out") == ["Left out 33 rows without a value of the target 'disorder'."]


def test_a_word_in_few_rows_is_a_gap(tmp_path: Path) -> None:
    table = load(tmp_path, rows(answer=["yes", "no"] * 24 + ["yes", "NA"]), "answer")
    assert len(table.frame) == 98
    (sentence,) = said(table, "gaps")
    assert sentence.startswith("Took 'NA' (2 cells of answer) for gaps (--na-values with the words that are gaps")


def test_empty_cells_are_gaps_and_nothing_is_said(tmp_path: Path) -> None:
    frame = rows(answer=["yes", None, "no", "no"], country=["NA", None, "BW", None])
    table = load(tmp_path, frame)
    assert table.frame["answer"].isna().sum() == 25
    assert table.frame["country"].tolist() == pytest.approx(["NA", np.nan, "BW", np.nan] * 25, nan_ok=True)


def test_the_option_names_the_words_that_are_gaps_and_no_others_are(tmp_path: Path) -> None:
    frame = rows(country=["NA", "BW", "ZA"], disorder=["Apnea", "None", "Insomnia"])
    table = load(tmp_path, frame, "disorder", na_values="None,-1")
    assert set(table.frame["disorder"]) == {"Apnea", "Insomnia"}
    assert table.frame["country"].isna().sum() == 0
    both = load(tmp_path, frame, "disorder", na_values=["None", "NA"])
    assert both.frame["country"].isna().sum() > 0
    assert "Took 'NA'" in said(both, "gaps")[0]


@pytest.mark.parametrize("word", ["-", "?", "n/a", ".", "--", " ", "#DIV/0!", "Unknown", "(null)"])
@pytest.mark.parametrize("name", ["rows.csv", "rows.xlsx"])
def test_a_word_for_a_gap_among_numbers_is_one(word: str, name: str, tmp_path: Path) -> None:
    table = load(tmp_path, rows(age=[30, word, 40.5, 7]), name=name)
    assert table.frame["age"].dtype == float
    assert table.frame["age"].isna().sum() == 25
    if word != "n/a" and (word, name[-4:]) != ("#DIV/0!", "xlsx"):  # which pandas takes for gaps itself
        assert table.findings[0].n_affected == 25
        assert "(25 cells of age) for gaps, as the other values are numbers." in said(table, "gaps")[0]


def test_a_target_of_numbers_with_words_loses_those_rows_and_that_is_said(tmp_path: Path) -> None:
    table = load(tmp_path, rows(price=[1.5, "?", 2.5, 3]), "price")
    assert table.task == "regression"
    assert said(table, "left out") == ["Left out 25 rows without a value of the target 'price'."]


def test_other_words_among_numbers_are_pointed_out(tmp_path: Path) -> None:
    frame = rows(age=["pending", *range(30, 79)])
    table = load(tmp_path, frame)
    assert table.frame["age"].dtype == object
    (sentence,) = said(table, "suspicious")
    assert sentence.startswith(
        "age holds numbers but for 'pending' (2 cells), and is read as text: say --na-values pend"
    )
    table = load(tmp_path, frame, na_values="pending")
    assert table.frame["age"].isna().sum() == 2
    assert table.frame["age"].dtype == float


@pytest.mark.parametrize("words", [["a", "-", "?"], ["A", "B", "unknown"], ["12 m", "-", "3 km"]])
def test_words_among_words_stay(words: list[str], tmp_path: Path) -> None:
    table = load(tmp_path, rows(grade=words))
    assert list(table.frame["grade"]) == list(np.resize(words, N))
    assert [finding.kind.value for finding in table.findings] == ["task"]


def test_several_files_are_judged_together(tmp_path: Path) -> None:
    frame = rows(disorder=["Apnea"] * 60 + ["None"] * 40)
    frame[:50].to_csv(tmp_path / "part-1.csv", index=False)
    frame[50:].to_csv(tmp_path / "part-2.csv", index=False)
    table = load_source(RunConfig(str(tmp_path), "disorder"))
    pd.testing.assert_frame_equal(table.frame, frame)


class TestNumbersThatMayBeMarks:
    @pytest.mark.parametrize("value", [-999, -99, 9999, 99999, -9999.0])
    def test_are_pointed_out_and_not_changed(self, value: float, tmp_path: Path) -> None:
        frame = rows(age=[*range(49), value], size=[*range(24), value])
        table = load(tmp_path, frame)
        assert (table.frame["age"] == value).sum() == 2
        (sentence,) = said(table, "suspicious")
        assert sentence.startswith(
            f"{value:g} stands in 6 cells of age, size, far from all others: if that means a gap"
        )
        assert sentence.endswith(f"say --na-values={value:g}.")
        table = load(tmp_path, frame, na_values=f"{value:g}")
        assert table.frame[["age", "size"]].isna().sum().tolist() == [2, 4]
        assert said(table, "suspicious") == []
        assert said(table, "gaps") == [f"Took '{value:g}' (6 cells of age, size) for gaps (--na-values)."]

    @pytest.mark.parametrize("values", [[999, *range(900, 1100)], [-999, *range(-500, 500)], [99, 1, 2], [1, 2, 98]])
    def test_are_not_seen_among_numbers_like_them(self, values: list[int], tmp_path: Path) -> None:
        assert said(load(tmp_path, rows(age=values)), "suspicious") == []


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("rows.parquet", pd.DataFrame.to_parquet),
        ("rows.jsonl", lambda f, p: f.to_json(p, orient="records", lines=True)),
    ],
)
def test_the_option_holds_for_files_that_know_their_types(name: str, write: Callable[..., Any], tmp_path: Path) -> None:
    frame = rows(age=[1, 2, -999, 4], answer=["yes", "None", "no", "k.A."]).assign(age=lambda f: f["age"].astype(int))
    path = tmp_path / name
    write(frame, path)
    table = load_source(RunConfig(str(path), "sleeps", na_values="-999,k.A."))
    assert table.frame["age"].isna().sum() == table.frame["answer"].isna().sum() == 25
    assert (table.frame["answer"] == "None").sum() == 25
