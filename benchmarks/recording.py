"""Recordings of the trial times of real comparisons, for `benchmarks.simulate`."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from bakeoff.comparison.leaderboard import Leaderboard

RECORDED = Path("benchmarks/recorded")
"""Folder to which `benchmarks.compare` writes recordings, and from which `benchmarks.simulate` reads them."""


def recording_of(experiment: Any, board: Leaderboard) -> dict[str, Any]:
    """Return the times of a comparison that ran one trial at a time, as plain data for JSON."""
    trials: dict[str, list[float]] = {}
    transforms: dict[int, float] = {}
    for outcome in sorted(board.outcomes, key=lambda outcome: outcome.fold):
        trials.setdefault(outcome.model_id, []).append(round(outcome.fit_seconds + outcome.score_seconds, 4))
        transforms[outcome.fold] = max(transforms.get(outcome.fold, 0.0), round(outcome.transform_seconds, 4))
    return {
        "rows": len(experiment.X_train),
        "columns": experiment.X_train.shape[1],
        "trials": trials,
        "transforms": [transforms[fold] for fold in sorted(transforms)],
        "scores": {row.model_id: round(row.primary_value, 6) for row in board.rows},
        # A fit on all training rows takes a little longer than one on nine tenths of them.
        "refits": {model_id: round(statistics.mean(seconds) * 10 / 9, 4) for model_id, seconds in trials.items()},
    }
