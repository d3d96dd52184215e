"""Feeds the ``trials`` table from the run's journal while the run goes on."""

from __future__ import annotations

import threading
import time

from pyspark.sql import SparkSession

from bakeoff.comparison.events import Event, PlanMade, TrialDone
from bakeoff.comparison.plan import Plan
from bakeoff.results.journal import Journal
from bakeoff.results.tables import append_trials
from bakeoff.results.target import TableTarget

SECONDS_BETWEEN_COMMITS = 20.0
"""Finished trials are gathered for so long before they are committed: a commit costs about as much as a short task."""


class TrialsTable:
    """Appends what the journal holds to ``trials``, in segments.

    Args:
        spark: the session of the run.
        target: where the tables are.
        run_id: the run that the trials belong to.
        journal: holds every outcome before anybody hears of it.
    """

    def __init__(self, spark: SparkSession, target: TableTarget, run_id: str, journal: Journal) -> None:
        self._spark = spark
        self._target = target
        self._run_id = run_id
        self._journal = journal
        self._plan: Plan | None = None
        self._last_commit = time.monotonic()
        self._lock = threading.Lock()

    def handle(self, event: Event) -> None:
        """Commit now and then while trials end."""
        if isinstance(event, PlanMade):
            self._plan = event.plan
        elif isinstance(event, TrialDone) and time.monotonic() - self._last_commit > SECONDS_BETWEEN_COMMITS:
            self.flush()

    def flush(self) -> None:
        """Commit every segment that is not in the table yet."""
        with self._lock:
            self._journal.close_segment()
            for segment in self._journal.unstored() if self._plan else []:
                append_trials(
                    self._spark, self._target, self._run_id, self._plan, segment.digest, segment.outcomes
                )
                self._journal.mark_stored(segment)
            self._last_commit = time.monotonic()
