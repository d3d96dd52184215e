"""A blend in the ranking, or beside it."""

from __future__ import annotations

from dataclasses import replace

from bakeoff.comparison.blend import BLEND, Blend
from bakeoff.comparison.leaderboard import STOPPED, Leaderboard, Row, rank
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.significance import Verdict, judge, mark_ties
from bakeoff.comparison.trial import Model


def ranked_with(plan: Plan, board: Leaderboard, blend: Blend) -> tuple[Plan, Leaderboard, Verdict | None]:
    """Rank a blend among the models that it is made of.

    Returns:
        The plan and the ranking with the blend as one more model, which ranks below a model of the same score, and
        the significance of that ranking.
    """
    with_blend = replace(plan, models=(*plan.models, Model(BLEND, blend.name)))
    stopped = [row.model_id for row in board.rows if row.status == STOPPED]
    ranked = rank(with_blend, (*board.outcomes, *blend.outcomes), stopped=stopped)
    rows = tuple(replace(row, members=blend.shares) if row.model_id == BLEND else row for row in ranked.rows)
    ranked = replace(ranked, rows=rows)
    verdict = judge(with_blend, ranked)
    return with_blend, mark_ties(ranked, verdict), verdict


def offered_row(plan: Plan, board: Leaderboard, blend: Blend) -> Row:
    """Return the row of a blend that stands beside a ranking, which stays as it is.

    Its rank is below all models. Whether it is tied with the best of them is tested as if it had been ranked.
    """
    _, ranked, verdict = ranked_with(plan, board, blend)
    row = next(row for row in ranked.rows if row.model_id == BLEND)
    best = board.best
    tied = None
    if verdict is not None and best is not None:
        other = best.model_id if verdict.winner == BLEND else BLEND
        tied = next((pair.tied for pair in verdict.pairs if pair.model_id == other), None)
    return replace(row, rank=len(board.rows) + 1, tied_with_best=tied)
