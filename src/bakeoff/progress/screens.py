"""Draw a running comparison in a notebook, a terminal or a log.

Progress is written to stderr (in a notebook, to the cell), so that stdout, piped to a file, holds the final ranking
only. A screen keeps the streams of the moment in which it is made, since output is discarded while a trial runs in this
process.
"""

from __future__ import annotations

import html
import math
import os
import sys
from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bakeoff._utils.text import one_line
from bakeoff.comparison.events import BatchDone, PlanGrown, PlanMade, RunDone, RungDone, TrialDone

BAR_NEEDS, BAR_WIDTH = 100, 16
"""Width of a terminal from which a bar is shown, and the width of the bar, in columns."""


@dataclass(frozen=True)
class Snapshot:
    """State of a run at one moment.

    Attributes:
        done: number of finished steps of the bar.
        line: the state as one line of text.
        table: the leaderboard so far, if it is to be shown and has rows.
        more: number of rows that the table leaves out.
        decimals: number of decimals in the table.
    """

    done: int = 0
    line: str = ""
    table: pd.DataFrame | None = None
    more: int = 0
    decimals: int = 4


class Drawable(Protocol):
    """State of a run that can be drawn; its methods are called only when there is something to draw."""

    def line(self) -> str:
        """Return the state as one line of text."""

    @property
    def share(self) -> float:
        """Share of the run that is done, from 0 to 1."""

    def snapshot(self) -> Snapshot:
        """Return the state with everything that a notebook shows."""


class Screen:
    """Base class of screens, used by one thread only; it shows nothing.

    Attributes:
        line_events: types of the events whose lines are printed and stay.
        interval: seconds between two drawings, at least.
        tick: seconds after which it is drawn again although only the time has changed.
    """

    line_events: tuple[type, ...] = ()
    interval = 0.25
    tick = math.inf

    def open(self) -> None:
        """Prepare the screen for drawing."""

    def print_lines(self, lines: str) -> None:
        """Print one or more lines, which stay."""

    def draw(self, run: Drawable) -> None:
        """Draw the state of the run, in place of the last drawing."""

    def close(self) -> None:
        """Clear what is not to stay."""


class Log(Screen):
    """Screen of lines only, for files, pipes, and the output of a job."""

    line_events = (PlanMade, PlanGrown, TrialDone, RungDone, BatchDone, RunDone)

    def __init__(self) -> None:
        self._stream = sys.stderr

    def print_lines(self, lines: str) -> None:
        """Print one or more lines, and flush them for readers who follow the log."""
        print(lines, file=self._stream, flush=True)


class Terminal(Screen):
    """Screen of one line that is drawn in place, and of lines above it that stay.

    Args:
        live: whether finished models get a line, too.
    """

    tick = 1.0

    def __init__(self, *, live: bool) -> None:
        self.line_events = (PlanGrown, TrialDone, RungDone, BatchDone) if live else (PlanGrown, TrialDone, RungDone)
        self._console = Console(file=sys.stderr, highlight=False, force_jupyter=False)
        self._live: Live | None = None

    def open(self) -> None:
        """Start the line that is drawn in place."""
        # Rich could print the output of others above the line, but it would replace sys.stderr for that. So does a
        # trial that runs in this process, and the last of the two to restore it would decide what is left behind.
        self._live = Live(
            console=self._console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._live.start()

    def print_lines(self, lines: str) -> None:
        """Print lines above the one that is drawn in place."""
        self._console.print(Text(lines))

    def draw(self, run: Drawable) -> None:
        """Draw the line, truncated to the current width of the terminal."""
        if self._live is not None:
            line = Text(run.line(), no_wrap=True, overflow="ellipsis")
            width = self._console.width
            if width < BAR_NEEDS:
                self._live.update(line, refresh=True)
                return
            grid = Table.grid(padding=(0, 1))
            grid.add_column(width=BAR_WIDTH)
            grid.add_column(width=width - BAR_WIDTH - 1, no_wrap=True, overflow="ellipsis")
            grid.add_row(ProgressBar(total=1.0, completed=run.share, width=BAR_WIDTH), line)
            self._live.update(grid, refresh=True)

    def close(self) -> None:
        """Clear the line."""
        if self._live is not None:
            self._live.stop()
            self._live = None


class Notebook(Screen):
    """Screen of a bar, a line and the growing leaderboard, which the final ranking replaces.

    Args:
        display: PyCaret's display for a notebook.
    """

    line_events = (PlanGrown, TrialDone, RungDone)
    interval, tick = 0.5, 5.0

    def __init__(self, display: Any) -> None:
        self._display = display
        self._stream = sys.stdout
        self._done = 0

    def print_lines(self, lines: str) -> None:
        """Print lines into the cell, where they stay below the final ranking."""
        print(lines, file=self._stream, flush=True)

    def draw(self, run: Drawable) -> None:
        """Advance the bar, and replace the line and the table."""
        snapshot = run.snapshot()
        if snapshot.done > self._done:
            self._display.move_progress(snapshot.done - self._done)
            self._done = snapshot.done
        self._display.display(Picture(snapshot), final_display=False)

    def close(self) -> None:
        """Remove the bar."""
        self._display.close()


class Picture:
    """Snapshot of a run for a notebook: as HTML, and as text for notebooks that can only replace text."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._more = f"... and {snapshot.more} more" if snapshot.more else ""

    def __repr__(self) -> str:
        snapshot = self._snapshot
        as_text = f"{{:.{snapshot.decimals}f}}".format
        table = "" if snapshot.table is None else snapshot.table.to_string(na_rep="", float_format=as_text)
        return "\n".join(part for part in (snapshot.line, table, self._more) if part)

    def _repr_html_(self) -> str:
        snapshot = self._snapshot
        table = "" if snapshot.table is None else _to_html(snapshot.table, snapshot.decimals)
        return f"<div>{html.escape(snapshot.line)}</div>{table}<div>{html.escape(self._more)}</div>"


def stderr_screen(*, live: bool) -> Screen:
    """Return a screen for stderr: a line that is drawn in place if it is a terminal, otherwise lines only."""
    return Terminal(live=live) if _is_terminal(sys.stderr) else Log()


def screen_for(display: Any, *, live: bool) -> Screen:
    """Return the screen for this process: a notebook's, or that of stderr.

    Args:
        display: PyCaret's display, which knows whether this is a notebook.
        live: whether finished models get a line in a terminal.
    """
    if display.can_update_text:
        return Notebook(display)
    return stderr_screen(live=live)


def _is_terminal(stream: Any) -> bool:
    """Whether lines can be drawn in place on a stream. Rich would take a file for a terminal if FORCE_COLOR is set."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def _to_html(table: pd.DataFrame, decimals: int) -> str:
    """Return a table as HTML in PyCaret's style, with all text escaped."""
    style = table.style.format(escape="html", na_rep="", precision=decimals)
    style = style.format_index(escape="html", axis=0).format_index(escape="html", axis=1)
    return str(style.set_table_styles([{"selector": "th, td", "props": [("text-align", "left")]}]).to_html())


def short(text: object, width: int = 40) -> str:
    """Return a text on one line, truncated to a number of characters.

    Example:
        >>> short("a name that is long", 10)
        'a name ...'
    """
    line = one_line(text)
    return line if len(line) <= width else line[: width - 3] + "..."
