"""Running trials from a frozen experiment: what the tabular and the forecasting runner share."""

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
from bakeoff.comparison.trial import Outcome, Refitted, Status, Trial
from bakeoff.pycaret3.frozen import FrozenExperiment
from bakeoff.pycaret3.runners.quiet import hushed
from bakeoff.pycaret3.runners.thread_limits import cap_threads, limited_pools, restore_threads

_TRACEBACK_CHARACTERS = 8_000
"""A traceback is cut to its last so many characters: the end says what went wrong."""
_MESSAGE_CHARACTERS = 2_000


@dataclass(frozen=True)
class Scored:
    """The good end of a trial."""

    metrics: Mapping[str, float]
    fit_seconds: float
    score_seconds: float
    transform_seconds: float = 0.0
    metric_errors: Mapping[str, str] = field(default_factory=dict)


class FoldStore(Protocol):
    """Where processes of one machine leave for each other what they have made."""

    def take(self, name: str) -> Any | None:
        """The value of this name; ``None`` where nobody has put one."""

    def put(self, name: str, value: Any, n_bytes: int) -> None:
        """Keep a value of about this size, if there is room."""


class TrialRunner(ABC):
    """Runs the trials of one frozen experiment, one at a time, in this process.

    Attributes:
        shelf: for transformed folds, where other processes of this machine run the same trials.
        alone: whether this process is for trials only. Then its environment and working folder are put back after each
            of them, which elsewhere are other threads' too, and what models print is not thrown away here.
    """

    def __init__(self, frozen: FrozenExperiment) -> None:
        self._frozen = frozen
        self.shelf: FoldStore | None = None
        self.alone = False

    def import_models(self) -> None:
        """Import the packages that the models come from, so that processes forked from this one need not do it."""
        for pickled in self._frozen.estimators.values():
            for module in _modules_in(pickled):
                with contextlib.suppress(Exception):
                    importlib.import_module(module)

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
            return Refitted(model_id, None, seconds, type(error).__name__, _said(error), _tail(traceback.format_exc()))
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
        with (
            _place_put_back() if self.alone else contextlib.nullcontext(),
            _generators_put_back(),
            limited_pools(self._frozen.n_jobs),
            warnings.catch_warnings(),
            np.errstate(),
            contextlib.redirect_stdout(sys.stderr) if self.alone else hushed(),
        ):
            np.random.seed(self._frozen.seed)
            warnings.simplefilter("ignore")
            yield

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
            error_message=_said(error),
            traceback=_tail(traceback.format_exc()),
            finished_at=time.time(),
        )


@contextlib.contextmanager
def _generators_put_back() -> Iterator[None]:
    numpy_state, python_state = np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)


@contextlib.contextmanager
def _place_put_back() -> Iterator[None]:
    """Have the environment and the working folder afterwards as they are now."""
    environment, folder = dict(os.environ), os.getcwd()  # noqa: PTH109 - it goes back to os
    try:
        yield
    finally:
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        os.environ.update({name: value for name, value in environment.items() if os.environ.get(name) != value})
        os.chdir(folder)


_PACKAGES = {"sklearn", "imblearn", "lightgbm", "xgboost", "catboost", "pycaret", "sktime", "statsmodels"}


def _modules_in(pickled: bytes) -> list[str]:
    """The modules of packages that PyCaret's models come from, among those that a pickle names.

    Example:
        >>> from sklearn.naive_bayes import GaussianNB
        >>> _modules_in(pickle.dumps(GaussianNB()))
        ['sklearn.naive_bayes']
    """
    texts = [argument for _, argument, _ in pickletools.genops(pickled) if isinstance(argument, str)]
    return [text for text in dict.fromkeys(texts) if text.partition(".")[0] in _PACKAGES and " " not in text]


def _said(error: BaseException) -> str:
    """An exception's message, short enough to be kept and of characters that can be."""
    try:
        text = str(error)
    except Exception as worse:
        text = f"The message could not be had: {type(worse).__name__}."
    if len(text) > _MESSAGE_CHARACTERS:
        text = f"{text[:_MESSAGE_CHARACTERS]} ..."
    return text.encode(errors="replace").decode()


def _tail(text: str) -> str:
    return text[-_TRACEBACK_CHARACTERS:].encode(errors="replace").decode()
