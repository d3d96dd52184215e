"""The dialect of a text file with separated columns, and its first rows as cells."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from bakeoff.source.decoding import PLAIN

SPACES = r"\s+"
"""Separator of files whose columns are set apart by any number of blanks."""
ROWS, _CELLS = 200, 100_000
"""Numbers of rows and of cells by which a file is judged."""
MOST = 0.9
"""Share of the rows that has to agree."""
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_FRACTION = re.compile(r"[-+]?(\d*\.\d+([eE][-+]?\d+)?|\d+(\.\d*)?[eE][-+]?\d+)")
_COMMA_NUMBER = re.compile(r"[-+]?(\d+|\d{1,3}(\.\d{3})+)?,\d+")
_WORDS = {"": ",", ",": "comma", ";": "';'", "\t": "tab", "|": "'|'", SPACES: "blank"}


class Row(NamedTuple):
    """A row of a text file, and the number of lines above it."""

    cells: list[str]
    above: int


@dataclass(frozen=True)
class Dialect:
    """The writing of a text file; by default, that of a plain csv file.

    Attributes:
        sep: separator of the columns; `SPACES` for any number of blanks.
        decimal: decimal mark.
        encoding: encoding of the text.
        quote: character around cells that hold a separator.
        escape: character before a quote inside of such a cell; ``None`` if the quote is doubled.
        skipped: number of lines above the header.
        names: the header, as it stands in the file; ``None`` if there is none.
        n_columns: number of columns of the rows below the header.
        padded: whether blanks around the cells belong to the layout.
        is_ended: whether each row ends with a separator, the header not.
    """

    sep: str = ","
    decimal: str = "."
    encoding: str = PLAIN
    quote: str = '"'
    escape: str | None = None
    skipped: int = 0
    names: tuple[str, ...] | None = ()
    n_columns: int = 0
    padded: bool = False
    is_ended: bool = False

    @property
    def pattern(self) -> str:
        """The separator as pandas takes it: as it is if it is one character, else as a regular expression."""
        return self.sep if len(self.sep) == 1 or self.sep == SPACES else re.escape(self.sep)

    def differences(self, default_sep: str) -> str:
        """Return what is unlike a plain file, as the end of a sentence; empty if nothing is.

        Example:
            >>> Dialect(sep=";", decimal=",", encoding="cp1252", skipped=2).differences(",")
            "as ';'-separated, decimal comma, cp1252, with names in line 3"
        """
        kinds = {
            f"{_WORDS.get(self.sep, repr(self.sep))}-separated": self.sep != default_sep,
            "decimal comma": self.decimal == ",",
            self.encoding: self.encoding not in {PLAIN, "utf-8-sig", "utf8", "ascii"},
        }
        marks = {
            f"{self.quote} around cells": self.quote != '"',
            "quotes after backslashes": self.escape is not None,
            "blanks around the cells": self.padded,
            f"names in line {self.skipped + 1}": self.skipped > 0 and self.names is not None,
            f"rows from line {self.skipped + 1} on": self.skipped > 0 and self.names is None,
            "separators at the ends of the rows": self.is_ended,
        }
        told = [
            f"{word} {', '.join(words for words, applies in parts.items() if applies)}"
            for word, parts in (("as", kinds), ("with", marks))
            if any(parts.values())
        ]
        return ", ".join(told)


def rows_of(text: str, dialect: Dialect) -> list[Row]:
    """Return the first rows of a text as cells, without empty lines."""
    if len(dialect.sep) > 1:
        parts = (Row(re.split(dialect.pattern, line.strip()), n) for n, line in enumerate(text.split("\n")))
        return list(_first(row for row in parts if row.cells != [""]))
    reader = csv.reader(
        io.StringIO(text),
        delimiter=dialect.sep,
        quotechar=dialect.quote,
        escapechar=dialect.escape,
        skipinitialspace=dialect.padded,
    )
    return list(_first(_numbered(reader)))


def _numbered(reader: Any) -> Iterator[Row]:
    """Yield rows as long as they can be read: a cell without an end is left to pandas."""
    csv.field_size_limit(1 << 24)
    above = 0
    try:
        for cells in reader:
            if cells:
                yield Row(cells, above)
            above = reader.line_num
    except csv.Error:
        return


def _first(rows: Iterator[Row]) -> Iterator[Row]:
    n_cells = 0
    for row in itertools.islice(rows, ROWS):
        yield row
        n_cells += len(row.cells)
        if n_cells > _CELLS:
            return


def start_of(rows: Sequence[Row]) -> int:
    """Return the number of rows above the header: comments, and titles that fill few cells of a row."""
    width = _usual_width(rows)
    for number, row in enumerate(rows[:-1]):
        n_filled = sum(cell.strip() != "" for cell in row.cells)
        is_comment = row.cells[0].lstrip().startswith(("#", "%")) and len(row.cells) != width
        is_title = n_filled <= 1 < width or (n_filled * 2 <= width and _may_be_names(rows[number + 1].cells, width))
        if not (is_comment or is_title):
            return number
    return 0


def _may_be_names(cells: Sequence[str], width: int) -> bool:
    return len(cells) == width and not any(is_plain_number(cell) or cell == "" for cell in cells)


def _usual_width(rows: Sequence[Row]) -> int:
    widths = [len(row.cells) for row in rows] or [0]
    return max(set(widths), key=lambda width: (widths.count(width), width))


def is_plain_number(cell: str) -> bool:
    """Whether a cell holds a number with a decimal point, or none."""
    return _NUMBER.fullmatch(cell) is not None


def is_comma_number(cell: str) -> bool:
    """Whether a cell holds a number with a decimal comma, and possibly points between its thousands."""
    return _COMMA_NUMBER.fullmatch(cell) is not None


def is_number(cell: str) -> bool:
    """Whether a cell holds a number of either kind."""
    return is_plain_number(cell) or is_comma_number(cell)


def is_fraction(cell: str) -> bool:
    """Whether a cell holds a number with something behind its decimal mark, or an exponent."""
    return _FRACTION.fullmatch(cell) is not None or is_comma_number(cell)
