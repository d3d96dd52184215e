"""What a report is put together from: sections of sentences, tables, charts and code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bakeoff.report.charts import Chart


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        bar: the share of the cell's width that a bar below the text takes, from 0 to 1.
        kind: ``best``, ``tied`` or ``bad``, which gives the bar its colour.
        below: a second, smaller line.
    """

    text: str
    bar: float | None = None
    kind: str = ""
    below: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells below their titles; titles that begin with ``>`` stand over numbers."""

    titles: Sequence[str]
    rows: Sequence[Sequence[Cell | str]]
    caption: str = ""

    @property
    def heads(self) -> list[tuple[str, bool]]:
        """Each title, and whether numbers are below it."""
        return [(title.removeprefix(">"), title.startswith(">")) for title in self.titles]

    @property
    def cells(self) -> list[list[Cell]]:
        """Each cell as a `Cell`."""
        return [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in self.rows]


@dataclass(frozen=True)
class Figure:
    """A chart and the numbers that it was drawn from."""

    chart: Chart
    table: Table
    note: str = ""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Code:
    """Something to copy."""

    code: str
    title: str = ""
    closed: bool = False


@dataclass(frozen=True)
class Numbers:
    """A few numbers with their names, side by side."""

    numbers: Sequence[tuple[str, str]]


Part = Table | Figure | Paragraph | Code | Numbers


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading; ``id`` is its name in links."""

    id: str
    title: str
    parts: Sequence[Part] = field(default_factory=tuple)


def kind_of(part: Any) -> str:
    """What the template asks to choose how a part is shown.

    Example:
        >>> kind_of(Paragraph("a"))
        'paragraph'
    """
    return type(part).__name__.lower()


def number(value: float | None) -> str:
    """Four decimals, fewer where a number is large, and a dash where there is none.

    Example:
        >>> number(0.123456), number(4149.31), number(2.5e7), number(None)
        ('0.1235', '4,149.3', '2.5e+07', '-')
    """
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return "-"
    size = abs(value)
    if size >= 1e6:  # noqa: PLR2004
        return f"{value:.4g}"
    return f"{value:,.1f}" if size >= 1000 else f"{value:.4f}"  # noqa: PLR2004


def p_text(value: float) -> str:
    """A p-value as it is printed.

    Example:
        >>> p_text(0.0004), p_text(0.04)
        ('< 0.001', '0.040')
    """
    return "< 0.001" if value < 0.001 else f"{value:.3f}"  # noqa: PLR2004
