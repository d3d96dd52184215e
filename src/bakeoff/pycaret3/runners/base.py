"""Base class of trial runners: what the tabular, forecasting and hold-out runners share."""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import pickletools
import random
import socket
import sys
import time
import traceback
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from bakeoff._utils import pickling
from bakeoff._utils.autologging import without_autologging
from bakeoff.comparison.trial import Outcome, Refitted, Status, Trial
from bakeoff.pycaret3.frozen import FrozenExperiment
from bakeoff.pycaret3.runners.quiet import hushed
from bakeoff.pycaret3.runners.thread_limits import cap_threads, limited_pools, restore_threads

_TRACEBACK_CHARACTERS = 8_000
"""A traceback is cut to its last characters, this many: the end holds the error."""
_MESSAGE_CHARACTERS = 2_000
"""An error message is cut to its first characters, this many."""
_MODEL_PACKAGES = {"sklearn", "imblearn", "lightgbm", "xgboost", "catboost", "pycaret", "sktime", "statsmodels"}
"""Packages that PyCaret's models come from."""


@dataclass(frozen=True)
class Scored:
    """The result of a successful trial.

    Attributes:
        metrics: values by metric key, in their natural sign.
        fit_seconds: wall time of fitting the estimator.
        score_seconds: wall time of predicting and scoring.
        transform_seconds: wall time of preprocessing the fold; 0.0 if that was done before.
        metric_errors: one line for each metric that could not be computed.
        predictions: what the model predicted for the test rows, packed; ``None`` if that is not kept.
    """

    metrics: Mapping[str, float]
    fit_seconds: float
    score_seconds: float
    transform_seconds: float = 0.0
    metric_errors: Mapping[str, str] = field(default_factory=dict)
    predictions: bytes | None = None


class FoldStore(Protocol):
    """A cache of values that the processes of one machine share."""

    def take(self, name: str) -> Any | None:
        """Return the value of this name; ``None`` if there is none."""

    def put(self, name: str, value: Any, n_bytes: int) -> None:
        """Store a value of about ``n_bytes`` bytes, if there is room."""


class TrialRunner(ABC):
    """Runner for the trials of one frozen experiment, one at a time, in this process.

    Attributes:
        alone: whether this process is for trials only. Then its environment and working folder, which other threads
            would share elsewhere, are restored after each trial, and the models' output is not discarded here.
    """

    def __init__(self, frozen: FrozenExperiment) -> None:
        self._frozen = frozen
        self._further: dict[str, bytes] = {}
        self.alone = False

    def admit(self, estimators: Mapping[str, bytes]) -> None:
        """Take note of pickled estimators that the experiment was sent without."""
        self._further |= estimators

    def import_models(self) -> None:
        """Import the packages of the models, so that processes forked from this one need not do it."""
        for pickled in self._frozen.estimators.values():
            for module in _modules_in(pickled):
                with contextlib.suppress(Exception):
                    importlib.import_module(module)

    def run(self, trial: Trial, attempt: int = 1) -> Outcome:
        """Run one trial. Any exception of the model becomes a failed outcome."""
        started = time.perf_counter()
        try:
            with self._isolated():
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
            predictions=scored.predictions,
        )

    def refit(self, model_id: str) -> Refitted:
        """Fit one model on all training rows."""
        started = time.perf_counter()
        try:
            with self._isolated():
                estimator, thread_params = self._estimator(model_id)
                model = self._refit(estimator)
                restore_threads(model, thread_params)
                pickled = pickling.dumps(model)
        except BaseException as error:
            seconds = time.perf_counter() - started
            return Refitted(
                model_id, None, seconds, type(error).__name__, _message_of(error), _tail(traceback.format_exc())
            )
        return Refitted(model_id, pickled, time.perf_counter() - started)

    @abstractmethod
    def _score(self, trial: Trial) -> Scored:
        """Fit and score one trial; may raise anything."""

    @abstractmethod
    def _refit(self, estimator: Any) -> Any:
        """Fit the estimator on all training rows and return it."""

    def _estimator(self, model_id: str) -> tuple[Any, dict[str, Any]]:
        """Return a fresh estimator, capped to the slot's threads, and the parameters that the caps replaced."""
        pickled = self._further.get(model_id) or self._frozen.estimators[model_id]
        estimator = pickle.loads(pickled)
        return estimator, cap_threads(estimator, self._frozen.n_jobs)

    @contextlib.contextmanager
    def _isolated(self) -> Iterator[None]:
        """Run a block with seeded generators, limited threads, no output and no autologging; then restore all of it."""
        with (
            _restored_environment() if self.alone else contextlib.nullcontext(),
            _restored_generators(),
            without_autologging(),
            limited_pools(self._frozen.n_jobs),
            warnings.catch_warnings(),
            np.errstate(),
            contextlib.redirect_stdout(sys.stderr) if self.alone else hushed(),
        ):
            np.random.seed(self._frozen.seed)
            warnings.simplefilter("ignore")
            yield

    def _failed(self, trial: Trial, attempt: int, error: BaseException, seconds: float) -> Outcome:
        status = Status.FAILED if isinstance(error, Exception) else Status.CRASHED
        if isinstance(error, MemoryError):
            status = Status.OOM
        return Outcome(
            trial.model_id,
            trial.fold,
            status=status,
            fit_seconds=seconds,
            host=socket.gethostname(),
            attempt=attempt,
            error_type=type(error).__name__,
            error_message=_message_of(error),
            traceback=_tail(traceback.format_exc()),
            finished_at=time.time(),
        )


@contextlib.contextmanager
def _restored_generators() -> Iterator[None]:
    numpy_state, python_state = np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)


@contextlib.contextmanager
def _restored_environment() -> Iterator[None]:
    """Restore the environment variables and the working folder after the block."""
    environment, folder = dict(os.environ), os.getcwd()  # noqa: PTH109 - for os.chdir
    try:
        yield
    finally:
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        os.environ.update({name: value for name, value in environment.items() if os.environ.get(name) != value})
        os.chdir(folder)


def _modules_in(pickled: bytes) -> list[str]:
    """Return the modules of `_MODEL_PACKAGES` that a pickle names.

    Example:
        >>> from sklearn.naive_bayes import GaussianNB
        >>> _modules_in(pickle.dumps(GaussianNB()))
        ['sklearn.naive_bayes']
    """
    texts = [argument for _, argument, _ in pickletools.genops(pickled) if isinstance(argument, str)]
    return [text for text in dict.fromkeys(texts) if text.partition(".")[0] in _MODEL_PACKAGES and " " not in text]


def _message_of(error: BaseException) -> str:
    """Return an exception's message, shortened and without characters that cannot be encoded."""
    try:
        text = str(error)
    except Exception as str_error:
        text = f"The message could not be had: {type(str_error).__name__}."
    if len(text) > _MESSAGE_CHARACTERS:
        text = f"{text[:_MESSAGE_CHARACTERS]} ..."
    return text.encode(errors="replace").decode()


def _tail(text: str) -> str:
    return text[-_TRACEBACK_CHARACTERS:].encode(errors="replace").decode()
