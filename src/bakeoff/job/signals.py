"""Signal handling: Ctrl-C, SIGTERM and SIGHUP end a run in order, so that its finished trials are kept and ranked.

The first signal only sets a flag, which the run checks from time to time: an exception at an arbitrary point could
interrupt an exchange with Java. A second signal does what it would have done without Bakeoff.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from bakeoff.comparison.leaderboard import Leaderboard
from bakeoff.comparison.trial import Status
from bakeoff.errors import RunInterruptedError

SIGNALS = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
"""Signals that end a run. SIGHUP is sent when a terminal closes; Windows does not have it."""


class Interruption:
    """Flag whether a signal has asked a run to end. It is callable, and can be used from any thread.

    Attributes:
        by: the signal; ``None`` until one has come.
    """

    def __init__(self) -> None:
        self.by: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __call__(self) -> bool:
        """Whether a signal has come."""
        return self.by is not None

    def check(self, run_id: str) -> None:
        """Make sure that no signal has come yet.

        Raises:
            RunInterruptedError: a signal has come.
        """
        if self.by is not None:
            message = f"Run {run_id} was ended by {self.by.name} before it began: nothing was written."
            raise RunInterruptedError(message, self.by)

    def error(self, run_id: str, board: Leaderboard, again: str) -> RunInterruptedError:
        """Return the error for a run that a signal has ended, and that the command ``again`` resumes."""
        by = self.by or signal.SIGINT
        done, n_trials = sum(outcome.status is not Status.CANCELLED for outcome in board.outcomes), len(board.outcomes)
        return RunInterruptedError(
            f"Run {run_id} was ended by {by.name} with {done} of {n_trials} trials finished, which are kept: `{again}` "
            "goes on.",
            by,
        )

    def listen(self) -> None:
        """Install the handlers, again if something else has replaced them in the meantime.

        A new Spark context installs a handler that cancels every job of its session. Signals that are ignored
        (``nohup``, a background job of a script) stay ignored. Only the main thread can set handlers; on any other
        this does nothing.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        for each in SIGNALS:
            current = signal.getsignal(each)
            if self._before.setdefault(each, current) not in (signal.SIG_IGN, None):
                signal.signal(each, self._handle)

    def put_back(self) -> None:
        """Restore the original handlers."""
        for each, handler in self._before.items():
            if handler is not None:  # None stands for a handler that was not set from Python, which is still in place
                signal.signal(each, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.by is None:
            self.by = signal.Signals(number)
            return
        self.put_back()
        signal.raise_signal(number)


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Handle signals while the block runs."""
    interruption = Interruption()
    interruption.listen()
    try:
        yield interruption
    finally:
        interruption.put_back()


@contextmanager
def ending_at_once() -> Iterator[None]:
    """Let SIGINT end this process at once instead of raising `KeyboardInterrupt`, unless it has another handler.

    For a process of Bakeoff's own: a second Ctrl-C then does not wait for what the first one has begun.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
