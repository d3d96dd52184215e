"""The steps of a run, from the first second to the last: what is done now, and how long each has taken."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bakeoff._utils.own_process import process_began
from bakeoff.report.diagnostics import Step

_LOG = logging.getLogger(__name__)

READ, IMPORT, SET_UP = "reading the table", "importing PyCaret", "setting up PyCaret"
SESSION, OPEN, COMPARE = "opening a Spark session", "opening the tables and MLflow", "comparing the models"
CATCH_UP, MODEL = "waiting for MLflow", "saving the best model"
TRIALS, LEADERBOARD, RUN_ROW = "writing the trials", "writing the leaderboard", "writing the run"
PREDICTIONS = "writing the predictions"
EVALUATE, REPORT, MLFLOW = "evaluating the best model", "drawing the report", "handing the rest to MLflow"
_START = "starting Python and reading the options"


class StepTimes:
    """The steps of a run. Threads may record steps that overlap.

    Attributes:
        announce: called with the name of each step that begins; it may be replaced.
    """

    def __init__(self) -> None:
        now = time.time()
        self._start = process_began() or now
        self._ended = [Step(_START, 0.0, now - self._start)] if process_began() else []
        self.announce: Callable[[str], None] = _say_nothing

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Record the block as a step of this name, also if it fails."""
        self.announce(name)
        began = time.time()
        try:
            yield
        finally:
            took = time.time() - began
            self._ended.append(Step(name, began - self._start, took))
            _LOG.info("%s took %.2f s.", name[0].upper() + name[1:], took)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that have ended, in the order in which they began."""
        return tuple(sorted(self._ended, key=lambda step: step.began))

    @property
    def seconds(self) -> float:
        """Seconds since the run was asked for."""
        return time.time() - self._start


def _say_nothing(name: str) -> None:
    """Announce a step to nobody."""
