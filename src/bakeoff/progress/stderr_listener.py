"""Show a job's progress on stderr, as `FugueBackend` does but without PyCaret's display."""

from __future__ import annotations

from bakeoff.comparison.events import Event, PlanMade
from bakeoff.progress.painter import Painter
from bakeoff.progress.screens import stderr_screen
from bakeoff.progress.state import ProgressState


class Progress:
    """Listener that shows the progress of a comparison on stderr."""

    def __init__(self) -> None:
        self._painter: Painter | None = None
        self._state: ProgressState | None = None

    def handle(self, event: Event) -> None:
        """Update the state with an event, and draw it."""
        if isinstance(event, PlanMade):
            self._state = ProgressState(event.plan, live=True)
        if self._state is None:
            return
        line = self._state.update(event)
        if self._painter is None:
            self._painter = Painter(stderr_screen(live=True), self._state)
        self._painter.notify(event, line)

    def close(self) -> list[str]:
        """Stop drawing and clear what is not to stay; safe to call twice.

        Returns:
            One line for each problem.
        """
        painter, self._painter, self._state = self._painter, None, None
        return painter.close() if painter else []
