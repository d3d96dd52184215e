"""What the trials of a job may take: what was asked for, and a limit for those that hang where nothing was."""

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
"""No trial is taken for one that hangs before."""
TIMES_EXPECTED = 30.0
"""A trial hangs when it takes so many times what the dearest one should: what is expected can be wrong by a lot."""


@dataclass(frozen=True)
class TrialLimits:
    """What a trial may take.

    Attributes:
        options: for `bakeoff.FugueBackend`.
        note: what a person should know of them; nothing where they are what was asked for.
    """

    options: Mapping[str, Any]
    note: str = ""


def trial_limits(config: RunConfig, experiment: Any, request: Request) -> TrialLimits:
    """The limits of a run's trials.

    A timeout that was not asked for is set where trials run in processes that can be killed anyway. It is one limit for
    all of them, by the dearest model, because a wrong guess must not cost a model that is only slow.
    """
    options = {
        "trial_timeout": config.trial_timeout or None,
        "trial_memory_mb": config.trial_memory_mb,
        "max_retries": config.max_retries,
        "n_slots": config.n_slots,
        "isolation": config.isolation,
    }
    if config.trial_timeout is not None or not _has_processes(config):
        return TrialLimits(options)
    costs = PriorCosts(len(experiment.y_train), width_of(experiment.X_train))
    seconds = usual_timeout(costs(str(request.given[model.id])) for model in request.models)
    note = f"A trial that takes longer than {seconds / 60:,.0f} minutes is ended (--trial-timeout sets another limit)."
    return TrialLimits({**options, "trial_timeout": seconds}, note)


def usual_timeout(expected: Iterable[float]) -> float:
    """Seconds after which a trial hangs, by what trials are expected to take; whole minutes.

    Example:
        >>> usual_timeout([0.1, 2.0]), usual_timeout([0.1, 61.0])
        (600.0, 1860.0)
    """
    seconds = max(LEAST_SECONDS, TIMES_EXPECTED * max(expected, default=0.0))
    return -(-seconds // 60) * 60.0


def _has_processes(config: RunConfig) -> bool:
    """Whether models are fitted in processes that can be killed, without a timeout being asked for."""
    wanted = config.engine == "spark" or config.isolation == "process"
    return config.isolation != "none" and bool(wanted or config.budget_minutes or config.trial_memory_mb)
