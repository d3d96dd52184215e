"""Claims on a run by its row in ``runs``, for processes that share tables but no folder, as attempts of a job do.

A claim is an update on the condition that the holder is still the one that was read before. Delta lets only one of two
such updates through, and the other matches no row any more; the holder is then read back.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bakeoff.errors import RunConflictError
from bakeoff.storage.lease import Holder, Lease, wait_until_gone
from bakeoff.storage.run_status import RunStatus

if TYPE_CHECKING:
    from bakeoff.storage.result_tables import ResultTables
    from bakeoff.storage.rows import RunRecord

_LOG = logging.getLogger(__name__)
BEAT_SECONDS = 30.0
"""Seconds between two commits by which a holder renews its claim: a commit takes seconds on some platforms."""
EXPIRES_SECONDS = 100.0
"""Seconds without a renewal after which a holder on another machine counts as gone."""


class Claim:
    """A run that this process has claimed in the table, renewed by a thread for as long as it is held."""

    def __init__(self, tables: ResultTables, run_id: str, holder: Holder) -> None:
        self._tables, self._run_id, self._holder = tables, run_id, holder
        self._taken_by: Holder | None = None
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="bakeoff-claim", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Make sure that no other process was seen to have claimed the run.

        Raises:
            RunConflictError: another process has claimed it.
        """
        if self._taken_by is not None:
            raise self._taken_by.conflict(self._run_id)

    def release(self) -> None:
        """Stop renewing the claim; the row that a run gets at its end names no holder."""
        self._released.set()

    def give_back(self, *, forget: bool) -> None:
        """Leave a run that was not begun after all to other processes.

        Args:
            forget: whether to remove its row, which was entered for this claim.
        """
        self.release()
        self._tables.release_holder(self._run_id, self._holder.to_json(), forget=forget)

    def _beat(self) -> None:
        while not self._released.wait(BEAT_SECONDS) and self._taken_by is None:
            try:
                if not self._tables.renew_holder(self._run_id, self._holder.to_json()):
                    current = _holder_in(self._tables.run(self._run_id))
                    if current is not None and current.token != self._holder.token:
                        self._taken_by = current
            except Exception as error:  # noqa: BLE001 - a commit may fail in any way, and the next one may not
                _LOG.debug("The claim on run %s could not be renewed: %s", self._run_id, error)


@dataclass(frozen=True)
class Hold:
    """This process's right to work on a run: its lease, and its claim if other processes may share only its tables."""

    lease: Lease
    claim: Claim | None = None

    def check(self) -> None:
        """Make sure that no other process has taken the run over.

        Raises:
            RunConflictError: another process has taken it over.
        """
        self.lease.check()
        if self.claim:
            self.claim.check()

    def release(self) -> None:
        """Release the run to other processes; safe to call twice."""
        if self.claim:
            self.claim.release()
        self.lease.release()


def claim_run(tables: ResultTables, run: RunRecord, holder: Holder, say: Callable[[str], None]) -> Claim:
    """Claim a run in the table, and enter its row if the table does not have it yet.

    Raises:
        RunConflictError: another process works on the run.
    """
    run = replace(run, holder=holder.to_json(), heartbeat_at=holder.beat)
    row = tables.run(run.run_id)
    if row is None:
        tables.enter_run(run)
    else:
        earlier = _holder_in(row)
        if earlier is not None and row.status == RunStatus.RUNNING:
            wait_until_gone(earlier, lambda: _holder_in(tables.run(run.run_id)), run.run_id, say, EXPIRES_SECONDS)
        tables.replace_holder(run, row.holder)
    current = _holder_in(tables.run(run.run_id))
    if current is None or current.token != holder.token:
        if current is not None:
            raise current.conflict(run.run_id)
        raise RunConflictError(f"Run {run.run_id} was claimed by another process.")
    return Claim(tables, run.run_id, holder)


def _holder_in(row: RunRecord | None) -> Holder | None:
    """Return the holder that a run's row names, with the time of its last heartbeat."""
    holder = Holder.from_json(row.holder) if row else None
    return replace(holder, beat=row.heartbeat_at or 0.0) if row and holder else None
