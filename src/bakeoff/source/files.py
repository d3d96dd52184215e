"""Read files of every format, with their rows in their order."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pandas as pd

from bakeoff.config import RunConfig
from bakeoff.errors import ConfigError, SourceError
from bakeoff.source.delimited import read_csv
from bakeoff.source.findings import FindingKind, Findings
from bakeoff.source.formats import read_arrow, read_excel, read_json, read_orc, read_parquet
from bakeoff.source.reading import Reading
from bakeoff.source.words import Cells, settle_words, without_values

_ENDINGS = {
    "csv": (".csv", ".tsv", ".tab", ".psv", ".txt", ".data", ".dat"),
    "parquet": (".parquet", ".pq"),
    "json": (".json", ".jsonl", ".ndjson"),
    "excel": (".xlsx", ".xlsm"),
    "arrow": (".feather", ".arrow"),
    "orc": (".orc",),
}
"""By format, how the names of its files end."""
_PACKED = (".gz", ".bz2", ".xz", ".zip", ".zst", ".lz4")
_MAGIC = {b"PAR1": "parquet", b"ARROW1": "arrow", b"ORC": "orc"}
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_PAGE = re.compile(rb"\s*<(!doctype html|html|\?xml)", re.IGNORECASE)

ENDINGS_SAID = (
    "give a file that ends in .csv or .parquet (or .tsv, .txt, .data, .json, .jsonl, .xlsx, .feather, .arrow, .orc; "
    "text may be compressed), or a table"
)
"""The formats, as the end of a sentence."""


def format_of(name: str) -> str | None:
    """Return the format that the name of a file speaks of; ``None`` if it speaks of none.

    Example:
        >>> format_of("rows.CSV.gz"), format_of("rows.feather"), format_of("rows.doc")
        ('csv', 'arrow', None)
    """
    lower = name.lower()
    for ending in _PACKED:
        lower = lower.removesuffix(ending)
    found = next((kind for kind, endings in _ENDINGS.items() if lower.endswith(endings)), None)
    return found if found in {"csv", "json"} or lower == name.lower() else None


def read_files(kind: str, parts: dict[str, Path | io.BytesIO], reading: Reading, findings: Findings) -> pd.DataFrame:
    """Read files of one format, one below the other; their columns must be the same.

    Args:
        kind: the format.
        parts: the files, or their contents, by name.
        reading: what is known about them.
        findings: gets what they were taken for, and what counts as a gap.

    Raises:
        ConfigError: An option does not fit the format.
        SourceError: A file cannot be read, or has other columns than the first.
    """
    cells = [_read(kind, part, name, reading, findings) for name, part in parts.items()]
    columns = list(cells[0].frame.columns)
    for name, other in zip(parts, cells, strict=True):
        if list(other.frame.columns) != columns:
            raise SourceError(
                f"{name} has other columns than {next(iter(parts))} "
                f"({_difference(columns, list(other.frame.columns))}): give files with the same header."
            )
    if len(cells) == 1:
        (whole,) = cells
    else:
        whole = Cells(
            pd.concat([each.frame for each in cells], ignore_index=True),
            lambda numbers: pd.concat([each.as_text(numbers) for each in cells], ignore_index=True),
            cells[0].decimal,
        )
    if kind in {"csv", "excel"}:
        return _with_plain_names(settle_words(whole, reading, findings), findings)
    return without_values(whole.frame, reading.na_values, findings) if reading.na_values else whole.frame


def _read(kind: str, file: Path | io.BytesIO, name: str, reading: Reading, findings: Findings) -> Cells:
    kind = kind if isinstance(file, Path) and file.is_dir() else _by_content(kind, file, name)
    if kind != "csv" and (given := reading.options_given()):
        raise ConfigError(
            f"{given[0]} is for text files such as csv, and {name} is of the format {kind}: leave it out."
        )
    own = Findings()
    if kind == "csv":
        cells = read_csv(file, name, reading, own)
    elif kind == "excel":
        cells = read_excel(file, name, own)
    else:
        read = {"parquet": read_parquet, "arrow": read_arrow, "orc": read_orc, "json": read_json}[kind]
        cells = Cells(read(file, name))
    findings.extend_new(own)
    return cells


def _by_content(kind: str, file: Path | io.BytesIO, name: str) -> str:
    """Return the format of a file by its first bytes, which may be another than its name speaks of.

    Raises:
        SourceError: It is of a format that cannot be read.
    """
    stream = file.open("rb") if isinstance(file, Path) else file
    start = stream.read(512)
    stream.close() if isinstance(file, Path) else stream.seek(0)
    if start.startswith(_OLD_EXCEL):
        raise SourceError(f"{name} is an Excel file of the old kind: save it as .xlsx or .csv.")
    if kind == "csv" and start.startswith(b"PK\x03\x04") and _is_workbook(file):
        return "excel"
    if kind == "csv" and _PAGE.match(start):
        raise SourceError(f"{name} holds a web page or XML and no rows: look at how it was downloaded.")
    return next((found for magic, found in _MAGIC.items() if start.startswith(magic)), kind)


def _is_workbook(file: Path | io.BytesIO) -> bool:
    import zipfile

    try:
        with zipfile.ZipFile(file) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except zipfile.BadZipFile:
        return False


def _difference(first: list[str], other: list[str]) -> str:
    lacks, more = [name for name in first if name not in other], [name for name in other if name not in first]
    if not lacks and not more:
        return "in another order"
    parts = [f"it lacks {', '.join(map(repr, lacks[:5]))}"] * bool(lacks)
    return "; ".join(parts + [f"it has {', '.join(map(repr, more[:5]))} besides"] * bool(more))


def _with_plain_names(frame: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """Return the rows without blanks around names, and without columns that have neither a name nor values."""
    empty = [name for name in frame.columns if re.fullmatch(r"Unnamed: \d+", str(name)) and frame[name].isna().all()]
    if empty:
        positions = ", ".join(str(frame.columns.get_loc(name) + 1) for name in empty)
        sentence = f"Left out column {positions}, which has neither a name nor values."
        findings.add(FindingKind.LEFT_OUT, sentence, columns=empty)
        frame = frame.drop(columns=empty)
    stripped = [str(name).strip() for name in frame.columns]
    if stripped != list(frame.columns) and len(set(stripped)) == len(stripped) and all(stripped):
        frame = frame.set_axis(stripped, axis=1)
    return frame


def in_order(frame: pd.DataFrame, config: RunConfig) -> pd.DataFrame:
    """Return the rows sorted by the config's ``order_by``, or in their own order if it names no columns."""
    if not config.order_by:
        return frame
    return frame.sort_values(list(config.order_by), kind="stable", na_position="first", ignore_index=True)
