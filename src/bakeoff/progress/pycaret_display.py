"""What a comparison shows while it runs and when it ends, on PyCaret's own display classes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

import pandas as pd

from bakeoff.comparison.events import Event, PlanMade
from bakeoff.comparison.plan import Plan
from bakeoff.progress.screens import Drawable, Painter, Screen, screen_for
from bakeoff.progress.state import ProgressState
from bakeoff.pycaret3.pycaret_api import CommonDisplay, detect_backend

_LOG = logging.getLogger(__name__)


class _DisplayUtil:
    """What a comparison shows, on PyCaret's own display classes.

    What goes wrong here is noted and logged, and never changes a result.

    Args:
        display: a display to use; a new one is made where it is ``None``.
        progress: how many steps the bar of a notebook has; negative for no bar.
        verbose: show nothing where it is false.
        sort: the column that the table is sorted by.
        asc: whether small values come first.
        html: what ``setup(html=...)`` was given; ``False`` is PyCaret's way to ask for the final ranking only.
        live: show the leaderboard while it grows, as far as the screen can.

    Attributes:
        problems: one line for each thing that went wrong.
    """

    def __init__(  # noqa: PLR0913 - the first five are PyCaret's, the rest is keyword-only
        self,
        display: Any,
        progress: int,
        verbose: bool,  # noqa: FBT001 - PyCaret's signature
        sort: str,
        asc: bool,  # noqa: FBT001 - PyCaret's signature
        *,
        html: bool = True,
        live: bool = False,
    ) -> None:
        self._lock = RLock()
        self._html = html is not False
        if display is None:
            # A terminal and a log have lines of our own in place of PyCaret's bar.
            has_bar = verbose and self._html and detect_backend().can_update_text
            display = self._create_display(progress if has_bar else -1, verbose=verbose, monitor_rows=None)
        self._display = display
        self._screen: Screen | None = screen_for(display, live=live) if verbose and self._html else None
        self._painter: Painter | None = None
        self._sort = sort
        self._asc = asc
        self._df: pd.DataFrame | None = None
        self.problems: list[str] = []

    def update(self, df: pd.DataFrame) -> None:
        """Add finished models to the table and move the bar on by as many steps."""
        with self._lock:
            known = df if self._df is None else pd.concat([self._df, df])
            # A stable sort keeps ties in the order in which they came, so the table does not flicker.
            self._df = known.sort_values(self._sort, ascending=self._asc, kind="stable") if len(known) else known
            self._display.move_progress(df.shape[0])
            if self._display.can_update_text:
                self._display.display(self._df, final_display=False)

    def start(self, run: Drawable) -> None:
        """Show from now on how a run stands."""
        if self._painter is None and self._screen is not None:
            self._painter = Painter(self._screen, run)

    def tell(self, event: Event, line: str | None) -> None:
        """An event has changed how the run stands; ``line`` stays on a screen that has lines for such events."""
        if self._painter is not None:
            self._painter.tell(line if isinstance(event, self._painter.screen.tells) else None)

    def close(self) -> None:
        """Take away what was shown of the running comparison, also where it never began; safe to call twice."""
        if (screen := self._stop()) is not None:
            with self._noting():
                screen.close()

    def finish(self, df: Any = None) -> None:
        """Show the final table: ``df``, or what a function makes of it, or what was added so far."""
        self._stop()
        # As in plain PyCaret: a terminal shows all columns, on several lines where they are too many for one.
        with self._noting(), self._lock, pd.option_context("display.max_columns", 500):
            made = df() if callable(df) else df
            self._display.display(made if made is not None else self._df, final_display=True)

    def _stop(self) -> Screen | None:
        """End the drawing, which closes the screen; returns a screen on which nothing was drawn."""
        painter, screen = self._painter, self._screen
        self._painter = self._screen = None
        if painter is None:
            return screen
        self.problems += painter.close()
        return None

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Hours of work are not lost because a pipe is closed."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - a display may fail in any way, and never the run
            _LOG.warning("The display failed: %s", error, exc_info=True)
            self.problems.append(f"display: {type(error).__name__}: {error}")

    def _create_display(self, progress: int, verbose: bool, monitor_rows: Any) -> CommonDisplay:  # noqa: FBT001 - PyCaret's signature
        return CommonDisplay(
            verbose=verbose,
            html_param=self._html,
            progress_args=None if progress < 0 else {"max": progress},
            monitor_rows=monitor_rows,
        )


class DisplayListener:
    """Feeds a `_DisplayUtil` from the scheduler's events."""

    def __init__(self, display: _DisplayUtil, plan: Plan, *, live: bool = False) -> None:
        self._display = display
        self._standing = ProgressState(plan, live=live)

    def handle(self, event: Event) -> None:
        """Show what an event changes."""
        line = self._standing.hear(event)
        if isinstance(event, PlanMade):
            self._display.start(self._standing)
        self._display.tell(event, line)
