"""Show a comparison while it runs and when it ends, with PyCaret's own display classes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

import pandas as pd

from bakeoff.comparison.events import Event, PlanMade
from bakeoff.comparison.plan import Plan
from bakeoff.progress.painter import Painter
from bakeoff.progress.screens import Drawable, Screen, screen_for
from bakeoff.progress.state import ProgressState
from bakeoff.pycaret3.pycaret_api import CommonDisplay, detect_backend

_LOG = logging.getLogger(__name__)


class _DisplayUtil:
    """Display of a comparison, on PyCaret's own display classes.

    Errors of a display are logged and kept as `problems`; they never change a result.

    Args:
        display: display to use; a new one is made if it is ``None``.
        progress: number of steps of a notebook's progress bar; negative for no bar.
        verbose: whether anything is shown.
        sort: column that the table is sorted by.
        asc: whether the smallest values come first.
        html: the value of ``setup(html=...)``; with ``False`` PyCaret shows the final ranking only.
        live: whether the leaderboard is shown while it grows, if the screen can show one.

    Attributes:
        problems: one line for each error.
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
            # In a terminal and in a log, Bakeoff's own lines replace PyCaret's bar.
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
        """Add finished models to the table and advance the bar by their number."""
        with self._lock:
            rows = df if self._df is None else pd.concat([self._df, df])
            # A stable sort keeps ties in the order of their arrival, so that the table does not flicker.
            self._df = rows.sort_values(self._sort, ascending=self._asc, kind="stable") if len(rows) else rows
            self._display.move_progress(df.shape[0])
            if self._display.can_update_text:
                self._display.display(self._df, final_display=False)

    def start(self, run: Drawable) -> None:
        """Start to draw the progress of a run."""
        if self._painter is None and self._screen is not None:
            self._painter = Painter(self._screen, run)

    def notify(self, event: Event, line: str | None) -> None:
        """Draw the run again after an event, and print its line on a screen that has lines for such events."""
        if self._painter is not None:
            self._painter.notify(event, line)

    def close(self) -> None:
        """Clear the display of the running comparison, also if it never began; safe to call twice."""
        if (screen := self._stop()) is not None:
            with self._catch_errors():
                screen.close()

    def finish(self, df: Any = None) -> None:
        """Show the final table.

        Args:
            df: the table, or a function that returns it; by default the rows that were added by `update`.
        """
        self._stop()
        # As in plain PyCaret, a terminal shows all columns, on several lines if they do not fit on one.
        with self._catch_errors(), self._lock, pd.option_context("display.max_columns", 500):
            table = df() if callable(df) else df
            self._display.display(table if table is not None else self._df, final_display=True)

    def _stop(self) -> Screen | None:
        """Stop drawing, which closes the screen; return the screen if nothing was drawn on it."""
        painter, screen = self._painter, self._screen
        self._painter = self._screen = None
        if painter is None:
            return screen
        self.problems += painter.close()
        return None

    @contextmanager
    def _catch_errors(self) -> Iterator[None]:
        """Keep errors of the display as problems: hours of work must not be lost because a pipe is closed."""
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
    """Listener that feeds a `_DisplayUtil` with the scheduler's events."""

    def __init__(self, display: _DisplayUtil, plan: Plan, *, live: bool = False) -> None:
        self._display = display
        self._state = ProgressState(plan, live=live)

    def handle(self, event: Event) -> None:
        """Update the state with an event, and draw it."""
        line = self._state.update(event)
        if isinstance(event, PlanMade):
            self._display.start(self._state)
        self._display.notify(event, line)
