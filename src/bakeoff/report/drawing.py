"""Drawing of charts with matplotlib: as SVG in the page's colours, and as PNG.

A chart is a function that draws on axes and does not know about files. It is drawn for a given width, so that its text
has the same size on a phone and on a desktop.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

WIDE, NARROW, PICTURE = 9.0, 4.4, 7.0
"""Widths in inches: of a column of text on a desktop, of a phone, and of a chart that stands for itself."""
NARROW_BELOW = 6.0
"""Width in inches below which labels are short and ticks few."""
INK, MUTED, GRID, PAPER = "#1b1f24", "#59636e", "#d1d9e0", "#ffffff"
BEST, TIED, OTHER, BAD = "#0b62c4", "#6cabf0", "#a8b3be", "#c4320a"
SECOND, THIRD = "#b35900", "#1a7f5a"
_VARIABLES = {
    INK: "ink", MUTED: "muted", GRID: "grid", PAPER: "paper", BEST: "best", TIED: "tied", OTHER: "other", BAD: "bad",
    SECOND: "second", THIRD: "third",
}  # fmt: skip
"""Name of the page's CSS variable for each colour."""


@dataclass(frozen=True)
class Chart:
    """A chart that can be drawn at any width.

    Attributes:
        name: name of its files, without a suffix.
        title: title, in one line.
        alt: text alternative for readers who cannot see it.
        draw: function that draws it on axes, given their width in inches.
        height: height in inches.
        square: whether it is narrower than the page, because both axes have the same scale.
        is_placed: whether it places its labels for the exact width.
    """

    name: str
    title: str
    alt: str
    draw: Callable[[Any, float], None]
    height: float = 3.4
    square: bool = False
    is_placed: bool = False


@dataclass(frozen=True)
class Drawing:
    """A chart that was drawn.

    Attributes:
        wide: SVG for a desktop, for a page that defines its colours as CSS variables.
        narrow: SVG for a phone.
        png: PNG with the title, legible at a small size.
    """

    wide: str
    narrow: str
    png: bytes


def draw(chart: Chart) -> Drawing:
    """Draw a chart in all its forms; what takes long, the figure, is made once for each width and kind."""
    with _rc_context():
        figure = _figure(chart, WIDE)
        wide = _svg(figure)
        narrow = wide if _width(chart, NARROW) == _width(chart, WIDE) else _svg(_figure(chart, NARROW))
        if chart.is_placed:
            figure = _figure(chart, PICTURE)
        return Drawing(
            _in_page(wide, f"{chart.name}-wide-"), _in_page(narrow, f"{chart.name}-narrow-"), _png(chart, figure)
        )


def _svg(figure: Any) -> str:
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    for colour, name in _VARIABLES.items():
        text = text.replace(colour, f"var(--{name})")
    return text


def _in_page(text: str, prefix: str) -> str:
    """Return an SVG whose ids are unique in a page with many drawings, not only within itself."""
    text = re.sub(r'\bid="', f'id="{prefix}', text)
    text = text.replace('href="#', f'href="#{prefix}').replace("url(#", f"url(#{prefix}")
    return text.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)


def _png(chart: Chart, figure: Any) -> bytes:
    """Draw a figure once more as PNG, with the title of its chart."""
    figure.set_size_inches(_width(chart, PICTURE), chart.height)
    figure.suptitle(chart.title, color=INK, fontsize=13, fontweight="bold")
    _lay_out(figure)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=150, facecolor=PAPER)
    return stream.getvalue()


def _rc_context() -> Any:
    import matplotlib as mpl

    settings = {
        "svg.fonttype": "none",
        "svg.hashsalt": "bakeoff",
        "font.family": "DejaVu Sans",
        "text.parse_math": False,
    }
    return mpl.rc_context(settings)


def _width(chart: Chart, width: float) -> float:
    return min(width, chart.height * 1.3) if chart.square else width


def _figure(chart: Chart, width: float) -> Any:
    from matplotlib.figure import Figure

    width = _width(chart, width)
    figure = Figure(figsize=(width, chart.height))
    axes = figure.add_subplot()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GRID)
    axes.tick_params(which="both", colors=MUTED, labelsize=9, length=0)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.xaxis.label.set_color(MUTED)
    axes.yaxis.label.set_color(MUTED)
    chart.draw(axes, width)
    _lay_out(figure)
    return figure


def _lay_out(figure: Any) -> None:
    """Compute the layout once: with an engine, even "none", matplotlib would draw everything twice to do so."""
    figure.set_layout_engine("constrained")
    figure.get_layout_engine().execute(figure)
    figure.set_layout_engine(None)


def truncate(text: str, width: int) -> str:
    """Truncate a text to a number of characters.

    Example:
        >>> truncate("Logistic Regression", 9)
        'Logistic…'
    """
    return text if len(text) <= width else f"{text[: width - 1]}…"


def limit_ticks(axis: Any, width: float) -> None:
    """Limit the ticks of an axis to the number that fits the width."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(8 if width > NARROW_BELOW else 4, steps=[1, 2, 2.5, 5, 10]))


def add_legend(axes: Any, entries: Sequence[tuple[str, str]], width: float) -> None:
    """Add a legend above the axes.

    Args:
        axes: axes of the chart.
        entries: label and colour of each entry.
        width: width of the chart in inches.
    """
    from matplotlib.patches import Patch

    handles = [Patch(color=colour, label=label) for label, colour in entries]
    axes.legend(
        handles=handles, loc="lower right", bbox_to_anchor=(1, 1), frameon=False, fontsize=9, labelcolor=INK,
        ncols=len(entries) if width > NARROW_BELOW else 2, borderpad=0, handlelength=1,
    )  # fmt: skip
