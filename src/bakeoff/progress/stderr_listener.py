"""What a job shows while it runs: the same as `FugueBackend` does, without a display of PyCaret's."""

from __future__ import annotations

from bakeoff.comparison.events import Event, PlanMade
from bakeoff.progress.screens import Painter, stderr_screen
from bakeoff.progress.state import ProgressState


class Progress:
    """A listener that shows on stderr how a comparison stands."""

    def __init__(self) -> None:
        self._painter: Painter | None = None
        self._standing: ProgressState | None = None

    def handle(self, event: Event) -> None:
        """Show what an event changes."""
        if isinstance(event, PlanMade):
            self._standing = ProgressState(event.plan, live=True)
        if self._standing is None:
            return
        line = self._standing.hear(event)
        if self._painter is None:
            self._painter = Painter(stderr_screen(live=True), self._standing)
        self._painter.tell(line if isinstance(event, self._painter.screen.tells) else None)

    def close(self) -> list[str]:
        """Take away what should not stay; safe to call twice.

        Returns:
            One line for each thing that went wrong.
        """
        painter, self._painter, self._standing = self._painter, None, None
        return painter.close() if painter else []
