"""Limits of a job's trials: those that were given, and a default timeout for trials that hang."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bakeoff.comparison.costs import PriorCosts
from bakeoff.pycaret3.frozen import width_of

if TYPE_CHECKING:
    from bakeoff.config import RunConfig
    from bakeoff.pycaret3.request import Request

LEAST_SECONDS = 600.0
"""Least default timeout of a trial, in seconds."""
TIMES_EXPECTED = 30.0
"""Default timeout as a multiple of the longest expected trial; it is large because expectations can be far off."""


@dataclass(frozen=True)
class JobLimits:
    """Limits of a job's trials.

    Attributes:
        options: arguments of `bakeoff.FugueBackend`.
        note: sentence for the user on the default timeout; empty if the limits are those that were given.
    """

    options: Mapping[str, Any]
    note: str = ""


def trial_limits(config: RunConfig, experiment: Any, request: Request) -> JobLimits:
    """Return the limits of a run's trials.

    If no timeout was given, a default is set, provided that trials run in processes that can be killed anyway. It is
    the same for all trials, by the most expensive model, because a wrong guess must not cost a model that is only slow.
    """
    options = {
        "trial_timeout": config.trial_timeout or None,
        "trial_memory_mb": config.trial_memory_mb,
        "max_retries": config.max_retries,
        "n_slots": config.n_slots,
        "isolation": config.isolation,
    }
    if config.trial_timeout is not None or not _has_processes(config):
        return JobLimits(options)
    costs = PriorCosts(len(experiment.y_train), width_of(experiment.X_train))
    seconds = usual_timeout(costs(str(request.given[model.id])) for model in request.models)
    note = f"A trial that takes longer than {seconds / 60:,.0f} minutes is ended (--trial-timeout sets another limit)."
    return JobLimits({**options, "trial_timeout": seconds}, note)


def usual_timeout(expected: Iterable[float]) -> float:
    """Return the default timeout of a trial, in seconds (whole minutes), from the expected seconds of all trials.

    Example:
        >>> usual_timeout([0.1, 2.0]), usual_timeout([0.1, 61.0])
        (600.0, 1860.0)
    """
    seconds = max(LEAST_SECONDS, TIMES_EXPECTED * max(expected, default=0.0))
    return -(-seconds // 60) * 60.0


def _has_processes(config: RunConfig) -> bool:
    """Whether models are fitted in processes that can be killed, even without a given timeout."""
    wanted = config.engine != "native" or config.isolation == "process"
    return config.isolation != "none" and bool(wanted or config.budget_minutes or config.trial_memory_mb)
