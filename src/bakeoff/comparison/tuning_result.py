"""Trials and gains of tuning, as plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bakeoff.comparison.leaderboard import Leaderboard, Row
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.significance import LEVEL, judge
from bakeoff.comparison.trial import Outcome, Status
from bakeoff.comparison.tuning import Ending, Studied, Tuning


@dataclass(frozen=True)
class TunedFamily:
    """Trials of tuning for one family.

    Attributes:
        family: PyCaret's id of the family.
        untuned: id of its best model before tuning.
        tuned: id of the best candidate; ``None`` if none ran on all folds.
        n_candidates: number of candidates that have begun.
        n_complete: number of those that ran on all folds; the others were stopped on the way, or failed.
        n_failed: number of those that lost a fold.
        seconds: seconds of fitting and scoring all candidates.
        gain: by how much the best candidate's mean is better than the best untuned one's; negative if it is worse.
        half_width: half the width of the gain's confidence interval; ``None`` if it could not be tested.
        p_value: by the corrected t-test over the folds, times the number of candidates that the best one was chosen
            among (Bonferroni); ``None`` if it could not be tested.
        ending: why no more candidates were tried.
    """

    family: str
    untuned: str
    tuned: str | None
    n_candidates: int
    n_complete: int
    n_failed: int
    seconds: float
    gain: float | None
    half_width: float | None
    p_value: float | None
    ending: Ending

    @property
    def told_apart(self) -> bool:
        """Whether the folds can tell the best candidate apart from the untuned model."""
        return self.p_value is not None and self.p_value < LEVEL


@dataclass(frozen=True)
class TuningResult:
    """Trials of tuning.

    Attributes:
        families: the families that were tuned, the best before tuning first.
        untunable: ids of models that would have been tuned, if PyCaret had a search space for them.
    """

    families: tuple[TunedFamily, ...]
    untunable: tuple[str, ...] = ()

    @property
    def model_ids(self) -> list[str]:
        """Ids of the best candidate and of the best untuned model of each family that has both."""
        return [model_id for each in self.families if each.tuned is not None for model_id in (each.tuned, each.untuned)]

    @property
    def n_candidates(self) -> int:
        """Number of candidates of all families."""
        return sum(each.n_candidates for each in self.families)

    @property
    def seconds(self) -> float:
        """Seconds of fitting and scoring all of them."""
        return sum(each.seconds for each in self.families)

    @property
    def is_cut(self) -> bool:
        """Whether there was no time for further candidates."""
        return any(each.ending in (Ending.TIME, Ending.OPEN) for each in self.families)

    @property
    def metrics(self) -> dict[str, float]:
        """The result as numbers by name, for MLflow."""
        gains = {f"tuning_gain_{each.family}": each.gain for each in self.families if each.gain is not None}
        return {"tuning_candidates": self.n_candidates, "tuning_seconds": self.seconds, **gains}

    def to_json(self) -> str:
        """Return the result as JSON."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> TuningResult:
        """Return the result that `to_json` wrote.

        Example:
            >>> TuningResult.from_json(TuningResult((), ("nb",)).to_json())
            TuningResult(families=(), untunable=('nb',))
        """
        read: Mapping[str, Any] = json.loads(text)
        families = tuple(TunedFamily(**{**each, "ending": Ending(each["ending"])}) for each in read["families"])
        return cls(families, tuple(read["untunable"]))


def tuning_result(tuning: Tuning, plan: Plan, board: Leaderboard) -> TuningResult:
    """Return what tuning has tried in a comparison.

    Args:
        tuning: the strategy.
        plan: the plan of the comparison, with all candidates.
        board: its ranking.
    """
    by_model: dict[str, list[Outcome]] = {}
    for outcome in board.outcomes:
        by_model.setdefault(outcome.model_id, []).append(outcome)
    rows = {row.model_id: row for row in board.rows}
    return TuningResult(tuple(_family(studied, plan, rows, by_model) for studied in tuning.studied), tuning.untunable)


def _family(
    studied: Studied, plan: Plan, rows: Mapping[str, Row], by_model: Mapping[str, Sequence[Outcome]]
) -> TunedFamily:
    ids = [candidate.id for candidate in plan.candidates if candidate.tunes == studied.model_id]
    tried = {
        model_id: done
        for model_id in ids
        if (done := [each for each in by_model.get(model_id, ()) if each.status is not Status.CANCELLED])
    }
    n_complete = sum(sum(each.ok for each in done) == plan.n_folds for done in tried.values())
    best = next((rows[model_id] for model_id in ids if model_id in rows), None)
    gain = half_width = p_value = None
    if best is not None:
        pair = (rows[studied.untuned], best)
        sign = 1.0 if plan.greater_is_better else -1.0
        gain = sign * (best.primary_value - rows[studied.untuned].primary_value)
        outcomes = tuple(outcome for row in pair for outcome in by_model[row.model_id])
        verdict = judge(plan, Leaderboard(pair, outcomes))
        if verdict is not None and verdict.pairs:
            half_width, p_value = verdict.pairs[0].half_width, min(1.0, n_complete * verdict.pairs[0].p_value)
    return TunedFamily(
        family=studied.family,
        untuned=studied.untuned,
        tuned=best.model_id if best else None,
        n_candidates=len(tried),
        n_complete=n_complete,
        n_failed=sum(not all(each.ok for each in done) for done in tried.values()),
        seconds=sum(each.fit_seconds + each.score_seconds for done in tried.values() for each in done),
        gain=gain,
        half_width=half_width,
        p_value=p_value,
        ending=studied.ending,
    )
