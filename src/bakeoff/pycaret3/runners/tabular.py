"""Runner for classification and regression: each fold is transformed once, then all models are fitted and scored on it.

PyCaret fits the preprocessing again for every model and fold. Here the transformers are fitted once per fold, in order,
and kept together with the transformed rows; a model is then fitted on those rows and scored through PyCaret's own
scorers on a pipeline of the fitted steps and that model. The scores are the same.
"""

from __future__ import annotations

import math
import numbers
import pickle
import time
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pycaret.internal.patches.sklearn import MultimetricScorerPatched
from pycaret.internal.pipeline import Pipeline, _fit_one, pipeline_predict_inverse_only
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning

from bakeoff.comparison.trial import Trial
from bakeoff.pycaret3.fit_kwargs import select_rows
from bakeoff.pycaret3.frozen import FrozenExperiment
from bakeoff.pycaret3.pipeline_steps import safe_names
from bakeoff.pycaret3.runners.base import FoldStore, Scored, TrialRunner
from bakeoff.pycaret3.scoring.fast_unique import quick_unique
from bakeoff.pycaret3.scoring.log_loss import LOG_LOSS
from bakeoff.pycaret3.scoring.predicted import class_positions, packed_predictions, test_positions
from bakeoff.pycaret3.scoring.prediction_cache import cached_predictions, recorded_predictions

KEPT_FOLD_BYTES = 1 << 30
"""Size of transformed folds that one process keeps; the least recently used is dropped first."""

SHELVED_SECONDS = 0.03
"""Least transform time for which a fold is shared with other processes: reading a quicker one saves nothing."""

_LAST_STEP = "actual_estimator"
"""Name of the model's step in PyCaret's pipelines."""


@dataclass
class Fold:
    """A fold after preprocessing.

    Attributes:
        steps: the fitted transformers.
        X_train: transformed training rows; steps such as outlier removal may have dropped or added some.
        y_train: their target, encoded or transformed if the pipeline does that.
        X_test: transformed test rows.
        y_test: original target of the remaining test rows.
        mark: checksum of the numbers, to detect a model that writes into its input.
    """

    steps: list[tuple[str, Any]]
    X_train: pd.DataFrame
    y_train: Any
    X_test: pd.DataFrame
    y_test: pd.Series[Any]
    mark: int

    @property
    def n_bytes(self) -> int:
        """Memory of the transformed rows in bytes."""
        return int(self.X_train.memory_usage().sum() + self.X_test.memory_usage().sum())


class TabularRunner(TrialRunner):
    """Runner for classification and regression trials, which keeps the folds that it transformed.

    Args:
        frozen: the experiment.
        shared: cache of transformed folds that the processes of this machine share.
    """

    def __init__(self, frozen: FrozenExperiment, shared: FoldStore | None = None) -> None:
        super().__init__(frozen)
        self._shared = shared
        self._folds: OrderedDict[int, Fold] = OrderedDict()
        self._positions = class_positions(frozen) if frozen.keeps_predictions else None

    def _score(self, trial: Trial) -> Scored:
        estimator, _ = self._estimator(trial.model_id)
        fold, transform_seconds = self._fold(trial.fold)
        trusted = _is_trusted(estimator)
        X_train, X_test = (fold.X_train, fold.X_test) if trusted else _private_copy(fold)
        np.random.seed(self._frozen.seed)
        started = time.perf_counter()
        kwargs = select_rows(self._frozen.fit_kwargs, self._frozen.splits[trial.fold][0], len(self._frozen.y))
        with quick_unique() if trusted else nullcontext():
            model = _fit(clone(estimator), X_train, fold.y_train, kwargs)
        fitted = time.perf_counter()
        pipeline = type(self._frozen.pipeline)([*fold.steps, (_LAST_STEP, model)])
        with cached_predictions(model), recorded_predictions(pipeline) as said:
            metrics, errors = self._metrics(pipeline, X_test, fold.y_test)
            scored = time.perf_counter()
            packed = self._packed(trial, pipeline, (X_test, fold.y_test), said)
        if trusted and _checksum(fold.X_train, fold.X_test) != fold.mark:
            del self._folds[trial.fold]  # the next model must get clean rows, as this one did
        return Scored(metrics, fitted - started, scored - fitted, transform_seconds, errors, packed)

    def _packed(
        self, trial: Trial, pipeline: Pipeline, test: tuple[pd.DataFrame, pd.Series[Any]], said: dict[str, Any]
    ) -> bytes | None:
        """Return the predictions for the test rows, packed; ``None`` if they are not kept."""
        if not self._frozen.keeps_predictions:
            return None
        X, y = test
        if "decision_function" in said and "predict_proba" not in said:
            with pipeline_predict_inverse_only(), suppress(AttributeError):
                pipeline.predict_proba(X)  # recorded, and mostly made of what the decision function has computed
        rows = test_positions(self._frozen, trial.fold, y.index)
        return packed_predictions(said, pipeline, self._positions, rows)

    def _metrics(
        self, pipeline: Pipeline, X: pd.DataFrame, y: pd.Series[Any]
    ) -> tuple[dict[str, float], dict[str, str]]:
        """Score a pipeline.

        Returns:
            Values in their natural sign, and an error line for each metric that failed, whose value is PyCaret's 0.0;
            NaN for the log-loss, which would make the best model of one without probabilities.
        """
        # raise_exc=False hands a scorer's traceback back as a string; PyCaret's own scorers warn and return 0.0.
        scorer = MultimetricScorerPatched(scorers=dict(self._frozen.scorers), raise_exc=False)
        with pipeline_predict_inverse_only(), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", FitFailedWarning)
            scores = scorer(pipeline, X, y)
        errors = {key: _last_line(value) for key, value in scores.items() if isinstance(value, str)}
        for key, fold_scorer in self._frozen.scorers.items():
            prefix = f"Metric '{fold_scorer!r}' failed"
            messages = [str(w.message) for w in caught if str(w.message).startswith(prefix)]
            if messages:
                errors[key] = _last_line(messages[0])
        if errors:
            with pipeline_predict_inverse_only():
                pipeline.predict(X)  # if predicting itself is broken this raises, and the trial fails
        if len(errors) == len(scores):
            raise ValueError(f"No metric could be computed: {next(iter(errors.values()))}")
        return self._in_natural_sign(scores, errors), errors

    def _in_natural_sign(self, scores: Mapping[str, Any], errors: Mapping[str, str]) -> dict[str, float]:
        metrics: dict[str, float] = {}
        for metric in self._frozen.metrics:
            value = scores[metric.key]
            if metric.key in errors:
                value = math.nan if metric.key == LOG_LOSS else 0.0
            value = value.item() if hasattr(value, "item") else value
            if not isinstance(value, numbers.Real):
                raise TypeError(f"Metric {metric.name} returned {value!r}, which is no number.")
            metrics[metric.key] = float(value) * (1 if metric.greater_is_better else -1)
        return metrics

    def _refit(self, estimator: Any) -> Any:
        pipeline = _with_last_step(self._frozen.pipeline, "passthrough")
        X, y, _ = pipeline._fit(self._frozen.X, self._frozen.y, _no_params(pipeline))
        return _fit(clone(estimator), X, y, self._frozen.fit_kwargs)

    def _fold(self, number: int) -> tuple[Fold, float]:
        """Return a fold after preprocessing, and the seconds that this took: 0.0 if it was done before."""
        if number in self._folds:
            self._folds.move_to_end(number)
            return self._folds[number], 0.0
        seconds = 0.0
        fold = None if self._shared is None else self._shared.take(f"fold-{number}")
        if fold is None:
            started = time.perf_counter()
            np.random.seed(self._frozen.seed)
            fold = transform_fold(self._frozen, number)
            seconds = time.perf_counter() - started
            if self._shared is not None and seconds >= SHELVED_SECONDS:
                self._shared.put(f"fold-{number}", fold, fold.n_bytes)
        self._folds[number] = fold
        while len(self._folds) > 1 and sum(kept.n_bytes for kept in self._folds.values()) > KEPT_FOLD_BYTES:
            self._folds.popitem(last=False)
        return fold, seconds


def transform_fold(frozen: FrozenExperiment, number: int) -> Fold:
    """Fit the preprocessing on a fold's training rows, and transform both sides."""
    train, test = frozen.splits[number]
    X, y = frozen.X, frozen.y
    assert X is not None  # noqa: S101 - only a time series can be without columns
    pipeline = _with_last_step(frozen.pipeline, "passthrough")
    X_train, y_train, _ = pipeline._fit(X.iloc[train], y.iloc[train], _no_params(pipeline))
    steps = pipeline.steps[:-1]
    X_test, y_test = X.iloc[test], y.iloc[test]
    if steps:
        # Training-only steps are skipped; rows that other steps drop are dropped from the target too.
        X_test, y_kept = pipeline._memory_full_transform(pipeline, X_test, y_test, with_final=False)
        y_test = y_test[y_test.index.isin(y_kept.index)]
    return Fold(steps, X_train, y_train, X_test, y_test, _checksum(X_train, X_test))


def _with_last_step(pipeline: Pipeline, last: Any) -> Pipeline:
    """Return a fresh, unfitted copy of the preprocessing with ``last`` as its last step."""
    return type(pipeline)([(name, clone(step, safe=False)) for name, step in pipeline.steps] + [(_LAST_STEP, last)])


def _no_params(pipeline: Pipeline) -> dict[str, dict[str, Any]]:
    return {name: {"fit": {}, "transform": {}} for name, _ in pipeline.steps}


def _fit(estimator: Any, X: pd.DataFrame, y: Any, fit_kwargs: Mapping[str, Any]) -> Any:
    inner = getattr(estimator, "classifier", estimator)  # of PyCaret's probability threshold
    if type(inner).__module__.startswith("lightgbm") and (names := safe_names(X.columns)):
        X = X.rename(columns=names)  # it refuses some when it is fitted, and does not look at them when it predicts
    if fit_kwargs:
        return estimator.fit(X, y, **fit_kwargs)
    return _fit_one(estimator, X, y)


def _is_trusted(estimator: Any) -> bool:
    """Return whether this kind of estimator comes with PyCaret and is known not to write into its input."""
    return type(estimator).__module__.partition(".")[0] in {"sklearn", "pycaret", "lightgbm", "xgboost", "catboost"}


def _private_copy(fold: Fold) -> tuple[pd.DataFrame, pd.DataFrame]:
    # pickle keeps the memory layout of the blocks, which DataFrame.copy does not; some solvers show the difference.
    copied: tuple[pd.DataFrame, pd.DataFrame] = pickle.loads(pickle.dumps((fold.X_train, fold.X_test), protocol=5))
    return copied


def _checksum(*frames: pd.DataFrame) -> int:
    """Compute a cheap checksum of all numbers: the XOR of their bits, by column."""
    total = 0
    for frame in frames:
        for position in range(frame.shape[1]):
            values = np.asarray(frame.iloc[:, position])
            if values.dtype.kind in "iufb" and values.size:
                bits = np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}")
                total ^= (int(np.bitwise_xor.reduce(bits)) + position) * 0x9E3779B1
    return total


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
