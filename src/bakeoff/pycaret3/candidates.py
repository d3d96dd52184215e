"""Candidates of the tuning: models of a family with parameters that were not known when the comparison began."""

from __future__ import annotations

import json
import pickle
import traceback
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bakeoff._utils import pickling
from bakeoff.comparison.leaderboard import Leaderboard
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.predictions import Keep, are_kept
from bakeoff.comparison.trial import Model
from bakeoff.comparison.tuning import candidates_of
from bakeoff.pycaret3.frozen import Broken, FrozenExperiment
from bakeoff.pycaret3.prepared import PreparedComparison
from bakeoff.pycaret3.request import Varied, with_params
from bakeoff.pycaret3.scoring.predicted import prediction_bytes
from bakeoff.pycaret3.search_spaces import check_tunable, search_spaces


def tunable(comparison: PreparedComparison, experiment: Any, n_families: int, keep: Keep) -> PreparedComparison:
    """Return a comparison with PyCaret's search spaces, for tuning.

    Args:
        comparison: what is compared.
        experiment: the experiment.
        n_families: number of families that are to be tuned.
        keep: whether what models predict is kept, if the candidates do not predict too much.

    Raises:
        ConfigError: Its models cannot be tuned; the message says why.
    """
    spaces = search_spaces(experiment, comparison.request)
    check_tunable(comparison.request, spaces)
    n_bytes = prediction_bytes(experiment, comparison.request, candidates_of(n_families))
    keeps = n_bytes is not None and are_kept(keep, n_bytes)
    return replace(comparison, spaces=spaces, frozen=replace(comparison.frozen, keeps_predictions=keeps))


def build_candidates(
    frozen: FrozenExperiment, candidates: Sequence[Model]
) -> tuple[dict[str, bytes], dict[str, Broken]]:
    """Return the pickled estimators of candidates, and the reason for each that could not be built, by model id."""
    estimators: dict[str, bytes] = {}
    broken: dict[str, Broken] = {}
    own = pickling.own_modules()
    for model in candidates:
        try:
            base = pickle.loads(frozen.estimators[str(model.tunes)])
            estimators[model.id] = pickling.dumps(with_params(base, json.loads(model.params or "{}")), own)
        except Exception as error:
            broken[model.id] = Broken(type(error).__name__, str(error), traceback.format_exc())
    return estimators, broken


def with_ranked_candidates(comparison: PreparedComparison, plan: Plan, board: Leaderboard) -> PreparedComparison:
    """Return a comparison with the candidates that the ranking has a row for.

    Args:
        comparison: the comparison as it began.
        plan: its plan, with all candidates.
        board: its ranking.
    """
    ranked = {row.model_id for row in board.rows}
    best = [candidate for candidate in plan.candidates if candidate.id in ranked]
    if not best:
        return replace(comparison, plan=plan)
    request, frozen = comparison.request, comparison.frozen
    given = {model.id: Varied(request.given[str(model.tunes)], json.loads(model.params or "{}")) for model in best}
    estimators, _ = build_candidates(frozen, best)
    return replace(
        comparison,
        request=replace(request, given={**request.given, **given}),
        frozen=replace(frozen, estimators={**frozen.estimators, **estimators}),
        plan=plan,
    )
