"""Outcomes of a task, also of one whose worker was lost."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future

from bakeoff.comparison.losses import is_out_of_memory
from bakeoff.comparison.plan import Task
from bakeoff.comparison.trial import WORKER_LOST, Outcome, Status, Trial, failed_outcomes

_LOG = logging.getLogger(__name__)


def error_of(future: Future[list[Outcome]]) -> BaseException | None:
    """Return why a future failed, if it did; not raised, as a worker may be lost with what would end this thread."""
    return CancelledError() if future.cancelled() else future.exception()


def outcomes_of(future: Future[list[Outcome]], task: Task, attempt: int, *, complete: bool) -> Sequence[Outcome]:
    """Return the outcomes that a task came to.

    Args:
        future: its answer.
        task: the task.
        attempt: number of the attempt at its trials.
        complete: whether trials that the answer lacks have crashed; else they stay open.

    Example:
        >>> future = Future()
        >>> future.set_result([Outcome("lr", 0)])
        >>> task = Task(1, (Trial("lr", 0), Trial("lr", 1)), 2.0)
        >>> [str(outcome.status) for outcome in outcomes_of(future, task, 1, complete=True)]
        ['ok', 'crashed']
    """
    error = error_of(future)
    if error is not None:
        _LOG.warning("A worker was lost with %d trials: %s", len(task.trials), error)
        return _lost(task.trials, attempt, error)
    outcomes = {outcome.trial: outcome for outcome in future.result() or ()}
    strays = [trial for trial in task.trials if trial not in outcomes]
    if strays and complete:
        return [*outcomes.values(), *_lost(strays, attempt, RuntimeError("The worker gave no outcome."))]
    return list(outcomes.values())


def _lost(trials: Sequence[Trial], attempt: int, error: BaseException) -> list[Outcome]:
    if len(trials) > 1:  # it is not known which of them did it
        return failed_outcomes(trials, Status.CRASHED, WORKER_LOST, str(error), attempt)
    status = Status.OOM if is_out_of_memory(str(error)) else Status.CRASHED
    return failed_outcomes(trials, status, type(error).__name__, str(error), attempt)
