"""``bakeoff sync``: sends messages to MLflow that runs could not send."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.errors import BakeoffError, RunNotFoundError, UserError
from bakeoff.storage.location import ResultsLocation, run_folder
from bakeoff.storage.open_results import open_reader
from bakeoff.storage.result_tables import ResultTables
from bakeoff.storage.rows import RunRecord
from bakeoff.storage.run_status import RunStatus

if TYPE_CHECKING:
    from bakeoff.tracking.replay import Left, Sent

Say = Callable[[str], None]
OpenTables = Callable[[ResultsLocation], AbstractContextManager[ResultTables]]


class NotSyncedError(BakeoffError):
    """Messages that MLflow did not take; they are kept."""


@dataclass(frozen=True)
class Delivery:
    """Outcome of sending the messages of several runs.

    Attributes:
        sent: what was sent, by run id.
        troubles: sentences on what kept the others from being sent.
    """

    sent: dict[str, Sent] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Make sure that MLflow has taken everything.

        Raises:
            NotSyncedError: it has not.
        """
        refused = [f"run {key}: {'; '.join(one.refusals)}" for key, one in self.sent.items() if one.refusals]
        if self.troubles or refused:
            problems = [*dict.fromkeys(self.troubles), *(f"MLflow refused a part of {each}" for each in refused)]
            raise NotSyncedError("; ".join(problems) + ". What it lacks is kept: try `bakeoff sync` again later.")


@dataclass(frozen=True)
class SyncSession:
    """Sending what MLflow lacks of the runs in a folder.

    Attributes:
        home: folder of runs.
        location: location of the result tables, unless the runs know of another.
        open_tables: opens result tables; called only if there may be any.
        say: called with a sentence on each run.
        count: called with the progress.
    """

    home: Path
    location: ResultsLocation
    open_tables: OpenTables
    say: Say
    count: Say

    def sync(self, run_id: str | None) -> None:
        """Send the messages that one run or all runs have left, and end MLflow runs that were left open.

        Args:
            run_id: id of the run; ``None`` for all runs.

        Raises:
            RunNotFoundError: there is no such run.
            NotSyncedError: MLflow did not take everything.
        """
        from bakeoff.tracking.replay import left_over

        left = left_over(self.home, run_id)
        delivery = self._send_all(left)
        rows = self._update_tables(self._location_of(left), run_id, delivery.sent)
        self._clear_ended(rows, delivery.sent)
        if run_id is not None and not left and not rows:
            raise RunNotFoundError(f"There is no run {run_id!r} in {self.home}: `bakeoff runs` lists the runs.")
        delivery.check()
        if not left:
            self.say("MLflow has everything.")

    def _send_all(self, left: Sequence[Left]) -> Delivery:
        """Send what runs have left, except for runs that still go on."""
        delivery = Delivery()
        for each in left:
            if each.running:
                self.say(f"Run {each.run_id} is going on, and sends what it has by itself.")
                continue
            try:
                delivery.sent[each.run_id] = self._send(each)
            except Exception as error:  # noqa: BLE001 - stores and networks may fail in any way
                delivery.troubles.append(_trouble(each, error))
        return delivery

    def _send(self, left: Left) -> Sent:
        from bakeoff.tracking.replay import replay

        sent = replay(self.home, left, lambda done, of: self.count(f"Run {left.run_id}: {done} of {of}"))
        page = f": {sent.tracked.url}" if sent.tracked.url else ""
        if not sent.refusals:
            self.say(f"Run {left.run_id} is in MLflow at {left.place}{page}")
        if sent.open:
            self.say(
                f"  It is open on another machine, or was killed there: MLflow shows it as running, {left.folder} is "
                "kept."
            )
        return sent

    def _location_of(self, left: Sequence[Left]) -> ResultsLocation:
        """Return the location of the tables: as it was given, or in the metastore that the first of the runs knows."""
        head = left[0].attempts[-1].head if left else None
        if self.location.path is None or head is None or not head.schema:
            return self.location
        return ResultsLocation(catalog=head.catalog, schema=head.schema)

    def _update_tables(
        self, location: ResultsLocation, run_id: str | None, sent: Mapping[str, Sent]
    ) -> list[RunRecord]:
        """Enter MLflow's ids in the tables, and end MLflow runs that were left open.

        Returns:
            The rows of the run, or of all runs if none is named; empty if there are no tables.
        """
        if location.path is not None and not location.path.exists():
            return []
        if sent:
            with self.open_tables(location) as tables:
                self._fill_ids(tables, sent)
        with open_reader(location, self.home) as reader:
            rows = [row for row in reader.runs() if run_id is None or row.run_id == run_id]
        self._close_stale(rows)
        return rows

    @staticmethod
    def _fill_ids(tables: ResultTables, sent: Mapping[str, Sent]) -> None:
        if not tables.exists():
            return
        for key, one in sent.items():
            ids = (one.tracked.experiment_id, one.tracked.mlflow_run_id)
            run = RunRecord(key, "", mlflow_experiment_id=ids[0], mlflow_run_id=ids[1], promotion=one.promotion)
            tables.fill_mlflow_ids(run, one.model_run_ids)

    def _close_stale(self, rows: Sequence[RunRecord]) -> None:
        from bakeoff.tracking.bounded_client import BoundedClient, reason
        from bakeoff.tracking.client import make_client
        from bakeoff.tracking.replay import CALL_SECONDS, close_stale

        try:
            closed = close_stale(BoundedClient(make_client(self.home), CALL_SECONDS), rows)
        except Exception as error:  # noqa: BLE001 - whatever a store raises, the messages were sent
            self.say(f"Whether MLflow shows a run as running that has ended could not be found out ({reason(error)}).")
        else:
            for key in closed:
                self.say(f"Run {key} has ended, and MLflow knows that now.")

    def _clear_ended(self, rows: Sequence[RunRecord], sent: Mapping[str, Sent]) -> None:
        """Remove the messages of runs that have ended elsewhere, since MLflow shows that now."""
        from bakeoff.tracking.outbox import FOLDER, clear

        for row in rows:
            if row.status != RunStatus.RUNNING and row.run_id in sent and sent[row.run_id].open:
                clear(run_folder(self.home, row.run_id) / FOLDER)


def _trouble(left: Left, error: Exception) -> str:
    from bakeoff.tracking.bounded_client import reason, unavailable

    if isinstance(error, UserError):
        return str(error).rstrip(".")
    what = "cannot be reached" if unavailable(error) else "does not do what it is asked"
    return f"MLflow at {left.place} {what} ({reason(error)})"
