"""Runner for ``cross_validation=False``: fit on all training rows, score on the hold-out rows.

The scores are those of PyCaret's ``predict_model`` on the hold-out rows (which differ from its scorers: they are
rounded to four decimals), so a copy of the experiment is sent along and computes them on the worker.
"""

from __future__ import annotations

import logging
import pickle
import time
from typing import Any

from bakeoff.comparison.trial import Trial
from bakeoff.pycaret3.frozen import FrozenExperiment
from bakeoff.pycaret3.runners.base import Scored, TrialRunner


class HoldoutRunner(TrialRunner):
    """Runner for one trial per model.

    Args:
        frozen: the experiment.
        holdout: its pickled copy, with the hold-out rows.
        refitter: runner of the experiment's own kind, which refits.
    """

    def __init__(self, frozen: FrozenExperiment, holdout: bytes, refitter: TrialRunner) -> None:
        super().__init__(frozen)
        self._experiment = _rebuild(*pickle.loads(holdout))
        self._refitter = refitter

    def _score(self, trial: Trial) -> Scored:
        estimator, _ = self._estimator(trial.model_id)
        experiment = self._experiment
        if self._frozen.fit_kwargs and self._frozen.task != "time_series":
            started = time.perf_counter()
            model = self._refitter._refit(estimator)  # PyCaret's own pipeline cannot pass fit_kwargs on
            seconds = time.perf_counter() - started
            experiment.predict_model(model, verbose=False)
        else:
            kwargs = dict(self._frozen.fit_kwargs)
            _, seconds = experiment._create_model(
                estimator, cross_validation=False, fit_kwargs=kwargs, system=False, verbose=False
            )
        scores = experiment.pull(pop=True).iloc[0]
        metrics = {metric.key: float(scores[metric.name]) for metric in self._frozen.metrics if metric.name in scores}
        return Scored(metrics, float(seconds), 0.0)

    def _refit(self, estimator: Any) -> Any:
        return self._refitter._refit(estimator)


def _rebuild(experiment_class: Any, state: dict[str, Any]) -> Any:
    """Rebuild the experiment from its class and its state."""
    experiment = experiment_class.__new__(experiment_class)
    experiment.__dict__.update(state)
    experiment._remote = True
    experiment.logger = logging.getLogger(__name__ + ".quiet")
    experiment.logger.addHandler(logging.NullHandler())
    experiment.logger.propagate = False
    return experiment
