"""Expected cost of a trial: a prior by model and table size, refined by what the run measures.

The figures are orders of magnitude, not predictions: they decide which tasks start first and which go together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bakeoff.comparison.trial import Outcome, Trial
from bakeoff.comparison.trial_store import TrialStore

FLOOR_SECONDS = 0.02
"""Least cost of a trial: cloning, predicting and scoring take this long on a handful of rows."""

BASE_SECONDS: Mapping[str, float] = {
    "rf": 0.25, "et": 0.2, "gbc": 0.2, "gbr": 0.13, "ada": 0.1, "lightgbm": 0.1, "xgboost": 0.1, "catboost": 1.0,
    "mlp": 0.5, "gpc": 1.0, "lr": 0.1,
}  # fmt: skip
"""Fixed seconds of a trial by model id, if above the floor: ensembles grow all their trees even on few rows."""
UNKNOWN = 2.0
"""Weight of a model that is in no list: large enough to start early, small enough not to dominate the plan."""

SECONDS_PER_MILLION_CELLS: Mapping[str, float] = {
    "dummy": 0.01, "nb": 0.05, "ridge": 0.05, "lda": 0.2, "qda": 0.15, "svm": 0.4, "lr": 0.9, "dt": 0.25, "knn": 1.5,
    "ada": 1.0, "gbc": 4.5, "rf": 2.4, "et": 2.4, "lightgbm": 0.6, "xgboost": 0.7, "catboost": 9.0, "mlp": 20.0,
    "gpc": 200.0, "rbfsvm": 60.0,
    "lasso": 0.1, "en": 0.1, "lar": 0.05, "llar": 0.05, "omp": 0.05, "br": 0.1, "ard": 2.0, "par": 0.1, "ransac": 1.0,
    "tr": 10.0, "huber": 0.5, "kr": 60.0, "gbr": 5.0,
}  # fmt: skip
"""Seconds per million cells (training rows x columns) on one core, by PyCaret's model id, measured on the bank table
(28,000 x 50 per fold) and on 20,000 x 20 of synthetic regression data."""


@dataclass(frozen=True)
class PriorCosts:
    """Expected seconds of a trial, by model id and the size of a fold.

    Attributes:
        n_rows: number of rows that a model is fitted on.
        n_columns: number of columns after preprocessing, as far as known.

    Example:
        >>> costs = PriorCosts(n_rows=20_000, n_columns=50)
        >>> costs("gbc") > costs("rf") > costs("nb")
        True
    """

    n_rows: int
    n_columns: int

    def __call__(self, model_id: str) -> float:
        """Return the expected seconds of one trial of this model."""
        weight = SECONDS_PER_MILLION_CELLS.get(model_id, UNKNOWN)
        base = BASE_SECONDS.get(model_id, FLOOR_SECONDS)
        return base + weight * self.n_rows * max(self.n_columns, 1) / 1e6


@dataclass(frozen=True)
class ExpectedCosts:
    """Expected seconds of a trial before the run has measured any: what earlier runs tell, else a prior.

    Attributes:
        store: what earlier runs tell.
        families: PyCaret's id of each model, by model id; anything else for an estimator object.
        prior: expected seconds by PyCaret's id.

    Example:
        >>> from bakeoff.comparison.trial_store import NullStore
        >>> costs = ExpectedCosts(NullStore(), {"0": "lr", "1": "Mine()"}, PriorCosts(1_000, 10))
        >>> costs("0") == PriorCosts(1_000, 10)("lr")
        True
        >>> costs.total([Trial("0", 0), Trial("0", 1)]) == 2 * costs("0"), costs.total([Trial("1", 0)])
        (True, inf)
    """

    store: TrialStore
    families: Mapping[str, str]
    prior: Callable[[str], float]

    def __call__(self, model_id: str) -> float:
        """Return the expected seconds of one trial of this model."""
        return self.store.expected_seconds(model_id) or self.prior(self.families[model_id])

    def total(self, trials: Iterable[Trial]) -> float:
        """Return the expected seconds of trials on one core; infinity if nothing is known of a model."""
        trials = tuple(trials)
        if not all(self._is_known(model_id) for model_id in {trial.model_id for trial in trials}):
            return math.inf
        return sum(self(trial.model_id) for trial in trials)

    def _is_known(self, model_id: str) -> bool:
        return bool(self.store.expected_seconds(model_id)) or self.families[model_id] in SECONDS_PER_MILLION_CELLS


class Costs:
    """Expected seconds of a trial: the measured mean if there is one, else a prior scaled by what was measured.

    Args:
        prior: expected seconds of a trial, by model id.

    Example:
        >>> costs = Costs({"lr": 1.0, "rf": 2.0}.__getitem__)
        >>> costs.learn(Outcome("lr", 0, fit_seconds=4.0))
        >>> costs("lr"), round(costs("rf"), 1)  # twice the prior, not four times: one model is a weak hint
        (4.0, 4.0)
    """

    def __init__(self, prior: Callable[[str], float]) -> None:
        self._prior = prior
        self._measured: dict[str, _Mean] = {}
        self._transforms = _Mean()
        self._scale: float | None = 1.0
        self._kin: dict[str, str] = {}

    def admit(self, model_id: str, like: str) -> None:
        """Expect of a further model what is known of another one, until it is measured."""
        self._kin[model_id] = like

    @property
    def transform_seconds(self) -> float:
        """Mean seconds of preprocessing a fold so far; 0.0 if nothing is known."""
        return self._transforms.value

    def __call__(self, model_id: str) -> float:
        """Return the expected seconds of one trial of this model."""
        if model_id in self._measured:
            return max(self._measured[model_id].value, FLOOR_SECONDS / 4)
        if model_id in self._kin:
            return self(self._kin[model_id])
        if self._scale is None:
            # The geometric mean of measured over prior, with one more model for which the prior was exact.
            known = {name: mean.value for name, mean in self._measured.items() if name not in self._kin}
            log_ratios = [math.log(max(value, 1e-4) / self._prior(name)) for name, value in known.items()]
            self._scale = math.exp(sum(log_ratios) / (len(log_ratios) + 1))
        return self._prior(model_id) * self._scale

    def learn(self, outcome: Outcome) -> None:
        """Update the means with an outcome. Failed ones are ignored: they may have ended early, or been stopped."""
        if not outcome.ok:
            return
        self._measured.setdefault(outcome.model_id, _Mean()).add(outcome.fit_seconds + outcome.score_seconds)
        if outcome.transform_seconds > 0.0:
            self._transforms.add(outcome.transform_seconds)
        self._scale = None


class _Mean:
    """A running mean."""

    def __init__(self) -> None:
        self._count, self._total = 0, 0.0

    def add(self, value: float) -> None:
        self._count += 1
        self._total += value

    @property
    def value(self) -> float:
        return self._total / self._count if self._count else 0.0
