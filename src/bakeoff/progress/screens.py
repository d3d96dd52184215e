"""Where a running comparison can be seen: a notebook, a terminal, a log, or nowhere.

What is seen while a run goes on is written to stderr (a notebook has no other place than its cell): who pipes stdout to
a file gets the final ranking there, and nothing else. The streams are those of the moment in which a screen is made:
while a trial runs in this process, what is printed goes nowhere.
"""

from __future__ import annotations

import html
import logging
import math
import os
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Protocol

import pandas as pd
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bakeoff._utils.text import one_line
from bakeoff.comparison.events import BatchDone, PlanMade, RunDone, TrialDone

_LOG = logging.getLogger(__name__)

BUSY_SHARE = 0.1
"""At most so much of the time is spent on drawing, however large the table is."""
MAX_PAUSE = 5.0
"""But after so many seconds it is drawn again, even if a terminal was held up for a minute."""
BAR_NEEDS, BAR_WIDTH = 100, 16
"""A terminal of so many columns has room for a bar of so many."""
PATIENCE = 2.0
"""So many seconds are waited for a screen that hangs when a run ends."""


@dataclass(frozen=True)
class Snapshot:
    """How a run stands.

    Attributes:
        done: how many steps of the bar.
        line: the same for a person to read.
        table: the leaderboard so far, where it is to be shown and has rows.
        more: how many rows the table is short of.
        decimals: of the numbers in it.
    """

    done: int = 0
    line: str = ""
    table: pd.DataFrame | None = None
    more: int = 0
    decimals: int = 4


class Drawable(Protocol):
    """What is drawn: asked only when there is something to draw."""

    def line(self) -> str:
        """How the run stands, on one line."""

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""

    def view(self) -> Snapshot:
        """The same with all that a notebook shows."""


class Screen:
    """Something to draw on, by one thread only; this one shows nothing.

    Attributes:
        tells: the events of which it wants lines that stay.
        interval: seconds between two drawings, at least.
        tick: seconds after which it is drawn again although nothing but the time has changed.
    """

    tells: tuple[type, ...] = ()
    interval = 0.25
    tick = math.inf

    def open(self) -> None:
        """Get ready."""

    def say(self, lines: str) -> None:
        """Show a line or more, which stay."""

    def draw(self, run: Drawable) -> None:
        """Show how the run stands, in place of what was drawn before."""

    def close(self) -> None:
        """Take away what should not stay."""


class Log(Screen):
    """Lines only: for files, pipes, and the output of a job."""

    tells = (PlanMade, TrialDone, BatchDone, RunDone)

    def __init__(self) -> None:
        self._stream = sys.stderr

    def say(self, lines: str) -> None:
        """Print at once: whoever follows a log wants it now."""
        print(lines, file=self._stream, flush=True)


class Terminal(Screen):
    """One line that is drawn again in place, and lines above it that stay.

    Args:
        live: also say which models are finished.
    """

    tick = 1.0

    def __init__(self, *, live: bool) -> None:
        self.tells = (TrialDone, BatchDone) if live else (TrialDone,)
        self._console = Console(file=sys.stderr, highlight=False, force_jupyter=False)
        self._live: Live | None = None

    def open(self) -> None:
        """Start the line."""
        # Rich could put what others print above the line. It would take sys.stderr for that, and so does a trial while
        # it runs in this process: who gives it back last decides what is left behind.
        self._live = Live(
            console=self._console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._live.start()

    def say(self, lines: str) -> None:
        """Print above the line that is drawn again."""
        self._console.print(Text(lines))

    def draw(self, run: Drawable) -> None:
        """Draw the line, cut to the width that the terminal has now."""
        if self._live is not None:
            line = Text(run.line(), no_wrap=True, overflow="ellipsis")
            room = self._console.width
            if room < BAR_NEEDS:
                self._live.update(line, refresh=True)
                return
            grid = Table.grid(padding=(0, 1))
            grid.add_column(width=BAR_WIDTH)
            grid.add_column(width=room - BAR_WIDTH - 1, no_wrap=True, overflow="ellipsis")
            grid.add_row(ProgressBar(total=1.0, completed=run.share, width=BAR_WIDTH), line)
            self._live.update(grid, refresh=True)

    def close(self) -> None:
        """Wipe the line away."""
        if self._live is not None:
            self._live.stop()
            self._live = None


class Notebook(Screen):
    """A bar, a line, and the leaderboard as it grows, in the place where the final ranking will stand.

    Args:
        display: PyCaret's, for a notebook.
    """

    tells = (TrialDone,)
    interval, tick = 0.5, 5.0

    def __init__(self, display: Any) -> None:
        self._display = display
        self._stream = sys.stdout
        self._done = 0

    def say(self, lines: str) -> None:
        """Print into the cell, where it can still be read when the ranking stands above it."""
        print(lines, file=self._stream, flush=True)

    def draw(self, run: Drawable) -> None:
        """Move the bar and replace line and table."""
        view = run.view()
        if view.done > self._done:
            self._display.move_progress(view.done - self._done)
            self._done = view.done
        self._display.display(Picture(view), final_display=False)

    def close(self) -> None:
        """Take the bar away."""
        self._display.close()


class Picture:
    """How a run stands, for a notebook: as HTML, and as text where the notebook can only replace text."""

    def __init__(self, view: Snapshot) -> None:
        self._view = view
        self._more = f"... and {view.more} more" if view.more else ""

    def __repr__(self) -> str:
        view = self._view
        as_text = f"{{:.{view.decimals}f}}".format
        table = "" if view.table is None else view.table.to_string(na_rep="", float_format=as_text)
        return "\n".join(part for part in (view.line, table, self._more) if part)

    def _repr_html_(self) -> str:
        table = "" if self._view.table is None else _to_html(self._view.table, self._view.decimals)
        return f"<div>{html.escape(self._view.line)}</div>{table}<div>{html.escape(self._more)}</div>"


@dataclass
class Painter:
    """Draws on a screen, on a thread of its own: whoever has something to show never waits for it.

    Attributes:
        run: what is drawn.
    """

    screen: Screen
    run: Drawable
    _problems: list[str] = field(default_factory=list)
    _lines: deque[str] = field(default_factory=deque)
    _changed: bool = True
    _drawn_at: float = 0.0
    _closing: threading.Event = field(default_factory=threading.Event)
    _given_up: bool = False

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._serve, name="bakeoff-screen", daemon=True)
        self._thread.start()

    def tell(self, line: str | None = None) -> None:
        """Something is new: draw soon, and show the line, which stays."""
        if line is not None:
            self._lines.append(line)
        self._changed = True

    def close(self) -> list[str]:
        """Draw for the last time and clear the screen, without waiting long for one that hangs.

        Returns:
            One line for each thing that went wrong.
        """
        self._closing.set()
        self._thread.join(PATIENCE)
        self._given_up = self._thread.is_alive()
        return [*self._problems, "The display has not caught up."] if self._given_up else self._problems

    def _serve(self) -> None:
        try:
            try:
                self._show()
            finally:
                self.screen.close()
        except Exception as error:  # noqa: BLE001 - a screen may fail in any way, and never the run
            _LOG.warning("The display stopped: %s", error, exc_info=True)
            self._problems.append(f"display: {type(error).__name__}: {error}")

    def _show(self) -> None:
        self.screen.open()
        pause = self._draw()
        while not self._closing.wait(pause):
            pause = self._draw()
        self._draw()

    def _draw(self) -> float:
        """Draw what is new, and say how long to wait until the next time."""
        started = time.monotonic()
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if lines and not self._given_up:
            self.screen.say("\n".join(lines))
        if not self._given_up and (self._changed or started - self._drawn_at >= self.screen.tick):
            self._changed = False  # before it is drawn: what changes meanwhile is drawn the next time
            self.screen.draw(self.run)
            self._drawn_at = started
        return max(self.screen.interval, min((time.monotonic() - started) / BUSY_SHARE, MAX_PAUSE))


def stderr_screen(*, live: bool) -> Screen:
    """A line that is drawn again where stderr is a terminal, else lines only."""
    return Terminal(live=live) if _is_terminal(sys.stderr) else Log()


def screen_for(display: Any, *, live: bool) -> Screen:
    """The screen that this process has.

    Args:
        display: PyCaret's, which knows whether this is a notebook.
        live: a terminal is to say which models are finished.
    """
    if display.can_update_text:
        return Notebook(display)
    return stderr_screen(live=live)


def _is_terminal(stream: Any) -> bool:
    """Whether a line can be drawn again there. Rich alone would take a file for one where FORCE_COLOR is set."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def _to_html(table: pd.DataFrame, decimals: int) -> str:
    """The table as PyCaret styles it, with all text escaped."""
    style = table.style.format(escape="html", na_rep="", precision=decimals)
    style = style.format_index(escape="html", axis=0).format_index(escape="html", axis=1)
    return str(style.set_table_styles([{"selector": "th, td", "props": [("text-align", "left")]}]).to_html())


def short(text: object, width: int = 40) -> str:
    """A text on one line of at most so many characters.

    Example:
        >>> short("a name that is long", 10)
        'a name ...'
    """
    line = one_line(text)
    return line if len(line) <= width else line[: width - 3] + "..."
