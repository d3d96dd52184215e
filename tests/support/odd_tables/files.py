"""Oddities of files: the same rows, written by somebody else's program."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd

from support.odd_tables.draft import Draft, odd

_DIALECTS: dict[str, dict[str, Any]] = {
    "semicolons": {"sep": ";"},
    "semicolons and decimal commas": {"sep": ";", "decimal": ","},
    "tabs in a csv": {"sep": "\t"},
    "bars": {"sep": "|"},
    "carets": {"sep": "^"},
    "everything in quotes": {"quoting": 1},
    "single quotes": {"quotechar": "'", "quoting": 1},
    "a mark of UTF-8": {"encoding": "utf-8-sig"},
    "UTF-16": {"encoding": "utf-16"},
    "Latin": {"encoding": "cp1252"},
    "line ends of Windows": {"lineterminator": "\r\n"},
    "line ends of an old Mac": {"lineterminator": "\r"},
}


def _text(frame: pd.DataFrame, **how: Any) -> str:
    buffer = io.StringIO(newline="")
    frame.to_csv(buffer, index=False, **how)
    return buffer.getvalue()


def _dialect(how: dict[str, Any]) -> Any:
    def change(draft: Draft) -> None:
        if how.get("encoding"):
            draft.frame = draft.frame.replace({"place": {"north": "nörd", "south": "süd"}})
        draft.as_csv()
        draft.write = lambda frame, path: frame.to_csv(path, index=False, **how)

    return change


def _edited(edit: Any) -> Any:
    """An oddity that edits the text of a plain csv file."""

    def change(draft: Draft) -> None:
        draft.as_csv()
        draft.write = lambda frame, path: path.write_text(edit(_text(frame)), encoding="utf-8", newline="")

    return change


for _name, _how in _DIALECTS.items():
    odd("files", _name)(_dialect(_how))
_EDITS = {
    "blanks after commas": lambda text: text.replace(",", ", "),
    "a blank after commas in the header": lambda text: "\n".join(
        line.replace(",", ", ") if n == 0 else line for n, line in enumerate(text.split("\n"))
    ),
    "comments above": lambda text: f"# exported yesterday\n# by nobody\n{text}",
    "a title above": lambda text: f"Sales of the year\n\n{text}",
    "a line that names the separator": lambda text: f"sep=,\n{text}",
    "empty lines": lambda text: text.replace("\n", "\n\n"),
    "empty lines at the end": lambda text: f"{text}\n\n\n",
    "a comma at the end of each line": lambda text: text.replace("\n", ",\n"),
    "no line end at the end": lambda text: text.rstrip("\n"),
    "a total below": lambda text: f"{text}Total,,,,\n",
    "a line that is too long": lambda text: f"{text}1,2,a,b,c,d,e,f\n",
    "a line that is too short": lambda text: f"{text}1,2\n",
    "a nul byte": lambda text: f"{text}\x00",
    "an end of file of DOS": lambda text: f"{text}\x1a",
    "a header alone": lambda text: text.partition("\n")[0],
    "nothing": lambda _: "",
    "a page of HTML": lambda _: "<!DOCTYPE html><html><body>Sign in</body></html>",
    "one column": lambda text: "\n".join(line.rpartition(",")[2] for line in text.splitlines()),
    "the header twice": lambda text: f"{text.partition(chr(10))[0]}\n{text}",
}
for _name, _edit in _EDITS.items():
    odd("files", _name)(_edited(_edit))


@odd("files", "no header")
def no_header(draft: Draft) -> None:
    draft.as_csv()
    draft.target = f"column_{draft.frame.columns.get_loc(draft.target) + 1}"
    draft.options["header"] = "no"
    draft.write = lambda frame, path: frame.to_csv(path, index=False, header=False)


@odd("files", "thousands")
def thousands(draft: Draft) -> None:
    draft.as_csv()
    draft.frame["count"] = [f"{n:,}" for n in draft.random.integers(0, 99_999, len(draft))]


@odd("files", "thousands and decimal commas")
def german_numbers(draft: Draft) -> None:
    draft.as_csv()
    numbers = draft.random.integers(100_000, 99_999_999, len(draft)) / 100
    draft.frame["count"] = [f"{n:,.2f}".translate(str.maketrans(",.", ".,")) for n in numbers]
    draft.write = lambda frame, path: frame.to_csv(path, index=False, sep=";", decimal=",")


@odd("files", "a wrong --sep")
def wrong_separator(draft: Draft) -> None:
    draft.as_csv()
    draft.options["sep"] = ";"


@odd("files", "a right --sep")
def right_separator(draft: Draft) -> None:
    draft.as_csv()
    draft.options["sep"] = ";"
    draft.write = lambda frame, path: frame.to_csv(path, index=False, sep=";")


def _packed(suffix: str, write: Any) -> Any:
    def change(draft: Draft) -> None:
        draft.suffix, draft.write = suffix, write

    return change


def _write_zip(frame: pd.DataFrame, path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inside.csv", _text(frame))


def _write_two_in_zip(frame: pd.DataFrame, path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one.csv", _text(frame))
        archive.writestr("two.csv", _text(frame))


def _write_folder(frame: pd.DataFrame, path: Path) -> None:
    path.mkdir()
    frame.iloc[:20].to_csv(path / "a.csv", index=False)
    frame.iloc[20:].to_csv(path / "b.csv", index=False)


def _write_uneven_folder(frame: pd.DataFrame, path: Path) -> None:
    path.mkdir()
    frame.iloc[:20].to_csv(path / "a.csv", index=False)
    frame.iloc[20:].rename(columns={"size": "Size"}).to_csv(path / "b.csv", index=False)


def _write_parquet_folder(frame: pd.DataFrame, path: Path) -> None:
    path.mkdir()
    frame.iloc[:20].to_parquet(path / "a.parquet")
    frame.iloc[20:].to_parquet(path / "b.parquet")


_FILES: dict[str, tuple[str, Any]] = {
    "gzip": (".csv.gz", lambda frame, path: path.write_bytes(gzip.compress(_text(frame).encode()))),
    "zip": (".csv.zip", _write_zip),
    "two files in a zip": (".csv.zip", _write_two_in_zip),
    "gzip that is none": (".csv.gz", lambda frame, path: path.write_text(_text(frame))),
    "csv that is a gzip": (".csv", lambda frame, path: path.write_bytes(gzip.compress(_text(frame).encode()))),
    "tsv with commas": (".tsv", lambda frame, path: frame.to_csv(path, index=False)),
    "txt": (".txt", lambda frame, path: frame.to_csv(path, index=False, sep="\t")),
    "a folder of csv": ("", _write_folder),
    "a folder of csv that differ": ("", _write_uneven_folder),
    "a folder of parquet": ("", _write_parquet_folder),
    "parquet called csv": (".csv", lambda frame, path: frame.to_parquet(path)),
    "csv called parquet": (".parquet", lambda frame, path: frame.to_csv(path, index=False)),
    "a parquet that is cut off": (".parquet", lambda frame, path: path.write_bytes(_parquet(frame)[:200])),
    "Feather": (".feather", lambda frame, path: frame.reset_index(drop=True).to_feather(path)),
    "Arrow": (".arrow", lambda frame, path: frame.reset_index(drop=True).to_feather(path, compression="uncompressed")),
    "ORC": (".orc", lambda frame, path: frame.reset_index(drop=True).to_orc(path)),
    "JSON lines": (".jsonl", lambda frame, path: frame.to_json(path, orient="records", lines=True)),
    "JSON": (".json", lambda frame, path: frame.to_json(path, orient="records")),
    "no ending": (".data", lambda frame, path: frame.to_csv(path, index=False)),
}


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


for _name, (_suffix, _writer) in _FILES.items():
    odd("files", _name)(_packed(_suffix, _writer))


@odd("files", "Excel")
def excel(draft: Draft) -> None:
    draft.suffix = ".xlsx"
    draft.write = write_excel


def write_excel(frame: pd.DataFrame, path: Path) -> None:
    """Write a workbook, or what is no workbook where nothing is installed that writes one."""
    try:
        frame.to_excel(path, index=False)
    except ImportError:
        path.write_bytes(b"PK\x03\x04 no workbook")
