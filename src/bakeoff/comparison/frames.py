"""What a run left behind, as frames to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from bakeoff.comparison.leaderboard import Leaderboard
from bakeoff.comparison.trial import Outcome, Refitted, Status

_FAILURES = ["model", "fold", "status", "error_type", "error_message", "traceback", "seconds_lost", "attempts"]


def leaderboard(board: Leaderboard | None) -> pd.DataFrame:
    """One row for each model, in the order of the ranking."""
    rows = board.rows if board else ()
    return pd.DataFrame([{**vars(row), "means": dict(row.means), "stds": dict(row.stds)} for row in rows])


def trials(board: Leaderboard | None) -> pd.DataFrame:
    """One row for each trial."""
    return pd.DataFrame([outcome.to_dict() for outcome in (board.outcomes if board else ())])


def failures(board: Leaderboard | None, lost_refits: Sequence[Refitted] = ()) -> pd.DataFrame:
    """One row for each trial that went wrong, and for each winner that could not be refitted (fold ``refit``).

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


def first_failure(board: Leaderboard | None, lost_refits: Sequence[Refitted] = ()) -> str | None:
    """What ``errors="raise"`` says: the first trial that went wrong, else the first refit, and what the worker said."""
    trials = board.failures if board else ()
    bad: list[Outcome | Refitted] = [outcome for outcome in trials if outcome.status is not Status.CANCELLED]
    first = next(iter([*bad, *lost_refits]), None)
    if first is None:
        return None
    what = f"{first.error_type}: {first.error_message}"
    return f"create_model() failed for model {first.model_id}. {what}\nOn the worker:\n{first.traceback or ''}"
