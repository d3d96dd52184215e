"""The best model with its calibration and its threshold, as it is kept.

The class travels inside of a model that must load where Bakeoff is not installed, so it is pickled by value.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone

Array = np.ndarray[Any, Any]


class DecidedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """A classifier whose probabilities are calibrated, and that predicts one class from a threshold on.

    `sklearn.model_selection.FixedThresholdClassifier` does the latter from scikit-learn 1.5 on.

    Args:
        estimator: the classifier.
        calibration: what makes other probabilities of its own (of two classes, of the second) by ``apply``.
        threshold: probability from which on a class is predicted; ``None`` to predict the likeliest.
        position: position of that class among the two.
    """

    def __init__(
        self,
        estimator: Any,
        calibration: Any = None,
        threshold: float | None = None,
        position: int = 1,
    ) -> None:
        self.estimator = estimator
        self.calibration = calibration
        self.threshold = threshold
        self.position = position

    @classmethod
    def of_fitted(cls, estimator: Any, **arguments: Any) -> DecidedClassifier:
        """Return a fitted classifier of one that is fitted already.

        Args:
            estimator: the classifier.
            arguments: the other arguments of the class.
        """
        return cls(estimator, **arguments)._take(estimator)

    @property
    def decision(self) -> str:
        """The threshold and the calibration as text, by which a kept model is told from others."""
        threshold = "" if self.threshold is None else f"class {self.position} from {self.threshold:.17g} on"
        return ", ".join(part for part in (threshold, getattr(self.calibration, "method", "")) if part)

    def fit(self, X: Any, y: Any, **arguments: Any) -> DecidedClassifier:
        """Fit a copy of the classifier; calibration and threshold stay what they are."""
        return self._take(clone(self.estimator).fit(X, y, **arguments))

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class."""
        chances = np.asarray(self.estimator_.predict_proba(X), dtype=float)
        if self.calibration is None:
            return chances
        if chances.shape[1] == 2:  # noqa: PLR2004 - classes
            second = self.calibration.apply(chances[:, 1])
            return np.column_stack([1 - second, second])
        return np.asarray(self.calibration.apply(chances))

    def predict(self, X: Any) -> Array:
        """Return the class of each row."""
        chances = self.predict_proba(X)
        chosen = chances.argmax(axis=1)
        if self.threshold is not None:
            chosen = np.where(chances[:, self.position] >= self.threshold, self.position, 1 - self.position)
        return np.asarray(np.asarray(self.classes_)[chosen])

    def _take(self, fitted: Any) -> DecidedClassifier:
        self.estimator_ = fitted
        self.classes_ = fitted.classes_
        for name in ("feature_names_in_", "n_features_in_"):
            if hasattr(fitted, name):
                setattr(self, name, getattr(fitted, name))
        return self
