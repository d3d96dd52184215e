"""The errors that Bakeoff raises, told apart by whose they are.

A trial's failure is none of these: it is a value (see `bakeoff.comparison.trial.Outcome`).
"""

from __future__ import annotations

from collections.abc import Iterable


class BakeoffError(Exception):
    """The root of everything that Bakeoff raises on purpose."""

    exit_code = 1


class UserError(BakeoffError):
    """Something that was asked for cannot be done; the message is one sentence that says what to do about it.

    The command line prints it without a traceback and exits with 2. Nothing was written.
    """

    exit_code = 2


class RunInterruptedError(BakeoffError):
    """A run was ended by a signal; what was finished is kept, and the message says how to go on.

    The exit code is the shell's for the signal: 130 for Ctrl-C, 143 for SIGTERM.
    """

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number


class NoModelSurvivedError(BakeoffError):
    """Every model failed. The tables hold the reasons."""


class WorkerError(BakeoffError):
    """The engine lost a task, or gave back something that is no answer."""


def one_of(wrong: object, available: Iterable[object], what: str) -> str:
    """A sentence that names the wrong value and what there is instead.

    Example:
        >>> one_of("lrr", ["lr", "rf"], "model")
        "There is no model 'lrr': choose from lr, rf."
    """
    return f"There is no {what} {wrong!r}: choose from {', '.join(map(str, available))}."
