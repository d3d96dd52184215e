"""The exceptions that Bakeoff raises.

A failed trial raises none of them: its failure is recorded as a value (see `bakeoff.comparison.trial.Outcome`).
"""

from __future__ import annotations

from collections.abc import Iterable


class BakeoffError(Exception):
    """Base class of the exceptions that Bakeoff raises on purpose."""

    exit_code = 1


class UserError(BakeoffError):
    """A request that cannot be carried out; the message is one sentence that says what to do about it.

    The command line prints the message without a traceback and exits with 2. Nothing was written.
    """

    exit_code = 2


class ConfigError(UserError, ValueError):
    """An option or an argument with a value that cannot be used."""


class SourceError(UserError, ValueError):
    """A table to learn from, or to score, that cannot be read or used as it is."""


class RunNotFoundError(UserError, LookupError):
    """A run id that no run has, or tables that hold no run at all."""


class RunConflictError(UserError):
    """A run id that belongs to a different question, or to a process that is still working on it."""


class StorageError(UserError):
    """A folder that is needed cannot be written to, or its disk has no room."""


class TablesError(UserError):
    """A location of the result tables that cannot be read or written."""


class TrackingError(UserError):
    """An MLflow tracking store that cannot be used."""


class BlendError(UserError):
    """A blend that was asked for and cannot be made."""


class ClusterError(UserError):
    """A Spark session or cluster that cannot do what is asked of it."""


class RunInterruptedError(BakeoffError):
    """The end of a run by a signal; finished trials are kept, and the message says how to continue.

    The exit code is the shell's for the signal: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.
    """

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number


class EngineLostError(BakeoffError):
    """The ground of a comparison is gone: Spark's Java process, its connection, its session, or the driver's disk.

    It says nothing about the models: what was finished is kept, what was not is open, and the same run can go on. The
    exit code is that of ``sysexits.h`` for a failure after which the same may be tried again, so that a script can tell
    it from a run whose models failed.

    Args:
        reason: what is gone.
        more: what has become of the run.
    """

    exit_code = 75

    def __init__(self, reason: str, more: str = "") -> None:
        super().__init__(f"{reason}: {more}" if more else reason)
        self.reason = reason


class StorageLostError(EngineLostError):
    """The disk gave out in the middle of a run: it is full, read-only or broken."""


class NoModelSurvivedError(BakeoffError):
    """A run in which every model failed. The tables hold the reasons."""


class WorkerError(BakeoffError):
    """A task that the engine lost, or a result of it that cannot be read."""


def one_of(wrong: object, available: Iterable[object], what: str) -> str:
    """Return a sentence that names a wrong value and the available ones.

    Args:
        wrong: the value that was given.
        available: the values that can be chosen.
        what: noun for such a value, e.g. "model".

    Example:
        >>> one_of("lrr", ["lr", "rf"], "model")
        "There is no model 'lrr': choose from lr, rf."
    """
    return f"There is no {what} {wrong!r}: choose from {', '.join(map(str, available))}."
