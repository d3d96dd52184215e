"""How charts are drawn with matplotlib: as SVG in the page's colours, and as PNG.

A chart is a function that draws on axes and does not know about files. It is drawn for a given width, so that its text
has the same size on a phone and on a desktop.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

WIDE, NARROW = 9.0, 4.4
"""Widths in inches: of a column of text on a desktop, and of a phone."""
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
_IDS = count()
"""Numbers that make the ids of each drawing unique in the page."""


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
    """

    name: str
    title: str
    alt: str
    draw: Callable[[Any, float], None]
    height: float = 3.4
    square: bool = False


def svg(chart: Chart, width: float) -> str:
    """Draw a chart as SVG for a page that defines its colours as CSS variables.

    Args:
        chart: the chart.
        width: width in inches.
    """
    stream = io.StringIO()
    with _rc_context():
        _figure(chart, width).savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    for colour, name in _VARIABLES.items():
        text = text.replace(colour, f"var(--{name})")
    # Ids are unique within a drawing only, and a page has many drawings.
    prefix = f"c{next(_IDS)}-"
    text = re.sub(r'\bid="', f'id="{prefix}', text)
    text = text.replace('href="#', f'href="#{prefix}').replace("url(#", f"url(#{prefix}")
    return text.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)


def png(chart: Chart) -> bytes:
    """Draw a chart with its title as PNG, legible at a small size."""
    stream = io.BytesIO()
    width = min(7.0, chart.height * 1.3) if chart.square else 7.0
    with _rc_context():
        figure = _figure(chart, width, chart.title)
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


def _figure(chart: Chart, width: float, title: str = "") -> Any:
    from matplotlib.figure import Figure

    if chart.square:
        width = min(width, chart.height * 1.3)
    figure = Figure(figsize=(width, chart.height), layout="constrained")
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
    if title:
        figure.suptitle(title, color=INK, fontsize=13, fontweight="bold")
    # The layout is computed once, here: matplotlib would draw everything twice to check whether it has changed.
    figure.get_layout_engine().execute(figure)
    figure.set_layout_engine("none")
    return figure


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
