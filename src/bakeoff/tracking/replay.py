"""Sends to MLflow what runs have left to be logged, and ends what nobody else ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bakeoff.tracking import messages
from bakeoff.tracking.bounded_client import BoundedClient, reason, unavailable, without_login
from bakeoff.tracking.client import all_runs, client_for, quoted
from bakeoff.tracking.entities import BATCH_TAG, KIND_TAG, RUN_KIND
from bakeoff.tracking.outbox import FOLDER, Attempt, Message, clear, read_spool
from bakeoff.tracking.run_logger import RUN_TAG, MlflowTracking, TrackedRun

CALL_SECONDS = 60
"""How long a server may take to answer while nothing else waits for it."""
_ENDED = {"finished": "FINISHED", "failed": "FAILED", "killed": "KILLED", "interrupted": "KILLED"}
_ORDER = (messages.PLAN, messages.BATCH, messages.MODEL, messages.FILES, messages.ANSWER, messages.CLOSE)


@dataclass(frozen=True)
class Left:
    """What a run has left to be logged, attempt by attempt, the oldest first."""

    run_id: str
    folder: Path
    attempts: tuple[Attempt, ...]

    @property
    def running(self) -> bool:
        """Whether the run is still going on, on this machine."""
        return any(attempt.running for attempt in self.attempts)

    @property
    def place(self) -> str:
        """The MLflow that it belongs to."""
        return without_login(self.attempts[-1].head.tracking_uri)


@dataclass(frozen=True)
class Sent:
    """What became of it.

    Attributes:
        tracked: where it is now.
        model_run_ids: the MLflow run of each model, by model id.
        refusals: what MLflow did not take, and why; it is kept then.
        open: the run was left running, because nobody here can tell whether it has ended.
        promotion: what became of the registered version, where one was registered.
    """

    tracked: TrackedRun
    model_run_ids: Mapping[str, str]
    refusals: tuple[str, ...] = ()
    open: bool = False
    promotion: str | None = None


def left_over(home: Path, run_id: str | None = None) -> list[Left]:
    """The runs under ``home`` that have something left to be logged; or the one that is named."""
    folders = sorted(path for path in (home / "runs").glob("*") if path.is_dir() and run_id in (None, path.name))
    found = ((folder, read_spool(folder / FOLDER)) for folder in folders)
    return [Left(folder.name, folder, tuple(attempts)) for folder, attempts in found if attempts]


def replay(home: Path, left: Left, sent: Callable[[int, int], None] = lambda _done, _of: None) -> Sent:
    """Send what a run has left, and forget it when MLflow has it all. Doing it again changes nothing.

    Args:
        home: the folder for what is kept locally.
        left: by the run.
        sent: hears how many of how many messages have been sent.

    Raises:
        Exception: MLflow cannot be reached (`unavailable` tells); all is kept.
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
                tracking.recall()  # which fails as well where it is not about this one message
            refusals.append(reason(error))
        sent(done, len(todo))
    tracking.tidy()
    is_open = todo[-1:] == [] or todo[-1]["kind"] != messages.CLOSE
    if not refusals and not is_open:
        clear(left.folder / FOLDER)
    return Sent(tracked, tracking.model_run_ids, tuple(refusals), is_open, tracking.became)


def to_send(attempts: Sequence[Attempt]) -> list[Message]:
    """What the attempts of a run come to: of what several tell, the last word; and the end, as the last one tells it.

    One that did not come to tell its end was killed, if its process was on this machine and is gone.
    """
    last = attempts[-1]
    told: dict[tuple[str, str], Message] = {}
    for attempt in attempts:
        for message in attempt.messages:
            if message["kind"] != messages.CLOSE:
                told[_subject(message)] = message
    end = [message for message in last.messages if message["kind"] == messages.CLOSE][-1:]
    if not end and not last.elsewhere and not last.running:
        end = [{**messages.of_end("KILLED"), "ended": last.file.stat().st_mtime}]
    return [*sorted(told.values(), key=lambda message: _ORDER.index(message["kind"])), *end]


def close_stale(client: Any, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """End what is still RUNNING in MLflow of runs that have ended, as their rows in ``runs`` say.

    Args:
        client: says which MLflow.
        rows: ``run_id``, ``status``, ``finished_at`` (seconds since the epoch) and ``mlflow_experiment_id`` of runs.

    Returns:
        The ids of the bake-offs of which something was ended.
    """
    ended = {row["run_id"]: row for row in rows if row["status"] in _ENDED and row["mlflow_experiment_id"]}
    experiments = sorted({row["mlflow_experiment_id"] for row in ended.values()})
    closed = []
    if not experiments:
        return []
    query = f"attributes.status = 'RUNNING' AND tags.`{KIND_TAG}` = {quoted(RUN_KIND)}"
    for parent in all_runs(client, experiments, query):
        row = ended.get(parent.data.tags.get(RUN_TAG, ""))
        if row is None:
            continue
        ours = f"attributes.status = 'RUNNING' AND tags.`{RUN_TAG}` = {quoted(row['run_id'])}"
        at = int(row["finished_at"] * 1000) if row["finished_at"] else None
        for run in all_runs(client, [parent.info.experiment_id], ours):
            client.set_terminated(run.info.run_id, _ENDED[row["status"]], at)
        closed.append(row["run_id"])
    return closed


def _subject(message: Message) -> tuple[str, str]:
    return message["kind"], str(message["run"]["tags"][BATCH_TAG]) if message["kind"] == messages.BATCH else ""
