"""Models after their comparison: a blend of them, their values on the hold-out rows, their predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bakeoff.comparison.blend import BLEND, Blend
from bakeoff.comparison.leaderboard import COMPLETE, Leaderboard
from bakeoff.comparison.predictions import PredictionMemory, PredictionStore
from bakeoff.comparison.trial import TT
from bakeoff.errors import BlendError
from bakeoff.pycaret3.prepared import PreparedComparison

if TYPE_CHECKING:
    from bakeoff.comparison.out_of_fold import OutOfFold


@dataclass
class Compared:
    """The models of one comparison: their ranking, what they predicted out of fold, and those that were fitted.

    Attributes:
        comparison: what was compared.
        predictions: what the models predicted for the test rows of their folds.
        board: their ranking; ``None`` while there is none.
        blend: the blend that was looked for, as plain data.
        fitted: models that were fitted on all training rows, by id.
    """

    comparison: PreparedComparison
    predictions: PredictionStore = field(default_factory=PredictionMemory)
    board: Leaderboard | None = None
    blend: Blend | None = None
    fitted: dict[str, Any] = field(default_factory=dict)

    def to_send(self) -> Compared:
        """Return what a worker needs of this: neither what was predicted nor fitted models."""
        return replace(self, predictions=PredictionMemory(), fitted={})

    def fitted_blend(self, refit: Callable[[PreparedComparison, list[str]], Mapping[str, Any]]) -> Any:
        """Return the best blend, fitted on the training rows.

        Args:
            refit: fits models on them, and returns those that could be fitted, by id.

        Raises:
            BlendError: There is none; the message says why.
        """
        from bakeoff.pycaret3.blending import blend_of, voting_estimator, why_no_blend

        if self.board is None:
            raise BlendError("There is no blend: the comparison was cut short before anything was ranked.")
        if (why := why_no_blend(self.comparison)) is not None:
            raise BlendError(f"There is no blend: {why}.")
        blend = self.blend = self.blend or blend_of(self.comparison, self.board, self.predictions)
        if blend is None:
            several = self.board.count(COMPLETE) > 1
            why = "no mean of several models is better than the best of them alone"
            raise BlendError(f"There is no blend: {why if several else 'fewer than two models have all folds'}.")
        missing = [model_id for model_id in blend.shares if model_id not in self.fitted]
        if missing:
            self.fitted |= refit(self.comparison, missing)
        if lost := [model_id for model_id in missing if model_id not in self.fitted]:
            raise BlendError(f"There is no blend: {lost[0]} could not be fitted on all training rows.")
        return voting_estimator(self.comparison, blend.shares, self.fitted)

    def holdout_values(self, experiment: Any) -> dict[str, float]:
        """Return the metric that ranks on the rows that ``setup()`` has put aside, of the models that were fitted.

        Args:
            experiment: the experiment that was compared.

        Returns:
            The value of each model by its id; that of the blend, if it is fitted, under ``blend``.
        """
        from bakeoff.pycaret3.blending import voting_estimator
        from bakeoff.pycaret3.evaluation import holdout_values

        comparison, models = self.comparison, dict(self.fitted)
        if comparison.request.task == "time_series" or comparison.plan.sort_by == TT:
            return {}
        if self.blend and all(model_id in models for model_id in self.blend.shares):
            models[BLEND] = voting_estimator(comparison, self.blend.shares, models)
        return holdout_values(experiment, comparison, models)

    def out_of_fold(self, model_id: str) -> OutOfFold | None:
        """Return what a classifier predicted for the test rows of all folds, a blend with weights of the other folds.

        Args:
            model_id: id of a model that was compared, or ``blend``.

        Returns:
            The probabilities; ``None`` if it gave none for every fold, or they were not kept.
        """
        from bakeoff.pycaret3.deciding import out_of_fold

        if self.comparison.request.task != "classification":
            return None
        of_blend = self.blend.by_fold if self.blend else ()
        by_fold = of_blend if model_id == BLEND else [{model_id: 1.0}] * self.comparison.plan.n_folds
        return out_of_fold(self.comparison, by_fold, self.predictions)

    def prediction_rows(self, names: Mapping[Any, Any] | None = None) -> Iterator[list[dict[str, Any]]]:
        """Yield what the models predicted for test rows, a list of rows for each good trial.

        A row has ``row_number`` (the label of its row in the experiment), ``fold``, ``model_id``, ``truth``,
        ``prediction`` (both as text) and ``probabilities`` (by class, in sorted order, or ``None``).

        Args:
            names: what to call a class, by its label, where that is to be another.
        """
        from bakeoff.pycaret3.prediction_rows import prediction_rows

        if self.board is None:
            return iter(())
        return prediction_rows(self.comparison, self.board, self.predictions, names or {})

    @property
    def without_predictions(self) -> list[str]:
        """Ids of the models of which the predictions of a good trial are not kept."""
        from bakeoff.pycaret3.prediction_rows import good_trials

        if self.board is None:
            return []
        good = good_trials(self.comparison, self.board)
        return list(dict.fromkeys(each.model_id for each in good if self.predictions.of(each.trial) is None))
