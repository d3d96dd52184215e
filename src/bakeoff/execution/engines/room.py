"""The room of an engine's workers: what fits into them, and what of it a trial may take."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from bakeoff._utils.platform import usable_cores
from bakeoff.comparison.limits import Isolation, TrialLimits
from bakeoff.errors import ClusterError
from bakeoff.execution.engines.base import Engine
from bakeoff.execution.engines.factory import open_engine
from bakeoff.execution.options import ExecutionOptions

if TYPE_CHECKING:
    from bakeoff.pycaret3.frozen import FrozenExperiment

_LOG = logging.getLogger(__name__)

TRIAL_SHARE = 700 / 1024
"""The part of a worker's room that the process of a trial may hold: the rest is for Spark, the rows, and haste."""
PYCARET_MB = 300.0
"""What PyCaret takes of a worker, in megabytes, before it has any rows."""
COPIES = 8
"""So many times a worker holds the rows: as they came, transformed, in folds, and in what models make of them."""


class Opened(NamedTuple):
    """An engine whose workers have room for an experiment.

    Attributes:
        engine: the engine.
        options: how trials run on it.
        on_driver: whether it is the driver's machine in place of the one that was asked for.
    """

    engine: Engine
    options: ExecutionOptions
    on_driver: bool = False


def open_with_room(asked: Any, options: ExecutionOptions, frozen: FrozenExperiment) -> Opened:
    """Open the engine that was asked for, or where its workers have no room for an experiment, the driver's machine.

    Args:
        asked: the engine that the user named or passed.
        options: how trials run on it.
        frozen: the experiment.

    Raises:
        ClusterError: Workers have no room, and the user has ruled the driver's machine out.
    """
    engine = open_engine(asked, options.conf, options.payload_dir)
    why = why_too_large(frozen, engine.worker_mb)
    if why is None:
        return Opened(engine, replace(options, limits=limits_in(engine.worker_mb, options.limits)))
    if options.driver_trials is False:
        raise ClusterError(f"{why}: leave driver_trials out, take fewer rows, or a cluster.")
    _LOG.warning("%s: the models are fitted on the driver. Fewer rows or a cluster would use workers.", why)
    n_slots = options.n_slots and min(options.n_slots, usable_cores())
    return Opened(open_engine("local"), replace(options, n_slots=n_slots), on_driver=True)


def rows_mb_that_fit(worker_mb: float) -> float:
    """Return how many megabytes of rows a worker has room for, by an estimate.

    Args:
        worker_mb: megabytes that a worker may take.

    Example:
        >>> rows_mb_that_fit(1024)
        50.0
    """
    return max(0.0, worker_mb * TRIAL_SHARE - PYCARET_MB) / COPIES


def why_too_large(frozen: FrozenExperiment, worker_mb: float | None) -> str | None:
    """Return why the workers have no room for an experiment; ``None`` if they have, or it is not known.

    Args:
        frozen: the experiment.
        worker_mb: megabytes that a worker may take; ``None`` if that is not known.
    """
    if worker_mb is None:
        return None
    rows_mb, fitting = frozen.n_bytes / 1e6, rows_mb_that_fit(worker_mb)
    if rows_mb <= fitting:
        return None
    return (
        f"The training rows take {rows_mb:,.0f} MB, and a worker here may take {worker_mb:,.0f} MB in all, which is "
        f"enough for about {fitting:,.0f} MB of rows"
    )


def limits_in(worker_mb: float | None, limits: TrialLimits) -> TrialLimits:
    """Return the limits of trials, with one for memory where workers have little room and none was given.

    A worker that takes more than its room is ended with the query that it works on; a trial that is ended before that
    costs only itself.

    Args:
        worker_mb: megabytes that a worker may take; ``None`` if that is not known.
        limits: the limits that were given.

    Example:
        >>> limits_in(1024, TrialLimits()).memory_mb, limits_in(1024, TrialLimits(memory_mb=900)).memory_mb
        (700.0, 900)
        >>> limits_in(None, TrialLimits()).memory_mb is None
        True
    """
    if worker_mb is None or limits.memory_mb is not None or limits.isolation is Isolation.NONE:
        return limits
    return replace(limits, memory_mb=worker_mb * TRIAL_SHARE)
