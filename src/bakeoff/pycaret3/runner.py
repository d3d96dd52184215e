"""Running trials from a frozen experiment: what the tabular and the forecasting runner share."""

from __future__ import annotations

import contextlib
import io
import pickle
import random
import socket
import time
import traceback
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bakeoff import pickling
from bakeoff.comparison.trial import Outcome, Status, Trial
from bakeoff.pycaret3.frozen import HOLDOUT, FrozenExperiment
from bakeoff.pycaret3.threads import cap_threads, limited_pools, restore_threads

_TRACEBACK_CHARACTERS = 8_000
"""A traceback is cut to its last so many characters: the end says what went wrong."""


@dataclass(frozen=True)
class Scored:
    """The good end of a trial."""

    metrics: Mapping[str, float]
    fit_seconds: float
    score_seconds: float
    transform_seconds: float = 0.0
    metric_errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Refitted:
    """A winner fitted on all training rows, or why that failed.

    ``model`` is the pickled estimator, with the thread parameters that the driver gave it.
    """

    model_id: str
    model: bytes | None
    fit_seconds: float
    error_type: str | None = None
    error_message: str | None = None
    traceback: str | None = None


class TrialRunner(ABC):
    """Runs the trials of one frozen experiment, one at a time, in this process."""

    def __init__(self, frozen: FrozenExperiment) -> None:
        self._frozen = frozen

    def run(self, trial: Trial, attempt: int = 1) -> Outcome:
        """Run one trial. Whatever the model raises comes back as an outcome."""
        started = time.perf_counter()
        try:
            with self._quiet_room():
                scored = self._score(trial)
        except BaseException as error:  # a model that calls sys.exit() ends its trial, not the worker
            return self._failed(trial, attempt, error, time.perf_counter() - started)
        return Outcome(
            trial.model_id,
            trial.fold,
            metrics=scored.metrics,
            metric_errors=scored.metric_errors,
            fit_seconds=scored.fit_seconds,
            score_seconds=scored.score_seconds,
            transform_seconds=scored.transform_seconds,
            host=socket.gethostname(),
            attempt=attempt,
            finished_at=time.time(),
        )

    def refit(self, model_id: str) -> Refitted:
        """Fit one model on all training rows."""
        started = time.perf_counter()
        try:
            with self._quiet_room():
                estimator, before = self._estimator(model_id)
                model = self._refit(estimator)
                restore_threads(model, before)
                pickled = pickling.dumps(model)
        except BaseException as error:
            seconds = time.perf_counter() - started
            return Refitted(model_id, None, seconds, type(error).__name__, str(error), _tail(traceback.format_exc()))
        return Refitted(model_id, pickled, time.perf_counter() - started)

    @abstractmethod
    def _score(self, trial: Trial) -> Scored:
        """Fit and score one trial; may raise anything."""

    @abstractmethod
    def _refit(self, estimator: Any) -> Any:
        """Fit the estimator on all training rows and return it."""

    def _estimator(self, model_id: str) -> tuple[Any, dict[str, Any]]:
        """A fresh estimator, capped to the slot's threads, and what the caps replaced."""
        estimator = pickle.loads(self._frozen.estimators[model_id])
        return estimator, cap_threads(estimator, self._frozen.n_jobs)

    @contextlib.contextmanager
    def _quiet_room(self) -> Iterator[None]:
        """Seeded generators, limited threads, no output; everything as it was afterwards."""
        numpy_state, python_state = np.random.get_state(), random.getstate()
        np.random.seed(self._frozen.seed)
        sink = io.StringIO()
        try:
            with (
                limited_pools(self._frozen.n_jobs),
                warnings.catch_warnings(),
                contextlib.redirect_stdout(sink),
                contextlib.redirect_stderr(sink),
            ):
                warnings.simplefilter("ignore")
                yield
        finally:
            np.random.set_state(numpy_state)
            random.setstate(python_state)

    def _failed(self, trial: Trial, attempt: int, error: BaseException, seconds: float) -> Outcome:
        ordinary = Status.FAILED if isinstance(error, Exception) else Status.CRASHED
        return Outcome(
            trial.model_id,
            trial.fold,
            status=Status.OOM if isinstance(error, MemoryError) else ordinary,
            fit_seconds=seconds,
            host=socket.gethostname(),
            attempt=attempt,
            error_type=type(error).__name__,
            error_message=str(error),
            traceback=_tail(traceback.format_exc()),
            finished_at=time.time(),
        )


def runner_for(frozen: FrozenExperiment) -> TrialRunner:
    """The runner that fits the experiment's kind."""
    if HOLDOUT in frozen.extra:
        from bakeoff.pycaret3.holdout import HoldoutRunner

        return HoldoutRunner(frozen)
    if frozen.task == "time_series":
        from bakeoff.pycaret3.forecasting import ForecastRunner

        return ForecastRunner(frozen)
    from bakeoff.pycaret3.tabular import TabularRunner

    return TabularRunner(frozen)


def _tail(text: str) -> str:
    return text[-_TRACEBACK_CHARACTERS:]
