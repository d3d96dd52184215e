"""Read text files with separated columns, such as csv, with pandas."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import pandas as pd

from bakeoff._utils.text import first_line
from bakeoff.errors import ConfigError, SourceError
from bakeoff.source.decoding import encoding_of, head_of, unpacked
from bakeoff.source.dialect import SPACES, Dialect
from bakeoff.source.findings import FindingKind, Findings
from bakeoff.source.formats import refuse_duplicates
from bakeoff.source.gap_words import Cells
from bakeoff.source.reading import Reading
from bakeoff.source.sniffing import dialect_of

_SPARE = "__bakeoff_nothing"
"""Name of the column behind the last separator of each row."""
_TOO_MANY = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")


def read_csv(file: Path | io.BytesIO, name: str, reading: Reading, findings: Findings) -> Cells:
    """Read a text file with separated columns, compressed or not, whose names are distinct.

    A plain csv file gives what `pandas.read_csv` gives. For others a finding says what the file was taken for.

    Args:
        file: the file, or its content.
        name: name of the file, which tells the usual separator, and is part of errors.
        reading: what is known about the file.
        findings: gets what the file was taken for.

    Raises:
        ConfigError: An option does not fit the file.
        SourceError: The file is empty or cannot be read, or its header does not fit.
    """
    try:
        return _read(file, name, reading, findings)
    except UnicodeDecodeError as error:
        if reading.encoding is not None:
            raise ConfigError(
                f"--encoding {reading.encoding}: {name} holds characters that are none in it: name another one, or "
                "leave it out to have the encoding told from the file."
            ) from error
        with unpacked(file, name) as stream:  # a character beyond the part that was looked at
            encoding = encoding_of(stream.read(), name)
        return _read(file, name, replace(reading, encoding=encoding), findings)
    except SourceError:  # a ValueError, too
        raise
    except pd.errors.EmptyDataError as error:
        raise SourceError(f"{name} is empty: there is nothing to learn from.") from error
    except (ValueError, OSError, EOFError) as error:  # ParserErrors are ValueErrors
        raise SourceError(_why_not(error, name)) from error


def default_sep(name: str) -> str:
    """Return the separator that a file's name speaks of."""
    return "\t" if ".tsv" in Path(name).name.lower() else ","


def _read(file: Path | io.BytesIO, name: str, reading: Reading, findings: Findings) -> Cells:
    with unpacked(file, name) as stream:
        head, is_whole = head_of(stream)
        encoding = reading.encoding or encoding_of(head, name)
        dialect = dialect_of(_decoded(head, encoding, is_whole=is_whole), encoding, default_sep(name), reading)
        _check_names(dialect, name, reading)
        stream.seek(0)
        frame = _parsed(stream, dialect, default_sep(name), reading)
    if not isinstance(frame.index, pd.RangeIndex):
        raise SourceError(f"The rows of {name} have more values than its header has names: give every column a name.")
    frame = _without_spare(frame, name)
    _say(dialect, name, findings)

    def as_text(numbers: Sequence[int]) -> pd.DataFrame:
        with unpacked(file, name) as stream:
            options = _options(dialect)
            frame: pd.DataFrame = pd.read_csv(
                stream, **options, usecols=list(numbers), dtype=str, keep_default_na=False
            )
        return frame.apply(lambda column: column.str.strip()) if dialect.padded else frame

    if dialect.padded:
        texts = [column for column in frame if frame[column].dtype == object]
        frame = frame.assign(**{str(text): frame[text].str.rstrip() for text in texts})
    return Cells(frame, as_text, dialect.decimal)


def _decoded(head: bytes, encoding: str, *, is_whole: bool) -> str:
    try:
        return head.decode(encoding)
    except UnicodeDecodeError:
        if is_whole:
            raise
        return head.decode(encoding, errors="replace")  # it may end within a character
    except LookupError as error:
        raise ConfigError(
            f"--encoding {encoding} is no encoding that Python knows: name one such as utf-8 or cp1252."
        ) from error


def _check_names(dialect: Dialect, name: str, reading: Reading) -> None:
    if reading.header is not None and reading.header.isdigit() and not dialect.n_columns:
        raise ConfigError(f"--header {reading.header}: there is no such line with names in {name}.")
    if dialect.names is None:
        generated = _generated(dialect)
        if not set(reading.names) <= set(generated):
            why = " (--header no)" if reading.header == "no" else ", as its first row looks like the others"
            raise SourceError(
                f"{name} has no header{why}: its columns are {generated[0]} to {generated[-1]}, so name the target by "
                "its number, or say --header yes if the first row holds names."
            )
        return
    refuse_duplicates([cell.strip() for cell in dialect.names if cell.strip()], name)


def _generated(dialect: Dialect) -> list[str]:
    return [f"column_{number}" for number in range(1, dialect.n_columns + 1)]


def _parsed(stream: IO[bytes], dialect: Dialect, usual_sep: str, reading: Reading) -> pd.DataFrame:
    texts: dict[str, Any] = {
        raw: str for raw in dialect.names or _generated(dialect) if raw.strip() in reading.texts or raw in reading.texts
    }
    if dialect.names is not None and not dialect.differences(usual_sep):
        return pd.read_csv(stream, sep=dialect.sep, low_memory=False, dtype=texts)
    frame: pd.DataFrame = pd.read_csv(stream, **_options(dialect), dtype=texts)
    return frame


def _options(dialect: Dialect) -> dict[str, Any]:
    """Return arguments for `pandas.read_csv`."""
    is_pattern = len(dialect.sep) > 1 and dialect.sep != SPACES
    options: dict[str, Any] = {
        "sep": dialect.pattern,
        "decimal": dialect.decimal,
        "encoding": dialect.encoding,
        "quotechar": dialect.quote,
        "escapechar": dialect.escape,
        "skiprows": dialect.skipped,
        "skipinitialspace": dialect.padded,
        **({"engine": "python"} if is_pattern else {"low_memory": False}),
    }
    if dialect.names is None:
        return {**options, "header": None, "names": _generated(dialect)}
    if dialect.is_ended:
        return {**options, "header": 0, "names": [*dialect.names, _SPARE]}
    return options


def _without_spare(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    if _SPARE not in frame:
        return frame
    if frame[_SPARE].notna().any():
        raise SourceError(f"The rows of {name} have more values than its header has names: give every column a name.")
    return frame.drop(columns=_SPARE)


def _say(dialect: Dialect, name: str, findings: Findings) -> None:
    short = Path(name).name
    if differences := dialect.differences(default_sep(name)):
        findings.add(FindingKind.READ_AS, f"Read {short} {differences}.")
    if dialect.names is None:
        generated = _generated(dialect)
        findings.add(
            FindingKind.READ_AS,
            f"{short} has no header: its columns are called {generated[0]} to {generated[-1]} (--header yes if its "
            "first row holds names).",
        )


def _why_not(error: Exception, name: str) -> str:
    said = first_line(error)
    if ragged := _TOO_MANY.search(said):
        expected, line, seen = ragged.groups()
        return (
            f"{name} cannot be read as csv: line {line} has {seen} values where the rows above have {expected}; mend "
            "that line, or name the separator with --sep."
        )
    return f"{name} cannot be read as csv ({said})."
