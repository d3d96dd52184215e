"""Tell where the rows of a text file begin, with which names, and how its numbers are written."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace

from bakeoff.source.dialect import (
    MOST,
    Dialect,
    is_comma_number,
    is_fraction,
    is_number,
    is_plain_number,
    rows_of,
    start_of,
)
from bakeoff.source.reading import Reading

_GROUPED = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?")


def laid_out(text: str, dialect: Dialect, reading: Reading) -> Dialect:
    """Complete a dialect: where the rows begin, with which names, and how numbers are written."""
    rows = rows_of(text, dialect)
    if reading.header is not None and reading.header.isdigit():
        line = int(reading.header)
        start = next((number for number, row in enumerate(rows) if row.above >= line - 1), len(rows))
    else:
        start = start_of(rows)
    rows = rows[start:]
    if not rows:
        return dialect
    dialect = replace(dialect, skipped=rows[0].above if start else 0)
    header, body = rows[0].cells, [row.cells for row in rows[1:]]
    width = max([len(header), *(len(cells) for cells in body)]) if body else len(header)
    if len(dialect.sep) == 1 and not dialect.sep.isspace() and _is_padded(header, body):
        dialect = replace(dialect, padded=True)
        header, body = [cell.strip() for cell in header], [[cell.strip() for cell in cells] for cells in body]
    is_ended = len(header) == width - 1 and bool(body) and all(cells[-1] == "" for cells in body if len(cells) == width)
    dialect = replace(dialect, is_ended=is_ended and all(len(cells) == width for cells in body))
    has_names = _has_names(header, body, reading)
    if not has_names:
        body = [header, *body]
    dialect = replace(dialect, names=tuple(header) if has_names else None, n_columns=len(header))
    if reading.decimal is not None:
        return replace(dialect, decimal=reading.decimal)
    return replace(dialect, decimal="," if _has_decimal_commas(body, dialect.sep) else ".")


def _is_padded(header: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether nearly all cells after the first one of a row begin with a blank, the names too."""
    named = [cell for cell in header[1:] if cell]
    cells = [cell for row in body for cell in row[1:] if cell]
    if not named or not cells or not all(cell.startswith(" ") for cell in named):
        return False
    return sum(cell.startswith(" ") for cell in cells) >= MOST * len(cells)


def _has_names(header: Sequence[str], body: Sequence[Sequence[str]], reading: Reading) -> bool:
    """Whether the first row holds names, as it does unless it evidently is a row like the others."""
    if reading.header is not None:
        return reading.header != "no"
    header = [cell.strip() for cell in header]
    if not body or set(reading.names) & set(header):
        return True
    columns = [[row[n].strip() for row in body if n < len(row) and row[n].strip()] for n in range(len(header))]
    return not _is_like(header, columns)


def _is_like(row: Sequence[str], columns: Sequence[Sequence[str]]) -> bool:
    """Whether a row is like those below it.

    It is if it has numbers where they have numbers, words that come again where words come again, and besides that a
    fraction, a number twice, or a word that stands below.
    """
    if not all(_fits(cell, column) for cell, column in zip(row, columns, strict=True)):
        return False
    numbers = [cell for cell in row if is_number(cell)]
    words_again = [cell for cell, column in zip(row, columns, strict=True) if not is_number(cell) and cell in column]
    if not numbers:
        return False
    if words_again or len(set(numbers)) < len(numbers) or any(is_fraction(cell) for cell in numbers):
        return True
    steps = {float(after) - float(before) for before, after in itertools.pairwise(numbers)}
    return len(numbers) > 1 and steps != {1.0}  # else they are years, or the numbers of columns


def _fits(cell: str, column: Sequence[str]) -> bool:
    is_numeric = bool(column) and all(map(is_number, column))
    if is_number(cell) or is_numeric:
        return is_numeric and (is_number(cell) or not cell)
    return cell in column or not cell or len(set(column)) == len(column)


def _has_decimal_commas(body: Sequence[Sequence[str]], sep: str) -> bool:
    """Whether the numbers of a file have decimal commas.

    They have if a column holds nothing but numbers, some with a comma, and no column holds fractions with a point.
    Where each comma could set thousands apart as well, the separator decides: semicolons go with decimal commas.
    """
    width = max(map(len, body), default=0)
    found = False
    for n in range(width):
        cells = [row[n].strip() for row in body if n < len(row) and row[n].strip()]
        with_comma = [cell for cell in cells if is_comma_number(cell)]
        plain = [cell for cell in cells if is_plain_number(cell)]
        if not plain and not with_comma:
            continue
        numeric = len(with_comma) + len(plain) >= 0.5 * len(cells)  # the rest may be words for gaps
        if sep == "," and with_comma and len(with_comma) + len(plain) < len(cells):
            continue
        if numeric and any(is_fraction(cell) and not re.fullmatch(r"[-+]?\d{1,3}\.\d{3}", cell) for cell in plain):
            return False
        if numeric and with_comma:
            found |= sep == ";" or not all(_GROUPED.fullmatch(cell) for cell in with_comma)
    return found
