"""Ctrl-C, SIGTERM and SIGHUP end a run in order: what is finished is ranked and kept, and the same run can go on later.

The first signal only leaves a note, which the run looks for now and then: an exception that comes out of nowhere could
fall into the middle of a conversation with Java. A second one does what it would have done without us.
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
"""SIGHUP is what the end of a terminal sends; Windows knows none."""


class Interruption:
    """Whether a run was asked to end. Called, it says so; it can be used from any thread.

    Attributes:
        by: the signal that asked, once one has.
    """

    def __init__(self) -> None:
        self.by: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __call__(self) -> bool:
        """Whether a signal came."""
        return self.by is not None

    def check(self, run_id: str) -> None:
        """Go on, unless a signal came already.

        Raises:
            RunInterruptedError: one came.
        """
        if self.by is not None:
            message = f"Run {run_id} was ended by {self.by.name} before it began: nothing was written."
            raise RunInterruptedError(message, self.by)

    def error(self, run_id: str, board: Leaderboard, again: str) -> RunInterruptedError:
        """What to raise for a run that a signal has ended, and that the command ``again`` continues."""
        by = self.by or signal.SIGINT
        done, n_trials = sum(outcome.status is not Status.CANCELLED for outcome in board.outcomes), len(board.outcomes)
        return RunInterruptedError(
            f"Run {run_id} was ended by {by.name} with {done} of {n_trials} trials finished, which are kept: `{again}` "
            "goes on.",
            by,
        )

    def listen(self) -> None:
        """Listen to signals, also where somebody else began to in the meantime.

        A Spark context that is made puts a handler in place which cancels every job of its session. Not to a signal
        that is ignored (``nohup``, a job in the background of a script), and only on the main thread, where alone
        handlers can be set.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        for each in SIGNALS:
            there = signal.getsignal(each)
            if self._before.setdefault(each, there) not in (signal.SIG_IGN, None):
                signal.signal(each, self._hear)

    def put_back(self) -> None:
        """Leave the handlers as they were."""
        for each, handler in self._before.items():
            if handler is not None:  # None stands for one that was not set from Python, which is still there
                signal.signal(each, handler)

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        if self.by is None:
            self.by = signal.Signals(number)
            return
        self.put_back()
        signal.raise_signal(number)


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Listen to signals for as long as the block runs."""
    interruption = Interruption()
    interruption.listen()
    try:
        yield interruption
    finally:
        interruption.put_back()


@contextmanager
def ending_at_once() -> Iterator[None]:
    """Let a signal that nobody listens to end this process at once, instead of raising `KeyboardInterrupt`.

    For a process that is ours alone: so a second Ctrl-C does not wait for what the first one has begun.
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
