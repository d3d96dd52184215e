"""The end of a run that is cut short: what is kept, and what the user is told."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bakeoff._utils.disk import disk_trouble
from bakeoff.comparison.trial import Status
from bakeoff.config import RunConfig
from bakeoff.errors import StorageError, StorageLostError
from bakeoff.job.context import RunContext
from bakeoff.job.output_checks import table_target
from bakeoff.storage.location import place_options, run_folder
from bakeoff.storage.run_status import RunStatus
from bakeoff.storage.table_errors import table_trouble

if TYPE_CHECKING:
    from bakeoff.fugue_backend import FugueBackend

_LOG = logging.getLogger(__name__)


def close_early(context: RunContext, status: RunStatus) -> None:
    """Close a run that ended before its comparison did. Finished trials are kept, and the run can be resumed."""
    outputs = context.outputs
    record = replace(outputs.record, **outputs.tracking.ids, holder=None, heartbeat_at=None)
    record = replace(record, status=status, finished_at=time.time())
    for step in (outputs.live.flush, partial(outputs.tables.upsert_run, record)):
        try:
            step()
        except Exception as error:  # noqa: BLE001 - what ended the run is the error to report
            _LOG.info("The end of the run is not in the tables: %s", error)
    for problem in outputs.tracking.close(status.mlflow):
        _LOG.warning("%s", problem)


def leave_open(context: RunContext) -> None:
    """Close a run as interrupted: unfinished trials stay open, finished ones are in the journal. Nothing is raised."""
    with suppress(Exception):
        if context.ground.is_there():  # only the workers may be gone, or the disk may be full
            close_early(context, RunStatus.INTERRUPTED)
    with suppress(Exception):
        context.outputs.tracking.close(RunStatus.INTERRUPTED.mlflow)


def still_open(context: RunContext, backend: FugueBackend) -> str:
    """Return a sentence on the trials of an interrupted run, and on the command that resumes it."""
    board, plan = backend.board, backend.plan
    n_done = sum(outcome.status is not Status.CANCELLED for outcome in board.outcomes) if board else 0
    of = f" of {len(plan.trials)}" if plan and not plan.candidates else ""  # how many tuning will run is not known
    return f"{n_done}{of} trials are finished, which are kept, the others are open. `{context.resume_command}` goes on."


@contextmanager
def explaining(config: RunConfig) -> Iterator[None]:
    """Turn errors of a disk or a table into one sentence: what is wrong, what is safe, and how the run goes on.

    Raises:
        StorageLostError: A disk failed.
        TablesError: A table is broken.
    """
    try:
        yield
    except StorageError:
        raise
    except Exception as error:
        target = table_target(config)
        again = f"`bakeoff resume {config.run_id}{place_options(target, config.home)}`"
        if trouble := disk_trouble(error, config.home):
            raise StorageLostError(
                f"{trouble}, and run {config.run_id} is interrupted",
                f"what has finished is safe in {run_folder(config.home, config.run_id)}. When that is put right, "
                f"{again} goes on.",
            ) from error
        if broken := table_trouble(error, target):
            raise broken from error
        raise
