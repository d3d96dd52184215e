"""Calibration of a classifier: curves from its probabilities to those that its classes have out of fold.

A calibration is part of a kept model, which must load where Bakeoff is not installed: it is pickled by value, so it is
made of numpy's arrays and numbers alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from bakeoff.comparison.blend_goals import negative_log_loss, predicted_classes
from bakeoff.comparison.decision import CalibrationChoice
from bakeoff.comparison.out_of_fold import Array, OutOfFold

ISOTONIC, SIGMOID = "isotonic", "sigmoid"
_LEAST_ROWS = 1_000
"""Predictions below which an isotonic curve follows chance, so that it is not tried by itself."""
_LEAST_GAIN = 0.005
"""Least share by which the log-loss falls where a calibration is kept."""
_WEAK = 1e4
"""Inverse of the penalty on a sigmoid, which is as good as none."""
_EDGE = 1e-7
"""Probabilities are not taken for less than this, as they have been float32."""


class StepCurve(NamedTuple):
    """A curve that rises from point to point, straight in between.

    Attributes:
        x: probabilities.
        y: what becomes of them.
    """

    x: Array
    y: Array

    def apply(self, chances: Array) -> Array:
        """Return what becomes of probabilities."""
        return np.interp(chances, self.x, self.y)


class SigmoidCurve(NamedTuple):
    """A curve that is straight in log-odds.

    Attributes:
        slope: factor of the log-odds.
        shift: what is added to them.
    """

    slope: float
    shift: float

    def apply(self, chances: Array) -> Array:
        """Return what becomes of probabilities."""
        return np.asarray(1 / (1 + np.exp(-(self.slope * log_odds(chances) + self.shift))))


class Calibration(NamedTuple):
    """Curves that calibrate a classifier.

    Attributes:
        method: ``isotonic`` or ``sigmoid``.
        curves: of two classes, the curve of the second; of more, one for each, after which they are made to add up.
    """

    method: str
    curves: tuple[StepCurve | SigmoidCurve, ...]

    def apply(self, chances: Array) -> Array:
        """Return calibrated probabilities: of two classes, of the second.

        Example:
            >>> Calibration("sigmoid", (SigmoidCurve(1.0, 0.0),)).apply(np.array([0.25])).round(9).tolist()
            [0.25]
        """
        if chances.ndim == 1:
            return self.curves[0].apply(chances)
        apart = np.column_stack([curve.apply(chances[:, place]) for place, curve in enumerate(self.curves)])
        return np.asarray(apart / apart.sum(axis=1, keepdims=True))


def choose_calibration(said: OutOfFold, method: str) -> CalibrationChoice | None:
    """Choose the method whose log-loss on each fold is least, learned on the others.

    Args:
        said: what a classifier predicted.
        method: ``isotonic``, ``sigmoid``, or ``auto`` for what is better.

    Returns:
        The choice; ``None`` if nothing can be learned from what was predicted.
    """
    methods = [method]
    if method not in {ISOTONIC, SIGMOID}:
        methods = [SIGMOID, ISOTONIC] if len(said.truth) >= _LEAST_ROWS else [SIGMOID]
    usual = np.mean([_log_loss(said.truth[own], said.chances[own]) for _, own in said.turns()])
    found = []
    for each in methods:
        calibrated = cross_calibrated(said, each)
        if calibrated is not None:
            losses = [_log_loss(said.truth[own], calibrated[own]) for _, own in said.turns()]
            found.append((float(np.mean(losses)), each))
    if not found or learn(said.truth, said.chances, min(found)[1]) is None:
        return None
    loss, best = min(found)
    return CalibrationChoice(
        best, loss, float(usual), kept=bool(loss < usual * (1 - _LEAST_GAIN)), changed=_changed(said, best)
    )


def cross_calibrated(said: OutOfFold, method: str) -> Array | None:
    """Return the probabilities of each fold by curves that were learned on the others; ``None`` if there are none."""
    calibrated = np.array(said.chances, dtype=float)
    for others, own in said.turns():
        calibration = learn(said.truth[others], said.chances[others], method)
        if calibration is None:
            return None
        calibrated[own] = calibration.apply(said.chances[own])
    return calibrated


def learner(method: str) -> Callable[[Array, Array], Callable[[Array], Array]]:
    """Return what learns a calibration; where it fails, that changes nothing."""

    def learned(truth: Array, chances: Array) -> Callable[[Array], Array]:
        found = learn(truth, chances, method)
        return (lambda same: same) if found is None else found.apply

    return learned


def learn(truth: Array, chances: Array, method: str) -> Calibration | None:
    """Learn a calibration.

    Args:
        truth: position of the class of each row.
        chances: of two classes, the probability of the second; of more, a column for each.
        method: ``isotonic`` or ``sigmoid``.

    Returns:
        The calibration; ``None`` if a class is missing, or rows of a class are not the likelier the more its
        probability is.
    """
    fit = _isotonic if method == ISOTONIC else _sigmoid
    columns = [chances] if chances.ndim == 1 else list(chances.T)
    curves = [
        fit(truth == place, np.asarray(column, dtype=float))
        for place, column in enumerate(columns, start=1 if chances.ndim == 1 else 0)
    ]
    found = tuple(curve for curve in curves if curve is not None)
    return Calibration(method, found) if len(found) == len(curves) else None


def log_odds(chances: Array) -> Array:
    """Return the logarithm of the odds of probabilities, which is finite at 0 and 1, too."""
    clipped = np.clip(chances, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(clipped / (1 - clipped)))


def _isotonic(is_it: Array, chances: Array) -> StepCurve | None:
    if is_it.all() or not is_it.any():
        return None
    least = 1 / (len(chances) + 2)  # no row is so sure that one like it could not be different
    fitted = IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip").fit(chances, is_it.astype(float))
    if len(fitted.X_thresholds_) < 2:  # noqa: PLR2004 - the same for all rows
        return None
    return StepCurve(fitted.X_thresholds_, fitted.y_thresholds_)


def _sigmoid(is_it: Array, chances: Array) -> SigmoidCurve | None:
    if is_it.all() or not is_it.any():
        return None
    # Platt's targets: no row is so sure that one like it could not be different.
    n_it, n_others = int(is_it.sum()), int((~is_it).sum())
    target = np.where(is_it, (n_it + 1) / (n_it + 2), 1 / (n_others + 2))
    odds, sides = log_odds(chances)[:, None], np.repeat([True, False], len(chances))
    weights = np.concatenate([target, 1 - target])
    fitted = LogisticRegression(C=_WEAK).fit(np.concatenate([odds, odds]), sides, sample_weight=weights)
    slope, shift = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    return SigmoidCurve(slope, shift) if slope > 0 else None


def _changed(said: OutOfFold, method: str) -> float:
    """Return the share of predictions whose likeliest class is another one by calibrated probabilities."""
    calibrated = cross_calibrated(said, method)
    assert calibrated is not None  # noqa: S101 - it has a log-loss
    before, after = (predicted_classes(np.asarray(chances)[None])[0] for chances in (said.chances, calibrated))
    return float((before != after).mean())


def _log_loss(truth: Array, chances: Array) -> float:
    return -float(negative_log_loss(truth, np.asarray(chances)[None])[0])
