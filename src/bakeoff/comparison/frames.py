"""A run's results as pandas frames."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pandas as pd

from bakeoff.comparison.leaderboard import Leaderboard
from bakeoff.comparison.trial import Outcome, Refitted, Status

_FAILURES = ["model", "fold", "status", "error_type", "error_message", "traceback", "seconds_lost", "attempts"]


def leaderboard(board: Leaderboard | None) -> pd.DataFrame:
    """Return one row for each model, in the order of the ranking."""
    rows = board.rows if board else ()
    return pd.DataFrame([{**vars(row), "means": dict(row.means), "stds": dict(row.stds)} for row in rows])


def trials(board: Leaderboard | None) -> pd.DataFrame:
    """Return one row for each trial."""
    return pd.DataFrame([outcome.to_dict() for outcome in (board.outcomes if board else ())])


def failures(board: Leaderboard | None, lost_refits: Sequence[Refitted] = ()) -> pd.DataFrame:
    """Return one row for each trial that failed, and for each winner that could not be refitted (fold ``refit``).

    Example:
        >>> list(failures(None).columns)[:3]
        ['model', 'fold', 'status']
    """
    rows: list[list[Any]] = [
        [o.model_id, o.fold, str(o.status), o.error_type, o.error_message, o.traceback, o.fit_seconds, o.attempt]
        for o in (board.failures if board else ())
    ]
    rows += [
        [r.model_id, "refit", "failed", r.error_type, r.error_message, r.traceback, r.fit_seconds, 1]
        for r in lost_refits
    ]
    return pd.DataFrame(rows, columns=_FAILURES)


def first_failure(
    board: Leaderboard | None, lost_refits: Sequence[Refitted] = (), candidate_ids: Collection[str] = ()
) -> str | None:
    """Return the message for ``errors="raise"``: the first failed trial, else the first failed refit.

    The worker's traceback is included. ``None`` if nothing failed; cancelled trials do not count, nor do candidates of
    the tuning.
    """
    trials = [outcome for outcome in (board.failures if board else ()) if outcome.model_id not in candidate_ids]
    failed_trials: list[Outcome | Refitted] = [outcome for outcome in trials if outcome.status is not Status.CANCELLED]
    failure = next(iter([*failed_trials, *lost_refits]), None)
    if failure is None:
        return None
    reason = f"{failure.error_type}: {failure.error_message}"
    return f"create_model() failed for model {failure.model_id}. {reason}\nOn the worker:\n{failure.traceback or ''}"
