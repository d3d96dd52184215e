"""The blend of a PyCaret comparison: from what its models predicted to one estimator of scikit-learn's."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from pycaret.internal.patches.sklearn import MultimetricScorerPatched
from pycaret.utils.generic import get_label_encoder
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import Bunch

from bakeoff.comparison.blend import BLEND, Array, Blend, Goal, Pool, Weights, blend, weighted
from bakeoff.comparison.blend_goals import (
    MEASURES,
    MOST_OF_A_CLASS,
    MeasuredGoal,
    area_under_curve,
    drawn_rows,
    negative_log_loss,
    negative_rmse,
    predicted_classes,
)
from bakeoff.comparison.forecast_weights import errors_of, weights_by_error
from bakeoff.comparison.leaderboard import Leaderboard
from bakeoff.comparison.predictions import Kind, Predictions, PredictionStore
from bakeoff.comparison.significance import BASELINE
from bakeoff.comparison.trial import TT, Outcome, Trial
from bakeoff.pycaret3.forecast_blending import TRANSFORMED, ensemble_of, scored_forecast, why_no_forecast_blend
from bakeoff.pycaret3.prepared import PreparedComparison
from bakeoff.pycaret3.runners.tabular import TabularRunner
from bakeoff.pycaret3.scoring.predicted import class_positions

_CLOSE = 1e-6
"""Scores that differ by less are the same, computed from numbers of another precision."""
_TWO = 2


def why_no_blend(comparison: PreparedComparison) -> str | None:
    """Return why the models of a comparison cannot be blended, as the end of a sentence; ``None`` if they can."""
    request, frozen = comparison.request, comparison.frozen
    why = why_no_forecast_blend(frozen) if request.task == "time_series" else None
    if not frozen.keeps_predictions:
        return "what the models predict was not kept"
    if request.probability_threshold is not None:
        return "a blend has no probability_threshold"
    if "target_transformation" in dict(frozen.pipeline.steps):
        return TRANSFORMED
    if request.sort_by == TT:
        return "the models are ranked by time"
    return why


def blend_of(comparison: PreparedComparison, board: Leaderboard, predictions: PredictionStore) -> Blend | None:
    """Return the best blend of the complete models; ``None`` if there is none, or one model is as good.

    Args:
        comparison: what was compared.
        board: the ranked models.
        predictions: what they predicted.
    """
    if why_no_blend(comparison) is not None:
        return None
    said = _said(comparison, board, predictions)
    if not said.pool.model_ids:
        return None
    weights = said.weights(board)
    if weights is None:
        return None
    outcomes = tuple(
        said.outcome(fold, shares, [each for each in board.outcomes if each.fold == fold and each.model_id in shares])
        for fold, shares in enumerate(weights.by_fold)
    )
    return Blend(weights.shares, outcomes, said.missing, weights.by_fold)


def voting_estimator(comparison: PreparedComparison, shares: Mapping[str, float], models: Mapping[str, Any]) -> Any:
    """Return scikit-learn's voting estimator of fitted models, itself fitted; of forecasters, sktime's ensemble.

    Args:
        comparison: what was compared.
        shares: share of each member.
        models: the members, fitted on all training rows behind the preprocessing.
    """
    if comparison.request.task == "time_series":
        return ensemble_of(comparison.frozen, shares, models)
    members = [(model_id, models[model_id]) for model_id in shares]
    unfitted = [(model_id, clone(model)) for model_id, model in members]
    weights = list(shares.values())
    if comparison.request.task == "classification":
        voting = VotingClassifier(unfitted, voting="soft", weights=weights)
        voting.le_ = LabelEncoder().fit(members[0][1].classes_)
        voting.classes_ = voting.le_.classes_
    else:
        voting = VotingRegressor(unfitted, weights=weights)
    voting.estimators_ = [model for _, model in members]
    voting.named_estimators_ = Bunch(**dict(members))
    names = [model.feature_names_in_ for _, model in members if hasattr(model, "feature_names_in_")]
    if names:
        voting.feature_names_in_ = names[0]
    return voting


def stacked(said: Sequence[Predictions]) -> Array:
    """Return predictions of several models as one array; of two classes, the probability of the second."""
    stack = np.stack([each.values for each in said])  # noqa: PD011 - no data frame's
    if stack.ndim == _TWO or stack.shape[2] != _TWO:
        return np.asarray(stack)
    first, second = stack[:, :, 0].astype(float), stack[:, :, 1].astype(float)
    # Near 1, float32 cannot tell probabilities apart that it can tell apart near 0, and ranks of rows depend on that.
    return np.asarray(np.where(first < second, 1 - first, second))


@dataclass(frozen=True)
class _Said:
    """Predictions of a comparison's models, with the truth, and the models that have none."""

    comparison: PreparedComparison
    pool: Pool
    truths: Sequence[pd.Series[Any]]
    missing: tuple[str, ...]

    @property
    def is_series(self) -> bool:
        """Whether the models forecast a time series."""
        return self.comparison.request.task == "time_series"

    def weights(self, board: Leaderboard) -> Weights | None:
        """Choose the weights of the best blend; ``None`` if one model alone is as good."""
        n_rows = sum(map(len, self.truths))
        if self.is_series:
            errors = errors_of(self.pool, self.comparison.plan, board, self.truths)
            return weights_by_error(self.pool, errors, self.score, n_rows)
        return blend(*self.question(board), n_rows)

    def question(self, board: Leaderboard) -> tuple[Pool, Goal]:
        """Return what the weights are chosen by: predictions and the goal, of two classes' AUC on drawn rows."""
        goal = self.goal(board)
        if not isinstance(goal, MeasuredGoal) or goal.measure is not area_under_curve:
            return self.pool, goal
        if self.pool.folds[0].ndim != _TWO:
            return self.pool, goal
        most = MOST_OF_A_CLASS // len(goal.truths)
        rows = [drawn_rows(truth, most) for truth in goal.truths]
        truths = [truth[each] for truth, each in zip(goal.truths, rows, strict=True)]
        return self.pool.of_rows(rows), replace(goal, truths=truths)

    def goal(self, board: Leaderboard) -> Goal:
        """Return the goal of a blend: the metric that ranks, and log-loss or RMSE between equals."""
        plan, classifies = self.comparison.plan, self.comparison.request.task == "classification"
        truths = [self._codes(truth) if classifies else truth.to_numpy(dtype=float) for truth in self.truths]
        loss = negative_log_loss if classifies else negative_rmse
        measure = MEASURES.get(plan.sort_by)
        if measure is not None:
            goal = MeasuredGoal(truths, measure, loss)
            if self._agrees(goal, board):
                return goal
        return _ScoredGoal(self, MeasuredGoal(truths, loss, loss))

    def outcome(self, fold: int, shares: Mapping[str, float], members: Sequence[Outcome]) -> Outcome:
        """Return the scores of a blend on a fold, which take the time of its members."""
        frozen, predicted = self.comparison.frozen, weighted(self.pool, fold, shares)
        metrics: Mapping[str, float]
        errors: Mapping[str, str]
        if self.is_series:
            scored = scored_forecast(frozen, fold, predicted, frozen.scorers)
            metrics, errors = scored.metrics, scored.metric_errors
        else:
            runner = TabularRunner(frozen)
            metrics, errors = runner._metrics(self.answers(predicted), *self._rows(fold))
        return Outcome(
            BLEND,
            fold,
            metrics=metrics,
            metric_errors=errors,
            fit_seconds=sum(member.fit_seconds for member in members),
            score_seconds=sum(member.score_seconds for member in members),
            finished_at=max((member.finished_at for member in members), default=0.0),
        )

    def score(self, fold: int, predicted: Array) -> float:
        """Return the score of predictions on a fold by the metric that ranks; greater is better."""
        plan = self.comparison.plan
        key, frozen = plan.sort_by, self.comparison.frozen
        scorers = {key: frozen.scorers[key]}
        if self.is_series:
            value = scored_forecast(frozen, fold, predicted, scorers).metrics[key]
            return value if plan.greater_is_better else -value
        scorer = MultimetricScorerPatched(scorers=scorers, raise_exc=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = scorer(self.answers(predicted), *self._rows(fold))[key]
        return np.nan if isinstance(value, str) else float(value)

    def answers(self, predicted: Array) -> Any:
        """Return a fitted estimator that answers these predictions, as the pipeline of a trial would."""
        if self.comparison.request.task != "classification":
            return _Numbers(predicted)
        frozen = self.comparison.frozen
        labels = np.array(list(class_positions(frozen)))
        if predicted.ndim == 1:
            predicted = np.column_stack([1 - predicted, predicted])
        encoded = get_label_encoder(frozen.pipeline) is not None
        return _Chances(predicted, labels, np.arange(len(labels)) if encoded else labels)

    def _rows(self, fold: int) -> tuple[pd.DataFrame, pd.Series[Any]]:
        truth = self.truths[fold]
        return pd.DataFrame(index=truth.index), truth

    def _codes(self, truth: pd.Series[Any]) -> Array:
        positions = class_positions(self.comparison.frozen)
        return np.array([positions[label] for label in np.asarray(truth).tolist()])

    def _agrees(self, goal: MeasuredGoal, board: Leaderboard) -> bool:
        """Whether a goal gives most trials the score that they have; not those whose labels are not the likeliest."""
        plan = self.comparison.plan
        sign = 1.0 if plan.greater_is_better else -1.0
        scores = {each.trial: sign * each.metrics[plan.sort_by] for each in board.outcomes if each.ok}
        same = []
        for fold, said in enumerate(self.pool.folds):
            values = goal.scores(fold, said)
            same += [
                abs(scores[Trial(model_id, fold)] - value) <= _CLOSE * max(1.0, abs(value))
                for model_id, value in zip(self.pool.model_ids, values, strict=True)
            ]
        return float(np.mean(same)) > 0.5  # noqa: PLR2004


@dataclass(frozen=True)
class _ScoredGoal:
    """The goal to be good at a metric that only its scorer can compute."""

    said: _Said
    loss: MeasuredGoal

    def scores(self, fold: int, candidates: Array) -> Array:
        """Return the score of each candidate on a fold."""
        return np.array([self.said.score(fold, each) for each in candidates])

    def tie_breaks(self, fold: int, candidates: Array) -> Array:
        """Return what decides between candidates with the same score."""
        return self.loss.tie_breaks(fold, candidates)


class _Numbers(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """A fitted regressor that answers what it was given, whatever it is asked."""

    def __init__(self, predicted: Array) -> None:
        self.predicted = predicted

    def predict(self, X: Any) -> Array:  # noqa: ARG002
        """Return the numbers."""
        return self.predicted


class _Chances(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """A fitted classifier that answers what it was given, whatever it is asked."""

    def __init__(self, chances: Array, labels: Array, classes: Array) -> None:
        self.chances = chances
        self.labels = labels
        self.classes_ = classes

    def predict(self, X: Any) -> Array:  # noqa: ARG002
        """Return the likeliest class of each row."""
        return np.asarray(self.labels[predicted_classes(self.chances[None])[0]])

    def predict_proba(self, X: Any) -> Array:  # noqa: ARG002
        """Return the probabilities."""
        return self.chances


def _said(comparison: PreparedComparison, board: Leaderboard, predictions: PredictionStore) -> _Said:
    """Collect what the complete models predicted, as far as it can be blended."""
    frozen, n_folds = comparison.frozen, comparison.plan.n_folds
    kind = Kind.PROBABILITIES if comparison.request.task == "classification" else Kind.VALUES
    found: dict[str, list[Predictions]] = {}
    missing: list[str] = []
    for row in (row for row in board.rows if row.complete and row.model_id != BASELINE):
        by_fold = [predictions.of(Trial(row.model_id, fold)) for fold in range(n_folds)]
        missing += [row.model_id] if None in by_fold else []
        usable = [each for each in by_fold if each is not None and each.kind is kind and np.isfinite(each.values).all()]
        if len(usable) == n_folds and _same_rows(usable, next(iter(found.values()), usable)):
            found[row.model_id] = usable
    first = next(iter(found.values()), [])
    truths = []
    for fold, said in enumerate(first):
        test = frozen.splits[fold][1]
        truths.append(frozen.y.iloc[test if said.rows is None else test[said.rows]])
    folds = tuple(stacked([by_fold[fold] for by_fold in found.values()]) for fold in range(len(first)))
    return _Said(comparison, Pool(tuple(found), folds), truths, tuple(missing))


def _same_rows(some: Sequence[Predictions], others: Sequence[Predictions]) -> bool:
    """Whether two models predicted the same rows."""
    return all(
        np.array_equal(a.rows, b.rows) if a.rows is not None and b.rows is not None else a.rows is b.rows
        for a, b in zip(some, others, strict=True)
    )
