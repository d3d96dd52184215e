"""Building blocks of a report: sections of paragraphs, tables, charts and code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bakeoff.report.drawing import Chart


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: the text.
        bar: length of the bar below the text, as a share of the cell's width from 0 to 1; ``None`` for no bar.
        kind: ``best``, ``tied`` or ``bad``, which colours the bar, or the text if there is no bar.
        below: a second, smaller line of text.
    """

    text: str
    bar: float | None = None
    kind: str = ""
    below: str = ""


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        titles: title of each column; one that begins with ``>`` marks a column of numbers.
        rows: cells of each row, in the order of the titles.
        caption: text above the table.
    """

    titles: Sequence[str]
    rows: Sequence[Sequence[Cell | str]]
    caption: str = ""

    @property
    def heads(self) -> list[tuple[str, bool]]:
        """Title of each column, and whether the column holds numbers."""
        return [(title.removeprefix(">"), title.startswith(">")) for title in self.titles]

    @property
    def cells(self) -> list[list[Cell]]:
        """Rows with every cell as a `Cell`."""
        return [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in self.rows]


@dataclass(frozen=True)
class Figure:
    """A chart with a table of the numbers in it."""

    chart: Chart
    table: Table
    note: str = ""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of text."""

    text: str


@dataclass(frozen=True)
class Code:
    """Code or other text to copy.

    Attributes:
        code: the text.
        title: heading above it.
        closed: whether it is folded, so that only the title shows.
    """

    code: str
    title: str = ""
    closed: bool = False


@dataclass(frozen=True)
class Numbers:
    """A row of a few numbers, each with its name."""

    numbers: Sequence[tuple[str, str]]


Part = Table | Figure | Paragraph | Code | Numbers


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        id: anchor of the section in links.
        title: its heading.
        parts: its content.
    """

    id: str
    title: str
    parts: Sequence[Part] = field(default_factory=tuple)


def kind_of(part: Any) -> str:
    """Return the name of a part's kind, by which the template chooses how to show it.

    Example:
        >>> kind_of(Paragraph("a"))
        'paragraph'
    """
    return type(part).__name__.lower()


def number(value: float | None) -> str:
    """Format a number with four decimals, fewer if it is large; a missing one is a dash, and nearly 0 has no sign.

    Example:
        >>> number(0.123456), number(4149.31), number(2.5e7), number(None), number(-1e-9)
        ('0.1235', '4,149.3', '2.5e+07', '-', '0.0000')
    """
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return "-"
    size = abs(value)
    if size >= 1e6:  # noqa: PLR2004
        return f"{value:.4g}"
    return f"{value:,.1f}" if size >= 1000 else f"{round(value, 4) + 0.0:.4f}"  # noqa: PLR2004


def p_text(value: float) -> str:
    """Format a p-value.

    Example:
        >>> p_text(0.0004), p_text(0.04)
        ('< 0.001', '0.040')
    """
    return "< 0.001" if value < 0.001 else f"{value:.3f}"  # noqa: PLR2004
