"""The blend of a run: whether there can be one, and what the user is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bakeoff.comparison.blend import BLEND
from bakeoff.comparison.blend_ranking import offered_row, ranked_with
from bakeoff.comparison.predictions import Keep, are_kept
from bakeoff.comparison.tuning import candidates_of
from bakeoff.errors import BlendError

if TYPE_CHECKING:
    from bakeoff.config import RunConfig
    from bakeoff.fugue_backend import FugueBackend
    from bakeoff.job.context import Comparison
    from bakeoff.pycaret3.request import Request


def unkept_note(config: RunConfig, experiment: Any, request: Request) -> str | None:
    """Return a sentence if predictions are not kept because they are too many; ``None`` if all is as asked."""
    from bakeoff.pycaret3.scoring.predicted import prediction_bytes

    n_bytes = prediction_bytes(experiment, request, candidates_of(config.tune))
    if n_bytes is None or config.keep_predictions != Keep.AUTO or are_kept(Keep.AUTO, n_bytes):
        return None
    lost = [
        name
        for name, asked in (
            ("blend", config.blend != "off"),
            ("threshold", config.threshold),
            ("calibration", config.calibrate != "off"),
        )
        if asked
    ]
    without = f", and without them there is no {' and no '.join(lost)}" if lost else ""
    return (
        f"What the models predict for test rows is not kept: it takes up to {n_bytes / 1e6:,.0f} MB{without} "
        "(--keep-predictions yes keeps it)."
    )


def with_blend(comparison: Comparison, backend: FugueBackend, mode: str) -> Comparison:
    """Return a comparison with the blend of its models, if there is one: in its ranking, or beside it.

    Args:
        comparison: a comparison that has ended.
        backend: the backend that ran it.
        mode: the option ``--blend``.
    """
    blend = backend.blended
    if mode == "off" or comparison.stopped or comparison.board.best is None:
        return comparison
    problems = list(comparison.problems)
    if mode == "on" and (blend is None or not blend.outcomes):
        return replace(comparison, problems=[*problems, _why_none(backend)])
    if blend is None:
        return comparison
    if blend.left_out:
        names = ", ".join(blend.left_out)
        problems.append(f"The blend leaves out {names}: what it predicted is not kept for all folds.")
    comparison = replace(comparison, blend=blend, problems=problems)
    if mode == "offer":
        return replace(comparison, offered=offered_row(comparison.plan, comparison.board, blend))
    try:
        model = backend.blend()
    except BlendError as error:
        return replace(comparison, problems=[*problems, str(error)])
    plan, board, verdict = ranked_with(comparison.plan, comparison.board, blend)
    ranked = replace(comparison, plan=plan, board=board, verdict=verdict)
    wins = board.rows[0].model_id == BLEND
    return replace(ranked, models=[model, *comparison.models]) if wins else ranked


def with_holdout(comparison: Comparison, backend: FugueBackend, experiment: Any) -> Comparison:
    """Return a comparison with the value of its fitted models on the hold-out rows.

    Args:
        comparison: a comparison that has ended.
        backend: the backend that ran it.
        experiment: the experiment that was compared.
    """
    if comparison.best_model is None:
        return comparison
    try:
        values = backend.holdout_values(experiment)
    except Exception as error:  # noqa: BLE001 - models and metrics may do anything; the ranking stands
        problem = f"The models could not be scored on the hold-out rows: {type(error).__name__}: {error}"
        return replace(comparison, problems=[*comparison.problems, problem])
    board = comparison.board
    rows = tuple(replace(row, holdout_value=values.get(row.model_id)) for row in board.rows)
    offered = comparison.offered and replace(comparison.offered, holdout_value=values.get(BLEND))
    return replace(comparison, board=replace(board, rows=rows), offered=offered)


def _why_none(backend: FugueBackend) -> str:
    try:
        backend.blend()
    except BlendError as error:
        return str(error)
    return "There is no blend."
