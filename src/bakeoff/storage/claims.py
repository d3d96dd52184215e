"""Claims on a run by its row in ``runs``, for processes that share tables but no folder, as attempts of a job do.

A claim is an update on the condition that the holder is still the one that was read before. Delta lets only one of two
such updates through, and the other matches no row any more; the holder is then read back.
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
"""Seconds between two commits by which a holder renews its claim: a commit takes seconds on some platforms."""
EXPIRES_SECONDS = 100.0
"""Seconds without a renewal after which a holder on another machine counts as gone."""


class Claim:
    """A run that this process has claimed in the table, renewed by a thread for as long as it is held."""

    def __init__(self, spark: SparkSession, target: ResultsLocation, run_id: str, holder: Holder) -> None:
        self._spark, self._target, self._run_id, self._holder = spark, target, run_id, holder
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
        table, condition = self._target.name("runs"), "WHERE run_id = :run_id AND holder = :holder"
        statement = (
            f"DELETE FROM {table} {condition}"  # noqa: S608 - a quoted name of ours
            if forget
            else f"UPDATE {table} SET holder = NULL, status = '{INTERRUPTED}' {condition}"  # noqa: S608
        )
        arguments = {"run_id": self._run_id, "holder": self._holder.to_json()}
        commit(self._target, lambda: self._spark.sql(statement, args=arguments))

    def _beat(self) -> None:
        while not self._released.wait(BEAT_SECONDS) and self._taken_by is None:
            try:
                if not _renew(self._spark, self._target, self._run_id, self._holder):
                    current = _read_holder(self._spark, self._target, self._run_id)
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


def claim_run(
    spark: SparkSession, target: ResultsLocation, run: RunRecord, holder: Holder, say: Callable[[str], None]
) -> Claim:
    """Claim a run in the table, and enter its row if the table does not have it yet.

    Raises:
        RunConflictError: another process works on the run.
    """
    run = replace(run, holder=holder.to_json(), heartbeat_at=holder.beat)
    row = _read_row(spark, target, run.run_id)
    if row is None:
        enter_run(spark, target, run)
    else:
        earlier = _read_holder(spark, target, run.run_id)
        if earlier is not None and row.status == "running":
            wait_until_gone(earlier, lambda: _read_holder(spark, target, run.run_id), run.run_id, say, EXPIRES_SECONDS)
        _replace_holder(spark, target, run, row.holder)
    current = _read_holder(spark, target, run.run_id)
    if current is None or current.token != holder.token:
        if current is not None:
            raise current.conflict(run.run_id)
        raise RunConflictError(f"Run {run.run_id} was claimed by another process.")
    return Claim(spark, target, run.run_id, holder)


def _replace_holder(spark: SparkSession, target: ResultsLocation, run: RunRecord, expected: str | None) -> None:
    """Enter the run's holder, provided that the row still names the expected one."""
    statement = f"""
        UPDATE {target.name("runs")}
        SET holder = :holder, heartbeat_at = timestamp_micros(:now), status = 'running', finished_at = NULL
        WHERE run_id = :run_id AND holder <=> :expected"""  # noqa: S608 - a quoted name of ours
    arguments = {"holder": run.holder, "now": int(time.time() * 1e6), "run_id": run.run_id, "expected": expected}
    commit(target, lambda: spark.sql(statement, args=arguments))


def _renew(spark: SparkSession, target: ResultsLocation, run_id: str, holder: Holder) -> int:
    """Renew the heartbeat of a holder.

    Returns:
        Number of rows that name it as their holder: 0 after another process took the run over.
    """
    statement = f"""
        UPDATE {target.name("runs")} SET heartbeat_at = timestamp_micros(:now)
        WHERE run_id = :run_id AND holder = :holder"""  # noqa: S608 - a quoted name of ours
    arguments = {"now": int(time.time() * 1e6), "run_id": run_id, "holder": holder.to_json()}
    return commit(target, lambda: int(spark.sql(statement, args=arguments).first()[0]))


def _read_holder(spark: SparkSession, target: ResultsLocation, run_id: str) -> Holder | None:
    """Return the holder that the run's row names, with the time of its last heartbeat."""
    row = _read_row(spark, target, run_id)
    holder = Holder.from_json(row.holder) if row else None
    return replace(holder, beat=(row.beat or 0) / 1e6) if holder else None


def _read_row(spark: SparkSession, target: ResultsLocation, run_id: str) -> Any:
    query = f"""
        SELECT holder, status, unix_micros(heartbeat_at) AS beat FROM {target.name("runs")}
        WHERE run_id = :run_id"""  # noqa: S608 - a quoted name of ours
    return spark.sql(query, args={"run_id": run_id}).first()
