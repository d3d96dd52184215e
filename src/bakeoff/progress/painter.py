"""The thread that draws a running comparison."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from bakeoff.comparison.events import Event
from bakeoff.progress.screens import Drawable, Screen

_LOG = logging.getLogger(__name__)
BUSY_SHARE = 0.1
"""Share of the time that is spent on drawing at most, however large the table is."""
MAX_PAUSE = 5.0
"""Seconds between two drawings at most, even if a terminal was blocked for a minute."""
PATIENCE = 2.0
"""Seconds to wait for a screen that hangs when a run ends."""


@dataclass
class Painter:
    """Thread that draws a run on a screen, so that nobody else waits for the screen.

    Attributes:
        screen: screen to draw on.
        run: state of the run that is drawn.
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

    def notify(self, event: Event, line: str | None = None) -> None:
        """Schedule a drawing soon, since the run has changed.

        Args:
            event: the event that has changed it.
            line: line on the event, which is printed and stays, on screens that have lines for such events.
        """
        if line is not None and isinstance(event, self.screen.line_events):
            self._lines.append(line)
        self._changed = True

    def close(self) -> list[str]:
        """Draw for the last time and clear the screen; wait at most `PATIENCE` seconds for one that hangs.

        Returns:
            One line for each problem.
        """
        self._closing.set()
        self._thread.join(PATIENCE)
        self._given_up = self._thread.is_alive()
        return [*self._problems, "The display has not caught up."] if self._given_up else self._problems

    def _serve(self) -> None:
        try:
            try:
                self._draw_until_closed()
            finally:
                self.screen.close()
        except Exception as error:  # noqa: BLE001 - a screen may fail in any way, and never the run
            _LOG.warning("The display stopped: %s", error, exc_info=True)
            self._problems.append(f"display: {type(error).__name__}: {error}")

    def _draw_until_closed(self) -> None:
        self.screen.open()
        pause = self._draw()
        while not self._closing.wait(pause):
            pause = self._draw()
        self._draw()

    def _draw(self) -> float:
        """Print new lines, draw the run if it has changed, and return the seconds to wait until the next drawing."""
        started = time.monotonic()
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if lines and not self._given_up:
            self.screen.print_lines("\n".join(lines))
        if not self._given_up and (self._changed or started - self._drawn_at >= self.screen.tick):
            self._changed = False  # set before drawing: a change during the drawing is drawn the next time
            self.screen.draw(self.run)
            self._drawn_at = started
        return max(self.screen.interval, min((time.monotonic() - started) / BUSY_SHARE, MAX_PAUSE))
