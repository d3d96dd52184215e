"""One call of ``compare_models``, prepared: checked, frozen and planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bakeoff.comparison.plan import Plan
from bakeoff.comparison.predictions import Keep, are_kept
from bakeoff.comparison.search_space import Space
from bakeoff.comparison.trial import Outcome
from bakeoff.pycaret3.frozen import Broken, FrozenExperiment, freeze, outcomes_of_broken
from bakeoff.pycaret3.portfolio import Configured
from bakeoff.pycaret3.request import Request, Varied, read_request
from bakeoff.pycaret3.scoring.predicted import prediction_bytes


@dataclass(frozen=True)
class PreparedComparison:
    """A comparison that is ready to run.

    Attributes:
        request: the arguments of ``compare_models``.
        frozen: the experiment, as it is sent to the workers.
        broken: reason for each model that cannot be sent to a worker, by model id.
        plan: models, folds, metrics and batches.
        spaces: what the parameters of each family may be that can be tuned, by PyCaret's id of the family.
    """

    request: Request
    frozen: FrozenExperiment
    broken: Mapping[str, Broken]
    plan: Plan
    spaces: Mapping[str, Space] = field(default_factory=dict)

    @property
    def known(self) -> list[Outcome]:
        """Outcomes that are known before anything runs: of models that cannot be sent to a worker."""
        return outcomes_of_broken(self.broken, self.plan.n_folds)

    @property
    def families(self) -> dict[str, str]:
        """PyCaret's id of each model, by model id (a position, if there are estimator objects); empty for an object."""
        given = self.request.given
        known = (str, Configured, Varied)
        return {model_id: str(family) if isinstance(family, known) else "" for model_id, family in given.items()}


def prepare(
    experiment: Any,
    params: Mapping[str, Any],
    batch_size: int,
    keep_predictions: Keep = Keep.NO,
    portfolio: str | None = None,
) -> PreparedComparison:
    """Check the arguments of ``compare_models``, and freeze the experiment.

    Args:
        experiment: a PyCaret experiment after ``setup()``.
        params: the arguments that ``compare_models`` hands to its backend.
        batch_size: how many models are reported together.
        keep_predictions: whether trials bring home what they predict.
        portfolio: size of the portfolio whose configurations are compared as well.

    Raises:
        ValueError, TypeError: An argument cannot be used, as in plain PyCaret.
    """
    request = read_request(experiment, params, portfolio)
    frozen, broken = freeze(experiment, request)
    n_bytes = prediction_bytes(experiment, request)
    frozen = replace(frozen, keeps_predictions=n_bytes is not None and are_kept(keep_predictions, n_bytes))
    plan = Plan(
        models=request.models,
        n_folds=len(frozen.splits),
        metrics=request.metrics,
        sort_by=request.sort_by,
        decimals=request.decimals,
        batch_size=batch_size,
        test_rows_per_training_row=frozen.test_ratio,
    )
    return PreparedComparison(request, frozen, broken, plan)
