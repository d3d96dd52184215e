"""Decisions of a comparison's best classifier: from its predictions out of fold to the model that is kept."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from bakeoff.comparison.decision import Decision, Wanted
from bakeoff.comparison.model_diagnostics import ReliabilityCurve
from bakeoff.comparison.out_of_fold import OutOfFold
from bakeoff.comparison.predictions import Kind, PredictionStore
from bakeoff.comparison.reliability import reliability
from bakeoff.comparison.thresholds import choose_threshold
from bakeoff.comparison.trial import Trial
from bakeoff.pycaret3.blending import stacked
from bakeoff.pycaret3.calibration import Calibration, choose_calibration, cross_calibrated, learn, learner
from bakeoff.pycaret3.decided_model import DecidedClassifier
from bakeoff.pycaret3.prepared import PreparedComparison
from bakeoff.pycaret3.restore import final_pipeline
from bakeoff.pycaret3.runners.quiet import hushed
from bakeoff.pycaret3.scoring.predicted import class_positions


def out_of_fold(
    comparison: PreparedComparison, by_fold: Sequence[Mapping[str, float]], predictions: PredictionStore
) -> OutOfFold | None:
    """Return the probabilities of a model or a blend for the test rows of all folds.

    Args:
        comparison: what was compared; a classification.
        by_fold: for each fold, the share of each model: of a single one, the whole.
        predictions: what the models predicted.

    Returns:
        The probabilities; ``None`` if they are not there for every fold.
    """
    if not by_fold:
        return None
    frozen = comparison.frozen
    positions = class_positions(frozen)
    truths, chances, folds, rows = [], [], [], []
    for fold, shares in enumerate(by_fold):
        found = [predictions.of(Trial(model_id, fold)) for model_id in shares]
        said = [each for each in found if each is not None and each.kind is Kind.PROBABILITIES]
        if len(said) < len(found) or not all(np.isfinite(each.values).all() for each in said):
            return None
        test = frozen.splits[fold][1]
        at = test if said[0].rows is None else test[said[0].rows]
        truths += [positions[label] for label in np.asarray(frozen.y.iloc[at]).tolist()]
        chances.append(np.tensordot(np.array(list(shares.values())), stacked(said), axes=1))
        folds.append(np.full(len(at), fold))
        rows.append(at)
    labels = [str(label) for label in positions]
    return OutOfFold(labels, np.array(truths), np.concatenate(chances), np.concatenate(folds), np.concatenate(rows))


class Decided(NamedTuple):
    """Decision of a classifier, with what it takes and shows.

    Attributes:
        decision: the decision as plain data.
        calibration: the curves that it is calibrated by; ``None`` if it is not.
        curves: reliability of its probabilities, as fitted and, where it is calibrated, as calibrated.
    """

    decision: Decision
    calibration: Calibration | None
    curves: tuple[ReliabilityCurve, ...]

    def applied(self, model: Any) -> Any:
        """Return a fitted classifier that decides like that; the same one if it does already."""
        if self.decision.is_usual:
            return model
        choice = self.decision.threshold
        threshold = choice if choice is not None and choice.kept else None
        return DecidedClassifier.of_fitted(
            model,
            calibration=self.calibration,
            threshold=threshold.best if threshold else None,
            position=threshold.position if threshold else 1,
        )


def decide(model_id: str, said: OutOfFold, wanted: Wanted) -> Decided:
    """Choose how a classifier decides: its calibration first, then its threshold on calibrated probabilities.

    Args:
        model_id: the classifier.
        said: what it predicted out of fold.
        wanted: what is asked.
    """
    choice = choose_calibration(said, wanted.calibrate) if wanted.calibrate else None
    method = choice.method if choice is not None and choice.kept else None
    threshold = None
    if wanted.threshold is not None:
        threshold = choose_threshold(said, wanted.threshold, learner(method) if method else None)
    position = threshold.position if threshold is not None else 1
    curves = [reliability(said, said.chances, position, "as fitted")]
    calibrated = cross_calibrated(said, method) if method else None
    if calibrated is not None:
        curves.append(reliability(said, calibrated, position, "calibrated"))
    calibration = learn(said.truth, said.chances, method) if method else None
    return Decided(Decision(model_id, threshold, choice), calibration, tuple(curves))


def on_holdout(decided: Decided, experiment: Any, model: Any) -> Decided:
    """Return how a classifier decides with what its threshold is worth on the hold-out rows, if it has one.

    Args:
        decided: how it decides.
        experiment: the experiment that was compared.
        model: the classifier that decides like that.
    """
    choice = decided.decision.threshold
    if choice is None or not choice.kept:
        return decided
    with hushed(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        chances = np.asarray(final_pipeline(experiment, model).predict_proba(experiment.X_test), dtype=float)
    is_positive = experiment.y_test.astype(str).to_numpy() == choice.positive
    measured = choice.on_holdout(is_positive, chances[:, choice.position])
    return decided._replace(decision=replace(decided.decision, threshold=measured))


def undecided(model: Any) -> Any:
    """Return a fitted classifier as it was before `Decided.applied`."""
    return model.estimator_ if isinstance(model, DecidedClassifier) else model
