"""Who works on a run, by its row in ``runs``: for processes that share tables and no folder, as attempts of a job do.

A claim is an update on the condition that the holder is who was read before. Delta lets only one of two such updates
through, and the other finds no row any more; who has the run is then read back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bakeoff.errors import RunConflictError
from bakeoff.storage.commits import commit
from bakeoff.storage.lease import Holder, Lease, wait_until_gone
from bakeoff.storage.schema import INTERRUPTED
from bakeoff.storage.tables import enter_run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from bakeoff.storage.location import ResultsLocation
    from bakeoff.storage.rows import RunRecord

_LOG = logging.getLogger(__name__)
BEAT_SECONDS = 30.0
"""So often a holder commits that it is still there: a commit takes seconds on some platforms."""
EXPIRES_SECONDS = 100.0
"""A holder on another machine that has not said so for this long is gone."""


class Claim:
    """A run that this process has claimed in the table, renewed by a thread for as long as it is held."""

    def __init__(self, spark: SparkSession, target: ResultsLocation, run_id: str, holder: Holder) -> None:
        self._spark, self._target, self._run_id, self._holder = spark, target, run_id, holder
        self._taken_by: Holder | None = None
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="bakeoff-claim", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Go on, unless another process was seen to have claimed the run.

        Raises:
            RunConflictError: one was.
        """
        if self._taken_by is not None:
            raise self._taken_by.conflict(self._run_id)

    def release(self) -> None:
        """Renew it no more; the row that a run gets at its end names no holder."""
        self._released.set()

    def give_back(self, *, forget: bool) -> None:
        """Leave the run to others, which was not begun after all.

        Args:
            forget: remove its row, which was entered for this claim.
        """
        self.release()
        table, mine = self._target.name("runs"), "WHERE run_id = :run_id AND holder = :mine"
        statement = (
            f"DELETE FROM {table} {mine}"  # noqa: S608 - a quoted name of ours
            if forget
            else f"UPDATE {table} SET holder = NULL, status = '{INTERRUPTED}' {mine}"  # noqa: S608
        )
        arguments = {"run_id": self._run_id, "mine": self._holder.to_json()}
        commit(self._target, lambda: self._spark.sql(statement, args=arguments))

    def _beat(self) -> None:
        while not self._released.wait(BEAT_SECONDS) and self._taken_by is None:
            try:
                if not _renew(self._spark, self._target, self._run_id, self._holder):
                    there = _holder(self._spark, self._target, self._run_id)
                    if there is not None and there.token != self._holder.token:
                        self._taken_by = there
            except Exception as error:  # noqa: BLE001 - a commit may fail in any way, and the next one may not
                _LOG.debug("The claim on run %s could not be renewed: %s", self._run_id, error)


@dataclass(frozen=True)
class Hold:
    """All that makes a run this process's: its lease, and its claim where others may share its tables only."""

    lease: Lease
    claim: Claim | None = None

    def check(self) -> None:
        """Go on, unless the run is another process's by now.

        Raises:
            RunConflictError: it is.
        """
        self.lease.check()
        if self.claim:
            self.claim.check()

    def release(self) -> None:
        """Let others have the run; safe to call twice."""
        if self.claim:
            self.claim.release()
        self.lease.release()


def claim_run(
    spark: SparkSession, target: ResultsLocation, run: RunRecord, holder: Holder, say: Callable[[str], None]
) -> Claim:
    """Claim a run in the table, where its row is entered if it is not there yet.

    Raises:
        RunConflictError: another process has it.
    """
    run = replace(run, holder=holder.to_json(), heartbeat_at=holder.beat)
    row = _row(spark, target, run.run_id)
    if row is None:
        enter_run(spark, target, run)
    else:
        there = _holder(spark, target, run.run_id)
        if there is not None and row.status == "running":
            wait_until_gone(there, lambda: _holder(spark, target, run.run_id), run.run_id, say, EXPIRES_SECONDS)
        _replace(spark, target, run, row.holder)
    now = _holder(spark, target, run.run_id)
    if now is None or now.token != holder.token:
        raise now.conflict(run.run_id) if now else RunConflictError(f"Run {run.run_id} was claimed by another process.")
    return Claim(spark, target, run.run_id, holder)


def _replace(spark: SparkSession, target: ResultsLocation, run: RunRecord, seen: str | None) -> None:
    """Put the run's holder in the place of the one that was seen there, and of no other."""
    statement = f"""
        UPDATE {target.name("runs")}
        SET holder = :mine, heartbeat_at = timestamp_micros(:now), status = 'running', finished_at = NULL
        WHERE run_id = :run_id AND holder <=> :seen"""  # noqa: S608 - a quoted name of ours
    arguments = {"mine": run.holder, "now": int(time.time() * 1e6), "run_id": run.run_id, "seen": seen}
    commit(target, lambda: spark.sql(statement, args=arguments))


def _renew(spark: SparkSession, target: ResultsLocation, run_id: str, holder: Holder) -> int:
    """Say that a holder is still there; how many rows said that it is the holder."""
    statement = f"""
        UPDATE {target.name("runs")} SET heartbeat_at = timestamp_micros(:now)
        WHERE run_id = :run_id AND holder = :mine"""  # noqa: S608 - a quoted name of ours
    arguments = {"now": int(time.time() * 1e6), "run_id": run_id, "mine": holder.to_json()}
    return commit(target, lambda: int(spark.sql(statement, args=arguments).first()[0]))


def _holder(spark: SparkSession, target: ResultsLocation, run_id: str) -> Holder | None:
    """Who has the run by its row, with the time of the last sign of life there."""
    row = _row(spark, target, run_id)
    holder = Holder.from_json(row.holder) if row else None
    return replace(holder, beat=(row.beat or 0) / 1e6) if holder else None


def _row(spark: SparkSession, target: ResultsLocation, run_id: str) -> Any:
    query = f"""
        SELECT holder, status, unix_micros(heartbeat_at) AS beat FROM {target.name("runs")}
        WHERE run_id = :run_id"""  # noqa: S608 - a quoted name of ours
    return spark.sql(query, args={"run_id": run_id}).first()
