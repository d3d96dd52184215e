"""Listener that keeps the tables up to date during a run."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from bakeoff.comparison.events import Event, PlanGrown, PlanMade, TrialDone
from bakeoff.comparison.plan import Plan
from bakeoff.storage.commits import reason_of
from bakeoff.storage.journal import Journal, Segment
from bakeoff.storage.result_tables import ResultTables
from bakeoff.storage.rows import RunRecord

_LOG = logging.getLogger(__name__)
SECONDS_BETWEEN_COMMITS = 20.0
"""Least seconds between two commits, in which finished trials are gathered."""
COMMITS_SHARE = 0.05
"""Greatest share of the time that is spent on commits, which wait for a slot if trials occupy all of them."""
SELDOM_SECONDS = 60.0
"""Greatest pause between two commits while trials end, in seconds, whatever `COMMITS_SHARE` asks for."""


class TableListener:
    """Listener that enters a run in ``runs`` at its start and appends its journal to ``trials`` in segments.

    Args:
        tables: the result tables.
        run: the run as it is known at its start.
        journal: journal of the run, which has each outcome before this listener does.
        entered: whether the run may be in the tables already, from an earlier attempt.
        check: raises if another process has taken the run over.
    """

    def __init__(
        self,
        tables: ResultTables,
        run: RunRecord,
        journal: Journal,
        *,
        entered: bool = False,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._tables = tables
        self._run = run
        self._journal = journal
        self._entered = entered
        self._check = check
        self._plan: Plan | None = None
        self._next_commit = time.monotonic() + SECONDS_BETWEEN_COMMITS
        self._lock = threading.Lock()

    def handle(self, event: Event) -> None:
        """Enter the run, and commit from time to time while trials end.

        A commit that fails here does no harm: the end of the run writes what is missing, and reports what it cannot.
        """
        try:
            self._keep_up(event)
        except Exception as error:  # noqa: BLE001 - disks, Java and stores may fail in any way
            _LOG.info("The tables are written to later: %s", reason_of(error))
            _LOG.debug("They could not be written to:", exc_info=True)
            self._next_commit = time.monotonic() + SECONDS_BETWEEN_COMMITS

    def _keep_up(self, event: Event) -> None:
        if isinstance(event, PlanMade):
            self._plan = event.plan
            with self._lock:
                (self._tables.upsert_run if self._entered else self._tables.enter_run)(self._run)
        elif isinstance(event, PlanGrown):
            self._plan = event.plan
        elif isinstance(event, TrialDone) and time.monotonic() > self._next_commit:
            self.flush()

    def flush(self, plan: Plan | None = None) -> None:
        """Commit every segment of the journal that is not in ``trials`` yet.

        A segment may hold outcomes of candidates that this listener has not heard of yet: it is committed later.

        Args:
            plan: the plan of a comparison that has ended, with all candidates.
        """
        with self._lock:
            started = time.monotonic()
            self._plan = plan or self._plan
            self._journal.close_segment()
            if self._plan is None:
                return
            for segment in self._journal.unstored():
                if not self._plan.name_of.keys() >= {outcome.model_id for outcome in segment.outcomes}:
                    break
                self._check()
                self._store(segment, self._plan)
                self._journal.mark_stored(segment)
            ended = time.monotonic()
            pause = min((ended - started) / COMMITS_SHARE, SELDOM_SECONDS)
            self._next_commit = ended + max(pause, SECONDS_BETWEEN_COMMITS)

    def _store(self, segment: Segment, plan: Plan) -> None:
        """Write a segment to ``trials``; an append is enough if no earlier attempt can have written its keys."""
        run_id = self._run.run_id
        if self._entered or self._tables.location.in_metastore:
            self._tables.merge_trials(run_id, plan, segment.outcomes)
        else:
            self._tables.append_trials(run_id, plan, segment.digest, segment.outcomes)
