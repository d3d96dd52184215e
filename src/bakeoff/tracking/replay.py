"""Sending the messages that runs have left to MLflow, and closing MLflow runs that were left open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bakeoff.storage.rows import RunRecord
from bakeoff.storage.run_status import RunStatus
from bakeoff.tracking import messages
from bakeoff.tracking.bounded_client import BoundedClient, reason, unavailable, without_login
from bakeoff.tracking.client import all_runs, client_for, quoted
from bakeoff.tracking.entities import BATCH_TAG, KIND_TAG, RUN_KIND, RUN_TAG
from bakeoff.tracking.outbox import FOLDER, Attempt, Message, clear, read_spool
from bakeoff.tracking.run_logger import MlflowTracking
from bakeoff.tracking.tracked_run import TrackedRun

CALL_SECONDS = 60
"""Limit of a call in seconds, while nothing else waits for it."""
_ORDER = (messages.PLAN, messages.BATCH, messages.MODEL, messages.FILES, messages.ANSWER, messages.CLOSE)


@dataclass(frozen=True)
class Left:
    """Messages that a run has left, attempt by attempt, the oldest first."""

    run_id: str
    folder: Path
    attempts: tuple[Attempt, ...]

    @property
    def running(self) -> bool:
        """Whether the run still goes on, on this machine."""
        return any(attempt.running for attempt in self.attempts)

    @property
    def place(self) -> str:
        """Address of the MLflow that the run is logged to."""
        return without_login(self.attempts[-1].head.tracking_uri)


@dataclass(frozen=True)
class Sent:
    """Result of sending the messages of a run.

    Attributes:
        tracked: where the run is logged.
        model_run_ids: MLflow run ids of the models, by model id.
        refusals: reasons of the messages that MLflow refused; the messages are kept then.
        open: whether the run was left running in MLflow, because it is unknown whether it has ended.
        promotion: name and version of the registered model with its promotion, if one was registered.
    """

    tracked: TrackedRun
    model_run_ids: Mapping[str, str]
    refusals: tuple[str, ...] = ()
    open: bool = False
    promotion: str | None = None


def left_over(home: Path, run_id: str | None = None) -> list[Left]:
    """Return the runs under ``home`` that have messages left, or only the named one."""
    folders = sorted(path for path in (home / "runs").glob("*") if path.is_dir() and run_id in (None, path.name))
    found = ((folder, read_spool(folder / FOLDER)) for folder in folders)
    return [Left(folder.name, folder, tuple(attempts)) for folder, attempts in found if attempts]


def replay(home: Path, left: Left, sent: Callable[[int, int], None] = lambda _done, _of: None) -> Sent:
    """Send the messages that a run has left, and remove them when MLflow has them all. Repeating it changes nothing.

    Args:
        home: folder of runs.
        left: the messages of the run.
        sent: called with the number of messages sent so far, and their total.

    Returns:
        The result; refused messages are in its ``refusals``.

    Raises:
        Exception: MLflow cannot be reached (see `unavailable`); all messages are kept.
    """
    last = left.attempts[-1]
    client = BoundedClient(client_for(home, last.head.tracking_uri or ""), CALL_SECONDS)
    tracking = MlflowTracking(client, last.head, left.folder)
    tracked = tracking.start()
    todo = to_send(left.attempts)
    refusals = []
    for done, message in enumerate(todo, start=1):
        try:
            tracking.send(message)
        except Exception as error:  # noqa: BLE001 - stores and networks may fail in any way
            if unavailable(error):
                tracking.recall()  # which fails, too, unless only this message is the problem
            refusals.append(reason(error))
        sent(done, len(todo))
    tracking.tidy()
    is_open = todo[-1:] == [] or todo[-1]["kind"] != messages.CLOSE
    if not refusals and not is_open:
        clear(left.folder / FOLDER)
    return Sent(tracked, tracking.model_run_ids, tuple(refusals), is_open, tracking.became)


def to_send(attempts: Sequence[Attempt]) -> list[Message]:
    """Merge the messages of a run's attempts: the last message on each subject, and the end of the last attempt.

    A last attempt without an end was killed, if its process was on this machine and is gone.
    """
    last = attempts[-1]
    latest: dict[tuple[str, str], Message] = {}
    for attempt in attempts:
        for message in attempt.messages:
            if message["kind"] != messages.CLOSE:
                latest[_subject(message)] = message
    end = [message for message in last.messages if message["kind"] == messages.CLOSE][-1:]
    if not end and not last.elsewhere and not last.running:
        end = [{**messages.of_end(RunStatus.KILLED.mlflow), "ended": last.file.stat().st_mtime}]
    return [*sorted(latest.values(), key=lambda message: _ORDER.index(message["kind"])), *end]


def close_stale(client: Any, rows: Iterable[RunRecord]) -> list[str]:
    """End the MLflow runs that are RUNNING although the rows in ``runs`` say that they have ended.

    Args:
        client: client of the MLflow.
        rows: rows of the runs.

    Returns:
        Bakeoff's ids of the runs whose MLflow runs were ended.
    """
    ended = {row.run_id: row for row in rows if RunStatus(row.status).has_ended and row.mlflow_experiment_id}
    experiments = sorted({row.mlflow_experiment_id for row in ended.values() if row.mlflow_experiment_id})
    closed = []
    if not experiments:
        return []
    query = f"attributes.status = 'RUNNING' AND tags.`{KIND_TAG}` = {quoted(RUN_KIND)}"
    for parent in all_runs(client, experiments, query):
        row = ended.get(parent.data.tags.get(RUN_TAG, ""))
        if row is None:
            continue
        of_run = f"attributes.status = 'RUNNING' AND tags.`{RUN_TAG}` = {quoted(row.run_id)}"
        at = int(row.finished_at * 1000) if row.finished_at else None
        for run in all_runs(client, [parent.info.experiment_id], of_run):
            client.set_terminated(run.info.run_id, RunStatus(row.status).mlflow, at)
        closed.append(row.run_id)
    return closed


def _subject(message: Message) -> tuple[str, str]:
    return message["kind"], str(message["run"]["tags"][BATCH_TAG]) if message["kind"] == messages.BATCH else ""
