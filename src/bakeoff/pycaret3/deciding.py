"""How the best classifier of a comparison decides: from what it predicted out of fold to one that is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bakeoff.comparison.decision import Decision
from bakeoff.comparison.out_of_fold import OutOfFold
from bakeoff.comparison.predictions import Kind, PredictionStore
from bakeoff.comparison.thresholds import Aim, choose_threshold
from bakeoff.comparison.trial import Trial
from bakeoff.pycaret3.blending import stacked
from bakeoff.pycaret3.decided_model import DecidedClassifier
from bakeoff.pycaret3.prepared import PreparedComparison
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
    frozen = comparison.frozen
    positions = class_positions(frozen)
    if not by_fold:
        return None
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


def decide(model_id: str, said: OutOfFold, threshold: Aim | None) -> Decision:
    """Choose how a classifier decides.

    Args:
        model_id: the classifier.
        said: what it predicted out of fold.
        threshold: what its threshold is to be good at; ``None`` if none is to be chosen.
    """
    decision = Decision(model_id)
    if threshold is not None:
        decision = replace(decision, threshold=choose_threshold(said, threshold))
    return decision


def undecided(model: Any) -> Any:
    """Return a fitted classifier as it was before `decided`."""
    return model.estimator_ if isinstance(model, DecidedClassifier) else model


def decided(model: Any, decision: Decision) -> Any:
    """Return a fitted classifier that decides like that; the same one if it does already.

    Args:
        model: the fitted classifier.
        decision: how it is to decide.
    """
    if decision.is_usual:
        return model
    threshold = decision.threshold
    kept = threshold if threshold is not None and threshold.kept else None
    return DecidedClassifier.of_fitted(
        model, threshold=kept.threshold if kept else None, position=kept.position if kept else 1
    )
