"""Read files of every format, with their rows in their order."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bakeoff.config import RunConfig
from bakeoff.errors import ConfigError, SourceError
from bakeoff.source.delimited import read_csv
from bakeoff.source.findings import FindingKind, Findings
from bakeoff.source.formats import read_arrow, read_excel, read_json, read_orc, read_parquet
from bakeoff.source.gap_words import Cells, RawTable, settle_words
from bakeoff.source.reading import Reading

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


def read_files(kind: str, parts: dict[str, Path | io.BytesIO], reading: Reading, findings: Findings) -> RawTable:
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
    whole = cells[0] if len(cells) == 1 else _together(cells)
    if whole.as_text is not None:
        return settle_words(_without_nothing(whole, findings), reading, findings)
    return RawTable(whole.frame)


def _together(cells: Sequence[Cells]) -> Cells:
    """Return the rows of several files as one table."""

    def text_of(numbers: Sequence[int]) -> pd.DataFrame:
        return pd.concat([each.text_of(numbers) for each in cells], ignore_index=True)

    frame = pd.concat([each.frame for each in cells], ignore_index=True)
    return Cells(frame, text_of if all(each.as_text for each in cells) else None, cells[0].decimal)


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


def _without_nothing(cells: Cells, findings: Findings) -> Cells:
    """Return the rows without the last columns, if they have neither a name nor values."""
    frame = cells.frame
    last = frame.shape[1]
    while last and re.fullmatch(r"Unnamed: \d+", str(frame.columns[last - 1])) and frame.iloc[:, last - 1].isna().all():
        last -= 1
    if last == frame.shape[1]:
        return cells
    numbers = ", ".join(str(number) for number in range(last + 1, frame.shape[1] + 1))
    sentence = f"Left out column {numbers}, which has neither a name nor values."
    findings.add(FindingKind.LEFT_OUT, sentence, columns=list(frame.columns[last:]))
    return cells._replace(frame=frame.iloc[:, :last])


def in_order(frame: pd.DataFrame, config: RunConfig) -> pd.DataFrame:
    """Return the rows sorted by the config's ``order_by``, or in their own order if it names no columns."""
    if not config.order_by:
        return frame
    return frame.sort_values(list(config.order_by), kind="stable", na_position="first", ignore_index=True)
