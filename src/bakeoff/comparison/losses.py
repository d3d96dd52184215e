"""When workers that are lost say something about what they run on, and not about the models."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from bakeoff.comparison.trial import WORKER_LOST, Outcome, Status, Trial

LEAST_LOSSES, LEAST_MODELS = 6, 3
"""So many tasks in a row, of so many models, are lost with their workers by more than bad luck."""
ROUNDS = 2
"""And so many for each slot: a machine that is lost takes the tasks of all its slots with it, once."""


@dataclass
class Losses:
    """Tasks that were lost with their workers, one after the other, since a worker has last answered.

    Attributes:
        doubtful: outcomes that say that a trial was lost for good; they count once a worker has answered again.

    Example:
        >>> losses = Losses()
        >>> for model_id in ("lr", "dt", "nb", "lr", "dt", "nb"):
        ...     losses.add([Trial(model_id, 0)])
        >>> losses.are_suspicious(slots=2), losses.are_suspicious(slots=8)
        (True, False)
    """

    doubtful: list[Outcome] = field(default_factory=list)
    _n_in_a_row: int = 0
    _model_ids: set[str] = field(default_factory=set)

    def add(self, trials: Sequence[Trial]) -> None:
        """Count one more task that was lost."""
        self._n_in_a_row += 1
        self._model_ids.update(trial.model_id for trial in trials)

    def settle(self) -> list[Outcome]:
        """Start anew, because a worker has answered; returns the outcomes that count now."""
        settled, self.doubtful = self.doubtful, []
        self._n_in_a_row = 0
        self._model_ids.clear()
        return settled

    def are_suspicious(self, slots: int) -> bool:
        """Whether they are too many, of too many different models, to be the models' doing."""
        return self._n_in_a_row >= max(LEAST_LOSSES, ROUNDS * slots) and len(self._model_ids) >= LEAST_MODELS

    def __str__(self) -> str:
        return f"{self._n_in_a_row} tasks in a row, of {len(self._model_ids)} models, were lost with their workers"


_OUT_OF_MEMORY = re.compile(r"MEMORY_LIMIT|OUT_OF_MEMORY|exceeded the limit of \d+ megabytes")
"""How platforms name the end of a worker that has taken more memory than its sandbox has."""


def is_out_of_memory(message: str) -> bool:
    """Whether a task was lost because its worker took more memory than it may, by what the platform says.

    Example:
        >>> is_out_of_memory("[UDF_PYSPARK_USER_CODE_ERROR.MEMORY_LIMIT_SERVERLESS] Execution failed.")
        True
        >>> is_out_of_memory("Python worker exited unexpectedly (crashed)")
        False
    """
    return _OUT_OF_MEMORY.search(message) is not None


_SIGNS = (
    *("Py4JError", "Py4JNetworkError", "Connection refused", "Connection reset", "Answer from Java side is empty"),
    *("SparkContext was shut down", "SparkContext has been shutdown", "stopped SparkContext", "SparkContext stopped"),
    *("StatusCode.UNAVAILABLE", "failed to connect to all addresses", "scheduler-connection-lost", "CommClosedError"),
    *("INVALID_HANDLE", "No space left on device", "All masters are unresponsive"),
)

_LOST_TYPES = {"WorkerError", WORKER_LOST}


def lost_with_the_ground(outcomes: Sequence[Outcome]) -> set[Trial]:
    """Find the trials that an earlier attempt, or version, entered as crashed because what it ran on was gone.

    Those whose errors say so; and where trials of several models were lost with their workers, all of these.

    Example:
        >>> gone = Outcome("lr", 0, Status.CRASHED, error_type="WorkerError", error_message="Py4JError: no answer")
        >>> lost_with_the_ground([gone, Outcome("dt", 0)])
        {Trial(model_id='lr', fold=0)}
    """
    crashed = [outcome for outcome in outcomes if outcome.status is Status.CRASHED]
    found = [o for o in crashed if any(sign in f"{o.error_type}: {o.error_message}" for sign in _SIGNS)]
    lost = [outcome for outcome in crashed if outcome.error_type in _LOST_TYPES]
    if len({outcome.model_id for outcome in lost}) >= LEAST_MODELS and len(lost) >= LEAST_LOSSES:
        found += lost
    return {outcome.trial for outcome in found}
