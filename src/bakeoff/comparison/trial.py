"""The basic values of a comparison: metric, model, trial, outcome.

A *trial* is one model on one fold. Its *outcome* is a value, good or bad: a failure travels to the driver as data
and is never raised on a worker.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from bakeoff.comparison.words import WordEnum

TT = "tt_sec"
"""Key of the pseudo-metric that PyCaret shows as ``TT (Sec)``: mean seconds per fold."""

NOT_RUN = "Cancelled"
"""Error type of trials that had not ended when the run did."""
WORKER_LOST = "WorkerLost"
"""Error type of trials in a task that lost its worker together, so that the culprit is unknown."""


class Status(WordEnum):
    """End of a trial (named after Optuna's trial states)."""

    OK = "ok"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    OOM = "oom"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Metric:
    """A metric that each fold is scored by.

    Attributes:
        key: snake_case name, used in tables and MLflow (``prec``).
        name: the column in PyCaret's score grid (``Prec.``).
        greater_is_better: whether larger values are better.
    """

    key: str
    name: str
    greater_is_better: bool = True


@dataclass(frozen=True)
class Model:
    """A candidate.

    Attributes:
        id: unique in the run.
        name: for people.
        params: parameters that are not those of its family, as JSON; ``None`` if it has none.
        tunes: for a candidate of the tuning, id of the model whose parameters it varies; ``None`` for any other model.
    """

    id: str
    name: str
    params: str | None = None
    tunes: str | None = None


@dataclass(frozen=True, order=True)
class Trial:
    """One model on one fold (folds count from 0)."""

    model_id: str
    fold: int


@dataclass(frozen=True)
class Outcome:
    """The result of one trial.

    Attributes:
        metrics: values by metric key, in their natural sign; empty unless ``status`` is ``ok``.
        metric_errors: one line for each metric that could not be computed although the trial was fine.
        fit_seconds: wall time of fitting the estimator, without the shared transform of the fold.
        score_seconds: wall time of predicting and scoring.
        transform_seconds: wall time of preprocessing the fold, if this trial had to wait for it; else 0.0.
        attempt: number of the attempt, from 1.
        finished_at: seconds since the epoch, on the clock of the host that ran it.
        predictions: what the model predicted for the test rows, packed (`bakeoff.comparison.predictions`), on its way
            to where that is kept; ``None`` before and after, and where it is not kept.
        params: parameters of the model that are not those of its family, as JSON; ``None`` if it has none.

    Example:
        >>> good = Outcome("lr", 0, metrics={"auc": 0.9})
        >>> Outcome.from_dict(good.to_dict()) == good
        True
    """

    model_id: str
    fold: int
    status: Status = Status.OK
    metrics: Mapping[str, float] = field(default_factory=dict)
    metric_errors: Mapping[str, str] = field(default_factory=dict)
    fit_seconds: float = 0.0
    score_seconds: float = 0.0
    transform_seconds: float = 0.0
    host: str = ""
    attempt: int = 1
    error_type: str | None = None
    error_message: str | None = None
    traceback: str | None = None
    finished_at: float = 0.0
    predictions: bytes | None = field(default=None, repr=False, compare=False)
    params: str | None = None

    @property
    def trial(self) -> Trial:
        """The trial that this is the outcome of."""
        return Trial(self.model_id, self.fold)

    @property
    def ok(self) -> bool:
        """Whether the trial fitted and predicted."""
        return self.status is Status.OK

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary without predictions (``json`` reads NaN and infinities back)."""
        values = {**asdict(self), "status": str(self.status)}
        del values["predictions"]
        return values

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Outcome:
        """Return the outcome that ``to_dict`` wrote."""
        return cls(**{**data, "status": Status(data["status"])})


def failed_outcomes(
    trials: Iterable[Trial], status: Status, error_type: str, message: str, attempt: int = 1
) -> list[Outcome]:
    """Return the same failure for several trials, as when the worker that held them is gone."""
    return [
        Outcome(
            trial.model_id,
            trial.fold,
            status=status,
            attempt=attempt,
            error_type=error_type,
            error_message=message,
            finished_at=time.time(),
        )
        for trial in trials
    ]


def finite(value: float | None) -> float | None:
    """Return the value, or ``None`` for NaN and infinities, which the tables keep as NULL.

    Example:
        >>> finite(float("nan")) is None, finite(0.5)
        (True, 0.5)
    """
    return None if value is None or not math.isfinite(value) else float(value)


@dataclass(frozen=True)
class Refitted:
    """A model fitted on all training rows, or the reason why that failed.

    Attributes:
        model: the pickled estimator, with the thread parameters that the driver gave it; ``None`` if the refit failed.
        lost_its_process: whether the refit took its process down.
    """

    model_id: str
    model: bytes | None
    fit_seconds: float
    error_type: str | None = None
    error_message: str | None = None
    traceback: str | None = None
    lost_its_process: bool = False
