"""Tell how a text file is written: its separator, quotes and decimal mark.

A plain csv file, with commas and its names in the first line, is left alone: something else is seen only where the
plain reading is evidently wrong. What separates the columns is then told by CleverCSV, and holds only if it gives a
table.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from bakeoff.source.dialect import MOST, ROWS, SPACES, Dialect, Row, is_number, rows_of, start_of
from bakeoff.source.layout import laid_out
from bakeoff.source.reading import Reading

_OTHER_SEPARATORS = ";\t|"
_MOST_TITLES = 10
"""Number of lines above the names that are looked for another separator."""
_SNIFFED = 6_000
"""Number of characters that CleverCSV looks at, whose time grows with them."""


def dialect_of(text: str, encoding: str, default_sep: str, reading: Reading) -> Dialect:
    """Tell how a text is written.

    Args:
        text: the text, or its beginning.
        encoding: its encoding.
        default_sep: separator that its name speaks of.
        reading: what is known already.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    plain = Dialect(default_sep, encoding=encoding)
    if reading.sep is not None:
        separated = _quoted_like(text, replace(plain, sep=SPACES if reading.sep == " " else reading.sep))
    elif _is_table(text, plain) and not _hides_another(text, plain):
        separated = plain
    else:
        separated = _sniffed(text, plain)
    return laid_out(text, separated, reading)


def _is_table(text: str, dialect: Dialect) -> bool:
    """Whether a text has several columns, and nearly all of its rows as many cells as its header."""
    rows = rows_of(text, dialect)
    titles, rows = rows[: start_of(rows)], rows[start_of(rows) :]
    others = _OTHER_SEPARATORS.replace(dialect.sep, "")
    if not rows or any(other in cell for title in titles for cell in title.cells for other in others):
        return False
    width = len(rows[0].cells)
    same = sum(len(row.cells) == width or row.cells[width:] == [""] for row in rows)
    return width > 1 and same >= (MOST if len(rows) > 5 else 0.5) * len(rows)  # noqa: PLR2004 - few rows say little


def _hides_another(text: str, dialect: Dialect) -> bool:
    """Whether another separator stands in every line as often, and makes numbers of what is none now.

    Such is a file with semicolons whose numbers, and perhaps names and titles, have commas in them.
    """
    lines = [line for line in text.split("\n")[:ROWS] if line]
    for other in _OTHER_SEPARATORS.replace(dialect.sep, ""):
        counts = [line.count(other) for line in lines]
        start = next((number for number, count in enumerate(counts) if count == counts[-1]), 0)
        if counts[-1] and start <= _MOST_TITLES and set(counts[start:]) == {counts[-1]}:
            body = "\n".join(lines[start:])
            now, then = (_share_of_numbers(rows_of(body, replace(dialect, sep=sep))) for sep in (dialect.sep, other))
            if then > now:
                return True
    return False


def _share_of_numbers(rows: Sequence[Row]) -> float:
    cells = [cell.strip() for row in rows[1:] for cell in row.cells]
    return sum(is_number(cell) for cell in cells) / max(len(cells), 1)


def _sniffed(text: str, plain: Dialect) -> Dialect:
    """Return the dialect that CleverCSV takes a text for, if that makes it a table; otherwise the plain one."""
    import clevercsv

    start = _body(text)
    if first := re.match(r"sep=(.)\n", text):  # as Excel writes it for itself
        found = replace(plain, sep=first.group(1))
        return found if _is_table(text, found) else plain
    for sample in (text[start : start + _SNIFFED].rpartition("\n")[0] or text, text[: 2 * _SNIFFED]):
        try:
            told = clevercsv.Sniffer().sniff(sample)
        except (clevercsv.Error, ValueError):
            continue
        if told is not None and told.delimiter:
            sep = SPACES if told.delimiter == " " else told.delimiter
            found = replace(plain, sep=sep, quote=told.quotechar or '"', escape=told.escapechar or None)
            if _is_table(text, found):
                return found
    for sep in _OTHER_SEPARATORS + ",":
        found = replace(plain, sep=sep)
        if sep != plain.sep and _is_table(text, found):
            return found
    return plain


def _body(text: str) -> int:
    """Return where a text begins, if its comments and the empty lines among them are left out."""
    found = re.match(r"(\s*[#%][^\n]*\n|\s*\n)*", text)
    return found.end() if found else 0


def _quoted_like(text: str, dialect: Dialect) -> Dialect:
    """Return a dialect with the quotes that a text has, for a separator that is given."""
    if len(dialect.sep) > 1 or not re.match(r"\s*'[^'\n]*'" + re.escape(dialect.sep), text):
        return dialect
    return replace(dialect, quote="'")
