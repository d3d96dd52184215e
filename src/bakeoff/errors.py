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


class ConfigError(UserError, ValueError):
    """An option or an argument holds a value that cannot be used."""


class SourceError(UserError, ValueError):
    """The table to learn from, or to score, cannot be read or used as it is."""


class RunNotFoundError(UserError, LookupError):
    """There is no run of that id, or none at all."""


class RunConflictError(UserError):
    """The run id belongs to another question, or to a process that is working on it."""


class StorageError(UserError):
    """A folder that is needed cannot be written to, or its disk has no room."""


class TablesError(UserError):
    """The location of the result tables cannot be read or written."""


class TrackingError(UserError):
    """The MLflow tracking store cannot be used."""


class ClusterError(UserError):
    """The Spark session or the cluster cannot do what is asked of it."""


class RunInterruptedError(BakeoffError):
    """A run was ended by a signal; what was finished is kept, and the message says how to go on.

    The exit code is the shell's for the signal: 130 for Ctrl-C, 143 for SIGTERM.
    """

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number


class StorageLostError(BakeoffError):
    """The disk gave out in the middle of a run; what was finished is kept, and the message says how to go on.

    The exit code is that of ``sysexits.h`` for a failure after which the same may be tried again.
    """

    exit_code = 75


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
