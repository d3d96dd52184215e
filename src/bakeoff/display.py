"""What a comparison shows in a notebook or terminal, on PyCaret's own display classes."""

from __future__ import annotations

from threading import RLock
from typing import Any

import pandas as pd

from bakeoff.comparison.events import BatchDone, Event
from bakeoff.comparison.plan import Plan
from bakeoff.pycaret3.contract import CommonDisplay
from bakeoff.pycaret3.state import score_grid


class _DisplayUtil:
    """What a comparison shows, on PyCaret's own display classes.

    Args:
        display: a display to use; a new one is made where it is ``None``.
        progress: how many steps the bar has; negative for no bar.
        verbose: show nothing where it is false.
        sort: the column that the table is sorted by.
        asc: whether small values come first.
    """

    def __init__(self, display: Any, progress: int, verbose: bool, sort: str, asc: bool) -> None:  # noqa: FBT001 - PyCaret's signature
        self._lock = RLock()
        self._display = display or self._create_display(progress, verbose=verbose, monitor_rows=None)
        self._sort = sort
        self._asc = asc
        self._df: pd.DataFrame | None = None

    def update(self, df: pd.DataFrame) -> None:
        """Add finished models to the table and move the bar on by as many steps."""
        with self._lock:
            known = df if self._df is None else pd.concat([self._df, df])
            # A stable sort keeps ties in the order in which they came, so the table does not flicker.
            self._df = known.sort_values(self._sort, ascending=self._asc, kind="stable") if len(known) else known
            self._display.move_progress(df.shape[0])
            if self._display.can_update_text:
                self._display.display(self._df, final_display=False)

    def finish(self, df: Any = None) -> None:
        """Show the final table: ``df``, or what was added so far."""
        with self._lock:
            self._display.display(df if df is not None else self._df, final_display=True)

    def _create_display(self, progress: int, verbose: bool, monitor_rows: Any) -> CommonDisplay:  # noqa: FBT001 - PyCaret's signature
        return CommonDisplay(
            verbose=verbose,
            progress_args=None if progress < 0 else {"max": progress},
            monitor_rows=monitor_rows,
        )


class DisplayListener:
    """Feeds a `_DisplayUtil` from the scheduler's events."""

    def __init__(self, display: _DisplayUtil, plan: Plan) -> None:
        self._display = display
        self._plan = plan

    def handle(self, event: Event) -> None:
        """Show a batch that is finished."""
        if isinstance(event, BatchDone):
            self._display.update(score_grid(self._plan, event.rows))
