"""What text files are taken for. The tables are made here, in the ways in which people's programs write them."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from bakeoff.config import RunConfig
from bakeoff.errors import UserError
from bakeoff.source import SourceTable, load_source

NAMES = ["size", "age", "place", "price"]


def some_rows(words: tuple[str, ...] = ("north", "south")) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    n = 60
    return pd.DataFrame(
        {
            "size": rng.normal(5, 1, n).round(2),
            "age": rng.integers(1, 90, n),
            "place": rng.choice(words, n),
            "price": rng.normal(900, 90, n).round(1),
        }
    )


def lines_of(frame: pd.DataFrame, sep: str = ",", decimal: str = ".", quote: str = "") -> list[str]:
    rows = [list(map(str, frame.columns)), *(list(map(str, row)) for row in frame.itertuples(index=False))]
    mark = [rows[0], *([cell.replace(".", decimal) for cell in row] for row in rows[1:])]
    return [sep.join(f"{quote}{cell}{quote}" for cell in row) for row in mark]


def text_of(frame: pd.DataFrame, *above: str, end: str = "\n", **how: str) -> str:
    return end.join([*above, *lines_of(frame, **how)]) + end


def load(
    folder: Path, content: str | bytes, name: str = "rows.csv", target: str = "place", **options: Any
) -> SourceTable:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_source(RunConfig(source=str(path), target=target, **options))


def complaint(*args: Any, **options: Any) -> str:
    with pytest.raises(UserError) as caught:
        load(*args, **options)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


ROWS = some_rows()
ONE_ROW = {"data_split_stratify": False}
QUOTED, WORDY = some_rows(("up; north", "south")), some_rows(("up, north", "south, down, left"))
FEW = ROWS[["place", "size"]].assign(age=1)
WRITTEN: dict[str, tuple[str | bytes, str]] = {
    "semicolons": (text_of(ROWS, sep=";"), "as ';'-separated"),
    "decimal commas": (text_of(ROWS, sep=";", decimal=","), "as ';'-separated, decimal comma"),
    "tabs in a csv file": (text_of(ROWS, sep="\t"), "as tab-separated"),
    "tabs and decimal commas": (text_of(ROWS, sep="\t", decimal=","), "as tab-separated, decimal comma"),
    "pipes": (text_of(ROWS, sep="|"), "as '|'-separated"),
    "carets": (text_of(ROWS, sep="^"), "as '^'-separated"),
    "blanks": (text_of(ROWS, sep=" "), "as blank-separated"),
    "several blanks": (text_of(ROWS, sep="   "), "as blank-separated"),
    "quoted decimal commas": (text_of(ROWS, decimal=",", quote='"'), "as decimal comma"),
    "other quotes": (text_of(QUOTED, sep=";", quote="'"), "as ';'-separated, with ' around cells"),
    "blanks after commas": (text_of(ROWS, sep=", "), "with blanks around the cells"),
    "blanks around pipes": (text_of(ROWS, sep=" | "), "as '|'-separated, with blanks around the cells"),
    "ends of lines of the old Mac": (text_of(ROWS, sep=";", end="\r"), "as ';'-separated"),
    "ends of lines of Windows": (text_of(ROWS, sep=";", end="\r\n"), "as ';'-separated"),
    "a title": (text_of(ROWS, "Sales of 2024", ""), "with names in line 3"),
    "a title of a spreadsheet": (text_of(ROWS, "Sales,,,", ",,,"), "with names in line 3"),
    "a title with a semicolon": (text_of(ROWS, "Sales; so far", sep=";"), "as ';'-separated, with names in line 2"),
    "a title and numbers with the comma in it": (
        text_of(FEW, "Sizes, so far", sep=";", decimal=","),
        "as ';'-separated, decimal comma, with names in line 2",
    ),
    "comments": (text_of(ROWS, "# by x, at noon", "#"), "with names in line 3"),
    "a line for Excel": (text_of(ROWS, "sep=;", sep=";"), "as ';'-separated, with names in line 2"),
    "a mark and semicolons": ("\ufeff" + text_of(ROWS, sep=";"), "as ';'-separated"),
    "UTF-16": (text_of(ROWS, sep="\t").encode("utf-16"), "as tab-separated, utf-16"),
    "UTF-16 without a mark": (text_of(ROWS).encode("utf-16-le"), "as utf-16-le"),
    "commas in words": (text_of(WORDY, sep=";"), "as ';'-separated"),
    "separators at the ends of rows": (
        "\n".join([lines_of(ROWS)[0], *(f"{line}," for line in lines_of(ROWS)[1:])]),
        "with separators at the ends of the rows",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", WRITTEN)
def test_rows_are_the_same_however_they_are_written(how: str, tmp_path: Path) -> None:
    content, said = WRITTEN[how]
    expected = {"other quotes": QUOTED, "commas in words": WORDY, "a title and numbers with the comma in it": FEW}.get(
        how, ROWS
    )
    table = load(tmp_path, content)
    pd.testing.assert_frame_equal(table.frame, expected)
    assert table.notes[0] == f"Read rows.csv {said}."
    assert table.findings[0].kind.value == "read as"


PLAIN = {
    "plain": text_of(ROWS),
    "Windows": text_of(ROWS, end="\r\n"),
    "a mark": "\ufeff" + text_of(ROWS),
    "quotes": text_of(ROWS, quote='"'),
    "gaps": text_of(ROWS).replace(",1", ",").replace("north", "", 5),
    "semicolons in words": text_of(some_rows(("a;b", "c;d"))),
    "decimal commas in sentences": text_of(ROWS).replace("north", '"one, 2,5; or three"'),
    "numbers as names": text_of(ROWS.rename(columns={"size": "0", "age": "1", "price": "2"})),
    "years as names": text_of(ROWS.rename(columns={"size": "2019", "age": "2020", "price": "2021"})),
    "names that are values, too": text_of(ROWS.assign(north=ROWS["place"])),
    "a single column besides": text_of(ROWS[["age", "place"]]),
    "the index of a frame": ROWS.to_csv(),
    "blanks after commas in values alone": text_of(ROWS).replace(",north", ", north"),
    "a name that begins with a hash": text_of(ROWS.rename(columns={"size": "#size"})),
    "rows that end early": text_of(ROWS) + "1.5,3,north\n",
    "empty lines": text_of(ROWS).replace("\n", "\n\n"),
    "addresses": text_of(ROWS).replace("north", "http://x.org/?a=1;b=2|c"),
}  # fmt: skip


@pytest.mark.parametrize("what", PLAIN)
def test_a_plain_file_gives_what_pandas_gives_and_nothing_is_said(what: str, tmp_path: Path) -> None:
    table = load(tmp_path, PLAIN[what])
    expected = pd.read_csv(tmp_path / "rows.csv", low_memory=False).dropna(subset="place").reset_index(drop=True)
    pd.testing.assert_frame_equal(table.frame, expected, check_exact=True)
    assert [finding.kind.value for finding in table.findings if finding.kind.value not in {"task", "left out"}] == []


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("cp1252", ("Größe", "Müller", "Straße")),
        ("cp1252", ("élève", "où", "señor")),
        ("cp1250", ("Łódź", "žluťoučký", "Gdańsk")),
        ("cp1251", ("Москва", "город", "нет")),
        ("cp1253", ("Αθήνα", "Θεσσαλονίκη")),
        ("cp932", ("東京", "大阪", "名古屋")),
        ("gb18030", ("北京", "上海", "城市")),
        ("utf-16", ("Größe", "東京")),
        ("utf-8", ("Größe", "東京")),
    ],
)
def test_the_encoding_is_told_from_the_text(encoding: str, words: tuple[str, ...], tmp_path: Path) -> None:
    rows = some_rows(words)
    table = load(tmp_path, text_of(rows, sep=";").encode(encoding))
    pd.testing.assert_frame_equal(table.frame, rows)
    assert (encoding in table.notes[0]) == (encoding != "utf-8")


def test_a_character_far_down_in_a_file_is_read_as_well(tmp_path: Path) -> None:
    rows = pd.DataFrame({"n": range(200_000), "place": "north"})
    rows.loc[199_990:, "place"] = "Müller"
    table = load(tmp_path, rows.to_csv(index=False).encode("cp1252"))
    assert table.frame["place"].iloc[-1] == "Müller"
    assert table.notes[0] == "Read rows.csv as cp1252."


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda content: bytes(pa.compress(content, "zstd", asbytes=True)),
}


@pytest.mark.parametrize("ending", PACKERS)
def test_compressed_files_are_told_by_their_content(ending: str, tmp_path: Path) -> None:
    content = PACKERS[ending](text_of(ROWS, sep=";").encode())
    for name in (f"rows.csv{ending}", "rows.csv"):
        pd.testing.assert_frame_equal(load(tmp_path, content, name).frame, ROWS)
    pd.testing.assert_frame_equal(load(tmp_path, text_of(ROWS), f"rows.csv{ending}").frame, ROWS)


def test_a_zip_holds_one_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("rows.csv", text_of(ROWS))
    pd.testing.assert_frame_equal(load_source(RunConfig(str(path), "place")).frame, ROWS)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("more.csv", text_of(ROWS))
    with pytest.raises(UserError, match=r"is an archive of 2 files \(rows.csv, more.csv\): unpack it"):
        load_source(RunConfig(str(path), "place"))


class TestHeader:
    WITHOUT = text_of(ROWS).partition("\n")[2]

    def test_rows_without_names_get_numbers(self, tmp_path: Path) -> None:
        table = load(tmp_path, self.WITHOUT, target="column_3")
        assert list(table.frame.columns) == ["column_1", "column_2", "column_3", "column_4"]
        pd.testing.assert_frame_equal(table.frame.set_axis(NAMES, axis=1), ROWS)
        assert table.notes[0].startswith("rows.csv has no header: its columns are called column_1 to column_4")

    def test_whoever_names_a_column_that_is_not_there_hears_that_there_is_no_header(self, tmp_path: Path) -> None:
        sentence = complaint(tmp_path, self.WITHOUT, target="place")
        assert "has no header, as its first row looks like the others: its columns are column_1 to column_4" in sentence

    def test_a_first_row_that_holds_the_target_is_a_header(self, tmp_path: Path) -> None:
        first = self.WITHOUT.partition("\n")[0].split(",")
        assert list(load(tmp_path, self.WITHOUT, target=first[2]).frame.columns) == first

    def test_the_option_decides(self, tmp_path: Path) -> None:
        assert len(load(tmp_path, text_of(ROWS), target="column_3", header="no", setup=ONE_ROW).frame) == len(ROWS) + 1
        assert load(tmp_path, text_of(ROWS, "a,b,c,d", "x"), header="3").frame.equals(ROWS)
        assert "--header no" in complaint(tmp_path, text_of(ROWS), header="no")
        assert "--header 999: there is no such line" in complaint(tmp_path, text_of(ROWS), header="999")

    @pytest.mark.parametrize("header", ["size, age, place, price", " size,age ,place, price"])
    def test_blanks_around_names_do_not_matter(self, header: str, tmp_path: Path) -> None:
        table = load(tmp_path, header + "\n" + self.WITHOUT)
        pd.testing.assert_frame_equal(table.frame, ROWS)

    def test_names_that_are_equal_but_for_blanks_are_refused(self, tmp_path: Path) -> None:
        assert "more than one column named 'size'" in complaint(tmp_path, "size, size,place,y\n" + self.WITHOUT)

    def test_a_column_with_neither_name_nor_values_is_left_out(self, tmp_path: Path) -> None:
        table = load(tmp_path, "".join(f"{line},\n" for line in lines_of(ROWS)))
        pd.testing.assert_frame_equal(table.frame, ROWS)
        assert table.notes[0] == "Left out column 5, which has neither a name nor values."


SEPARATORS = [("\t", "\t"), ("\t", "tab"), ("\t", "\\t"), (" ", "blank"), ("::", "::"), ("~|~", "~|~"), (";", ";")]


class TestOptions:
    def test_each_can_be_given(self, tmp_path: Path) -> None:
        rows = some_rows(("Größe", "Länge"))
        content = text_of(rows, sep=";", decimal=",").encode("cp1250")
        given = {"sep": "semicolon", "decimal": ",", "encoding": "cp1250"}
        pd.testing.assert_frame_equal(load(tmp_path, content, **given).frame, rows)

    @pytest.mark.parametrize(("sep", "given"), SEPARATORS)
    def test_separators_of_every_kind(self, sep: str, given: str, tmp_path: Path) -> None:
        rows = ROWS.replace({"place": {"north": "x", "south": "y"}}).rename(columns={"place": "p"})
        pd.testing.assert_frame_equal(load(tmp_path, text_of(rows, sep=sep), target="p", sep=given).frame, rows)

    def test_an_option_that_does_not_fit_is_named(self, tmp_path: Path) -> None:
        content = text_of(some_rows(("Größe", "Länge")))
        assert "--encoding ascii: " in complaint(tmp_path, content, encoding="ascii")
        path = tmp_path / "rows.parquet"
        ROWS.to_parquet(path)
        with pytest.raises(UserError, match="--sep is for text files such as csv"):
            load_source(RunConfig(str(path), "place", sep=";"))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a,place\n1,x\n2,y,3\n", "line 3 has 3 values where the rows above have 2"),
        ("a,place\n1,2,3\n4,5,6\n", "more values than its header has names"),
        ("<!DOCTYPE html>\n<html>", "holds a web page"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel file of the old kind: save it as .xlsx or .csv"),
        (gzip.compress(text_of(ROWS).encode())[:100], "cannot be read as csv"),
        (gzip.compress(b""), "is empty"),
        ("\n \n\n", "is empty"),
        (b"a,place\n\xff\xfe,1\n", "cannot be told from so few characters. Name it with --encoding"),
        ("place\nx\ny\n", "no column besides the target"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(content: str | bytes, expected: str, tmp_path: Path) -> None:
    assert expected in complaint(tmp_path, content)


def test_dates_and_addresses_are_no_numbers_with_points_between_thousands(tmp_path: Path) -> None:
    rows = "".join(f"0{1 + n % 9}.02.2024;10.0.0.{n};{n},5;1.{100 + n}\n" for n in range(60))
    table = load(tmp_path, "day;ip;place;sum\n" + rows, target="place")
    assert table.frame["day"][0] == "01.02.2024"
    assert table.frame["ip"][0] == "10.0.0.0"
    assert table.frame["place"][1] == 1.5
    assert table.frame["sum"][0] == 1.1 or table.frame["sum"][0] == 1100
