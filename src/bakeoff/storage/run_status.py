"""The status of a run, in the words of ``runs`` and of MLflow."""

from __future__ import annotations

from bakeoff.comparison.words import WordEnum
from bakeoff.errors import EngineLostError, RunInterruptedError


class RunStatus(WordEnum):
    """Status of a run; its value is what ``runs.status`` holds, named like MLflow's.

    ``FAILED`` includes runs in which no model survived. ``INTERRUPTED`` is a run with open trials whose engine was
    lost.
    """

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    KILLED = "killed"
    INTERRUPTED = "interrupted"

    @classmethod
    def of_error(cls, error: BaseException) -> RunStatus:
        """Return the status of a run that an error has ended.

        Example:
            >>> str(RunStatus.of_error(KeyboardInterrupt())), str(RunStatus.of_error(ValueError()))
            ('killed', 'failed')
        """
        if isinstance(error, EngineLostError):
            return cls.INTERRUPTED
        return cls.KILLED if isinstance(error, KeyboardInterrupt | SystemExit | RunInterruptedError) else cls.FAILED

    @property
    def has_ended(self) -> bool:
        """Whether no process works on the run any more."""
        return self is not RunStatus.RUNNING

    @property
    def mlflow(self) -> str:
        """The status of the run in MLflow, which knows no interrupted runs."""
        return "KILLED" if self is RunStatus.INTERRUPTED else self.name
