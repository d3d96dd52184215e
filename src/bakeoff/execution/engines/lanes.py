"""Lanes: the places where an engine's work can run, each with room for some pieces at once."""

from __future__ import annotations

import threading


class Lane:
    """A place where work can run.

    All lanes of an engine share one condition: it guards their numbers, work waits on it for room in any of them, and
    it is notified of every change.

    Args:
        changed: the condition.

    Attributes:
        capacity: how many pieces of work may run at once, now.
        is_closed: whether the lane takes no more work, now or later.
        problem: the error that has closed the lane, if any.

    Example:
        >>> changed = threading.Condition()
        >>> lane = Lane(changed)
        >>> lane.resize(1)
        >>> with changed:
        ...     lane.acquire(), lane.acquire()
        (True, False)
        >>> lane.release()
        >>> with changed:
        ...     lane.acquire()
        True
    """

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self._n_running = 0
        self.capacity: float = 0
        self.is_closed = False
        self.problem: Exception | None = None

    def acquire(self) -> bool:
        """Take room for a piece of work, if there is any; the caller holds the condition.

        Returns:
            Whether there was room; it has to be released then.
        """
        has_room = not self.is_closed and self._n_running < self.capacity
        self._n_running += has_room
        return has_room

    def release(self) -> None:
        """Give back the room of a piece of work that has ended."""
        with self._changed:
            self._n_running -= 1
            self._changed.notify_all()

    def resize(self, capacity: float) -> None:
        """Change how many pieces of work may run at once."""
        with self._changed:
            self.capacity = capacity
            self._changed.notify_all()

    def close(self, problem: Exception | None = None) -> None:
        """Take no more work; what runs here goes on."""
        with self._changed:
            self.is_closed, self.problem = True, problem
            self._changed.notify_all()
