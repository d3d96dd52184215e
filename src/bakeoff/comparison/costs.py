"""What a trial is expected to cost, before anything of this run is measured.

The figures are orders of magnitude, not predictions: they decide which tasks start first and which go together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

FLOOR_SECONDS = 0.02
"""No trial is cheaper: cloning, predicting and scoring take this long on a handful of rows."""
UNKNOWN = 2.0
"""Weight of a model that is in no list: dear enough to start early, cheap enough not to dominate the plan."""

# Seconds for a million cells (training rows x columns) on one core, by the last known family of PyCaret's ids, from
# runs on the bank table (28,000 x 50 per fold) and on 20,000 x 20 of made-up regression data.
SECONDS_PER_MILLION_CELLS: Mapping[str, float] = {
    "dummy": 0.01, "nb": 0.05, "ridge": 0.05, "lda": 0.2, "qda": 0.15, "svm": 0.4, "lr": 0.9, "dt": 0.25, "knn": 1.5,
    "ada": 1.0, "gbc": 4.5, "rf": 2.4, "et": 2.4, "lightgbm": 0.6, "xgboost": 0.7, "catboost": 9.0, "mlp": 20.0,
    "gpc": 200.0, "rbfsvm": 60.0,
    "lasso": 0.1, "en": 0.1, "lar": 0.05, "llar": 0.05, "omp": 0.05, "br": 0.1, "ard": 2.0, "par": 0.1, "ransac": 1.0,
    "tr": 10.0, "huber": 0.5, "kr": 60.0, "gbr": 5.0,
}  # fmt: skip


@dataclass(frozen=True)
class PriorCosts:
    """Expected seconds of a trial, by model id and the size of a fold.

    Example:
        >>> costs = PriorCosts(n_rows=20_000, n_columns=50)
        >>> costs("gbc") > costs("rf") > costs("nb")
        True
    """

    n_rows: int
    n_columns: int

    def __call__(self, model_id: str) -> float:
        """Expected seconds of one trial of this model."""
        weight = SECONDS_PER_MILLION_CELLS.get(model_id, UNKNOWN)
        return FLOOR_SECONDS + weight * self.n_rows * max(self.n_columns, 1) / 1e6


def corrected(prior: Callable[[str], float], measured: Mapping[str, float]) -> Callable[[str], float]:
    """The prior, with what was measured in its place where there is a measurement.

    Example:
        >>> corrected(lambda model_id: 1.0, {"rf": 7.0})("rf")
        7.0
    """
    return lambda model_id: measured.get(model_id) or prior(model_id)
