"""Trials of ``cross_validation=False``: fit on all training rows, score on the hold-out rows.

The scores are what PyCaret's ``predict_model`` says of the hold-out rows (which differs from its scorers: it rounds to
four decimals), so a copy of the experiment travels and says it on the worker.
"""

from __future__ import annotations

import logging
import pickle
import time
from typing import Any

from bakeoff.comparison.trial import Trial
from bakeoff.pycaret3.frozen import HOLDOUT, FrozenExperiment
from bakeoff.pycaret3.runners.base import Scored, TrialRunner


class HoldoutRunner(TrialRunner):
    """Runs one trial a model; refits are those of the experiment's own kind."""

    def __init__(self, frozen: FrozenExperiment, usual: TrialRunner) -> None:
        super().__init__(frozen)
        self._experiment = _arrive(*pickle.loads(frozen.extra[HOLDOUT]))
        self._usual = usual

    def _score(self, trial: Trial) -> Scored:
        estimator, _ = self._estimator(trial.model_id)
        experiment = self._experiment
        if self._frozen.fit_kwargs and self._frozen.task != "time_series":
            started = time.perf_counter()
            model = self._usual._refit(estimator)  # PyCaret's own pipeline does not know what to do with fit_kwargs
            seconds = time.perf_counter() - started
            experiment.predict_model(model, verbose=False)
        else:
            kwargs = dict(self._frozen.fit_kwargs)
            _, seconds = experiment._create_model(
                estimator, cross_validation=False, fit_kwargs=kwargs, system=False, verbose=False
            )
        said = experiment.pull(pop=True).iloc[0]
        metrics = {metric.key: float(said[metric.name]) for metric in self._frozen.metrics if metric.name in said}
        return Scored(metrics, float(seconds), 0.0)

    def _refit(self, estimator: Any) -> Any:
        return self._usual._refit(estimator)


def _arrive(kind: Any, state: dict[str, Any]) -> Any:
    """The experiment again, from its kind and its parts."""
    experiment = kind.__new__(kind)
    experiment.__dict__.update(state)
    experiment._remote = True
    experiment.logger = logging.getLogger(__name__ + ".quiet")
    experiment.logger.addHandler(logging.NullHandler())
    experiment.logger.propagate = False
    return experiment
