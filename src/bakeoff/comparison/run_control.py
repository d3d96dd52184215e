"""The controls of a run, in the hands of whoever started it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class RunControl:
    """The name of a run, and how it ends.

    Attributes:
        name: name of the run, for the descriptions of Spark's jobs.
        stop: called regularly; once it returns true, the run ends with the outcomes so far, and without refits.
        listener_timeout: seconds that the end of the run waits for listeners that have not caught up.
    """

    name: str = "run"
    stop: Callable[[], bool] | None = None
    listener_timeout: float = 5.0
