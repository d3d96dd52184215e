"""Files of other formats than csv, and several files at once."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from bakeoff.config import RunConfig
from bakeoff.errors import UserError
from bakeoff.source import is_local_file, load_source
from bakeoff.source.formats import read_parquet

ROWS = pd.DataFrame(
    {
        "size": np.arange(60) / 4,
        "age": np.arange(60) % 7,
        "place": ["north", "south", "south"] * 20,
        "bought": [True, False] * 30,
    }
)


def stream(frame: pd.DataFrame, path: Path) -> None:
    table = pa.Table.from_pandas(frame)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)


WRITERS: dict[str, tuple[str, Callable[[pd.DataFrame, Path], Any]]] = {
    "excel": ("rows.xlsx", lambda frame, path: frame.to_excel(path, index=False)),
    "json lines": ("rows.jsonl", lambda frame, path: frame.to_json(path, orient="records", lines=True)),
    "compressed json lines": ("rows.json.gz", lambda frame, path: frame.to_json(path, orient="records", lines=True)),
    "json, a list": ("rows.json", lambda frame, path: frame.to_json(path, orient="records", indent=2)),
    "json, by columns": ("rows.json", lambda frame, path: frame.to_json(path)),
    "json, lists by columns": ("rows.json", lambda frame, path: path.write_text(json.dumps(frame.to_dict("list")))),
    "feather": ("rows.feather", lambda frame, path: frame.to_feather(path)),
    "an arrow stream": ("rows.arrow", stream),
    "orc": ("rows.orc", lambda frame, path: frame.to_orc(path)),
    "parquet under another name": ("rows.csv", lambda frame, path: frame.to_parquet(path)),
    "plain text": ("rows.txt", lambda frame, path: frame.to_csv(path, index=False, sep="\t")),
    "data": ("rows.data", lambda frame, path: frame.to_csv(path, index=False)),
}


@pytest.mark.parametrize("what", WRITERS)
def test_every_format_gives_the_same_rows(what: str, tmp_path: Path) -> None:
    name, write = WRITERS[what]
    write(ROWS, tmp_path / name)
    table = load_source(RunConfig(str(tmp_path / name), "place"))
    pd.testing.assert_frame_equal(table.frame, ROWS)
    assert is_local_file(str(tmp_path / name))
    assert is_local_file(name)


def test_an_excel_file_under_the_name_of_a_csv_file(tmp_path: Path) -> None:
    ROWS.to_excel(tmp_path / "rows.xlsx", index=False)
    path = (tmp_path / "rows.xlsx").rename(tmp_path / "rows.csv")
    pd.testing.assert_frame_equal(load_source(RunConfig(str(path), "place")).frame, ROWS)


def test_the_sheet_that_is_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.xlsx"
    with pd.ExcelWriter(path) as book:
        pd.DataFrame().to_excel(book, sheet_name="empty")
        pd.DataFrame([["Sales of 2024"]]).to_excel(book, sheet_name="2024", index=False, header=False)
        ROWS.to_excel(book, sheet_name="2024", index=False, startrow=2)
        ROWS[:5].to_excel(book, sheet_name="notes", index=False)
    table = load_source(RunConfig(str(path), "place"))
    pd.testing.assert_frame_equal(table.frame, ROWS)
    assert table.notes[0] == "Read the sheet '2024' of rows.xlsx, and not 'empty', 'notes': save others as files."


def test_dates_and_gaps_of_a_sheet_keep_their_kinds(tmp_path: Path) -> None:
    frame = ROWS.assign(day=pd.date_range("2024-01-01", periods=60), sum=[1, None, 2.5] * 20)
    frame.to_excel(tmp_path / "rows.xlsx", index=False)
    pd.testing.assert_frame_equal(load_source(RunConfig(str(tmp_path / "rows.xlsx"), "place")).frame, frame)


class TestFolders:
    @staticmethod
    def filled(folder: Path) -> Path:
        ROWS[:30].to_csv(folder / "a.csv", index=False)
        folder.joinpath("b.csv.gz").write_bytes(gzip.compress(ROWS[30:].to_csv(index=False, sep=";").encode()))
        folder.joinpath("_SUCCESS").touch()
        folder.joinpath(".a.csv.crc").touch()
        return folder

    def test_files_are_read_in_the_order_of_their_names(self, tmp_path: Path) -> None:
        table = load_source(RunConfig(str(self.filled(tmp_path)), "place"))
        pd.testing.assert_frame_equal(table.frame, ROWS)
        assert table.notes[0] == f"Read 2 files of {tmp_path}, from a.csv to b.csv.gz."
        assert table.name == str(tmp_path)

    def test_a_pattern_names_some(self, tmp_path: Path) -> None:
        self.filled(tmp_path)
        source = str(tmp_path / "?.csv*")
        assert is_local_file(source)
        pd.testing.assert_frame_equal(load_source(RunConfig(source, "place")).frame, ROWS)
        with pytest.raises(UserError, match="There is no file"):
            load_source(RunConfig(str(tmp_path / "*.tsv"), "place"))

    def test_other_columns_are_refused(self, tmp_path: Path) -> None:
        ROWS.assign(more=1).to_csv(self.filled(tmp_path) / "c.csv", index=False)
        with pytest.raises(UserError, match=r"c.csv has other columns than .*a.csv \(it has 'more' besides\)"):
            load_source(RunConfig(str(tmp_path), "place"))

    def test_other_formats_are_refused(self, tmp_path: Path) -> None:
        ROWS.to_json(self.filled(tmp_path) / "c.jsonl", orient="records", lines=True)
        with pytest.raises(UserError, match=r"holds files of several formats \(b.csv.gz, c.jsonl\): name those of one"):
            load_source(RunConfig(str(tmp_path), "place"))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("rows.xlsx", "x", "cannot be read as an Excel file"),
        ("rows.json", "3", "cannot be read as JSON"),
        ("rows.json", '{"a": ', "cannot be read as JSON"),
        ("rows.jsonl", "", "cannot be read as JSON"),
        ("rows.feather", "x", "cannot be read as Arrow"),
        ("rows.orc", "x", "cannot be read as ORC"),
        ("rows.doc", "x", "ends in '.doc': give a file that ends in .csv or .parquet"),
        ("rows", "x", "ends in 'nothing': give a file"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(name: str, content: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=expected) as caught:
        load_source(RunConfig(str(tmp_path / name), "place"))
    assert "\n" not in str(caught.value)


def test_a_package_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ROWS.to_excel(tmp_path / "rows.xlsx", index=False)
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(UserError, match="pip install openpyxl, or save the file as csv"):
        load_source(RunConfig(str(tmp_path / "rows.xlsx"), "place"))


def test_a_type_that_pandas_writes_down_and_cannot_read_back(tmp_path: Path) -> None:
    kinds = pd.array(["a", None, "b"], dtype=pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string())))
    pd.DataFrame({"size": [1, 2, 3], "kind": kinds}).to_parquet(tmp_path / "rows.parquet")
    read = read_parquet(tmp_path / "rows.parquet", "rows.parquet")
    assert read["kind"].astype(object).where(read["kind"].notna(), None).tolist() == ["a", None, "b"]
    assert list(read.columns) == ["size", "kind"]
