"""Listener that logs a run to MLflow: messages are written to a file, then sent by a background thread.

A run must neither be slower nor lose anything because its tracking server does not answer. So messages go to a file
first (`bakeoff.tracking.outbox`), and one thread sends them (`bakeoff.tracking.sender`), with short limits
(`bakeoff.tracking.bounded_client`). Messages that are not sent by the end stay in the file, for `bakeoff sync`.
"""

from __future__ import annotations

import logging
import shlex
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow.exceptions import MlflowException

from bakeoff.comparison.events import Event, PlanGrown, PlanMade
from bakeoff.comparison.leaderboard import Leaderboard, Row
from bakeoff.comparison.plan import Plan
from bakeoff.errors import TrackingError, UserError
from bakeoff.tracking import messages
from bakeoff.tracking.bounded_client import BoundedClient, reason, without_login
from bakeoff.tracking.client import client_to_log_with
from bakeoff.tracking.entities import Story
from bakeoff.tracking.outbox import FOLDER, MODEL_FOLDER, Head, Message, Outbox
from bakeoff.tracking.run_logger import MlflowTracking
from bakeoff.tracking.sender import ALLOWANCE_SECONDS, Sender
from bakeoff.tracking.tracked_run import TrackedRun

if TYPE_CHECKING:
    from bakeoff.tracking.logged_model import BestModel

_LOG = logging.getLogger(__name__)
DEFAULT_HOME = Path(".bakeoff")
_REFUSALS = (MlflowException, OSError, ValueError, ImportError)
_OPEN, _TIDY = {"kind": "open"}, {"kind": "tidy"}


class MlflowListener:
    """Listener that logs one run to MLflow, and takes messages besides events.

    Args:
        client: client of the MLflow to log to.
        head: description of the run.
        home: folder of runs, in which the run has one of its own.
        allowance: seconds that the run may wait for an MLflow that does not answer.

    Attributes:
        outbox: the messages on disk.
        sender: the thread that sends them.
    """

    def __init__(self, client: BoundedClient, head: Head, home: Path, allowance: float = ALLOWANCE_SECONDS) -> None:
        folder = home / "runs" / head.run_id
        self._head = head
        where = "" if home == DEFAULT_HOME else f" --home {shlex.quote(str(home))}"
        self._command = f"bakeoff sync {shlex.quote(head.run_id)}{where}"
        self._place = without_login(client.tracking_uri)
        self._tracking = MlflowTracking(client, head, folder)
        self._plan: Plan | None = None
        self._lock = threading.Lock()
        self.outbox = Outbox(folder / FOLDER, head)
        self.sender = Sender(client, self._deliver, self._tracking.recall, allowance)
        self.sender.put(_OPEN)

    @property
    def run_id(self) -> str:
        """Bakeoff's id of the run."""
        return self._head.run_id

    @property
    def tracked(self) -> TrackedRun | None:
        """The place where the run is logged; ``None`` until that is known."""
        return self._tracking.tracked

    @property
    def ids(self) -> dict[str, Any]:
        """MLflow's ids by the columns of ``runs`` that hold them; ``None`` if unknown."""
        found = self._tracking.tracked
        return {
            "mlflow_experiment_id": found.experiment_id if found else None,
            "mlflow_run_id": found.mlflow_run_id if found else None,
        }

    @property
    def model_run_ids(self) -> Mapping[str, str]:
        """MLflow run ids of the models that were logged so far, by model id."""
        return self._tracking.model_run_ids

    @property
    def logged(self) -> BestModel | None:
        """The best model; ``None`` until it is logged."""
        return self._tracking.logged

    @property
    def became(self) -> str | None:
        """Name and version of the registered model with its promotion, for the row of the run."""
        return self._tracking.became

    @property
    def promotion(self) -> str | None:
        """Whether the registered version became champion or challenger, and why; ``None`` until it is known."""
        return self._tracking.promotion

    @property
    def model_folder(self) -> Path:
        """Folder that the best model must be saved in before the message of `messages.of_model` is put."""
        return self.outbox.folder / MODEL_FOLDER

    def start(self) -> str | None:
        """Open the run in MLflow before the comparison, so that a mistake shows early.

        Returns:
            A sentence about an MLflow that does not answer, without which the run goes on; ``None`` if all is well.

        Raises:
            TrackingError: MLflow answers, and refuses to log the run.
        """
        self.sender.start()
        if self.sender.refusals:
            self._stop()
            self.outbox.discard()
            error = next(iter(self.sender.refusals.values()))
            if isinstance(error, UserError):
                raise error
            if not (isinstance(error, _REFUSALS) or type(error).__module__.startswith("sqlalchemy.")):
                raise error
            raise TrackingError(
                f"MLflow at {self._place} cannot be used for experiment "
                f"{self._head.experiment!r} ({reason(error)}): look at --experiment and MLFLOW_TRACKING_URI."
            ) from error
        if self.tracked:
            return None
        return f"MLflow at {self._place} {self._why()}: the run goes on without it for now."

    def handle(self, event: Event) -> None:
        """Put the message for an event, if the event is to be logged."""
        if isinstance(event, PlanMade | PlanGrown):
            self._plan = event.plan
        if message := messages.of_event(event, self._plan):
            self.put(message)

    def put(self, message: Message) -> None:
        """Write a message to the outbox and queue it to be sent; returns at once."""
        with self._lock:  # messages stand in the file in the order in which they are sent
            if self.sender.has_ended:
                return
            try:
                self.outbox.append(message)
            except (OSError, ValueError) as error:  # it may still be sent
                self.sender.refuse(error)
            self.sender.put(message)

    def settle(self) -> None:
        """Wait, within the allowance, until the messages so far are sent, so that MLflow's run ids are known."""
        self.sender.flush()

    def finish(
        self,
        leaderboard: Leaderboard,
        summary: Mapping[str, float],
        status: str,
        story: Story | None = None,
        offered: Row | None = None,
    ) -> list[str]:
        """Log the answer and end the run.

        Args:
            leaderboard: the final leaderboard.
            summary: more metrics of the run, such as its wall time.
            status: ``FINISHED``, ``FAILED`` or ``KILLED``.
            story: name and description of the run from now on.
            offered: a blend beside the leaderboard.

        Returns:
            Sentences on what MLflow lacks and what to do about it; empty if all is well.
        """
        self.put(messages.of_answer(leaderboard, self._plan, summary, story, offered))
        return self.close(status)

    def close(self, status: str) -> list[str]:
        """End the run; resuming it opens it again.

        Args:
            status: ``FINISHED``, ``FAILED`` or ``KILLED``.

        Returns:
            Sentences on what MLflow lacks and what to do about it; empty if all is well.
        """
        sender = self.sender
        if sender.has_ended:
            return []
        self.put(messages.of_end(status))
        if sender.setbacks:
            sender.put(_TIDY)
        sender.flush()
        sent = sender.is_idle
        self._stop()
        if sent and not sender.refusals:
            self.outbox.delivered()
            return []
        self.outbox.close()
        return [self._problem(sent=sent)]

    def _stop(self) -> None:
        """Stop sending, between two messages of `put`."""
        with self._lock:
            self.sender.stop()

    def _problem(self, *, sent: bool) -> str:
        refusals = "; ".join(map(reason, self.sender.refusals.values()))
        why = f"refused something ({refusals})" if sent else self._why()
        return (
            f"MLflow at {self._place} {why}: what it lacks of this run is kept in "
            f"{self.outbox.folder}, and `{self._command}` sends it."
        )

    def _why(self) -> str:
        error = self.sender.last_failure
        return f"cannot be reached ({reason(error)})" if error and self.sender.failures else "does not answer in time"

    def _deliver(self, message: Message) -> None:
        if message is _OPEN:
            self._tracking.start()
        elif message is _TIDY:
            self._tracking.tidy()
        else:
            self._tracking.send(message)


def open_mlflow_listener(home: Path, head: Head, say: Callable[[str], None]) -> MlflowListener:
    """Open a run in the MLflow that the environment names, else in the one under ``home``.

    Args:
        home: folder of runs.
        head: description of the run.
        say: called with a sentence if MLflow does not answer.

    Returns:
        The listener, with its thread started.

    Raises:
        TrackingError: there is no such MLflow, or it refuses to log the run.
    """
    client = BoundedClient(client_to_log_with(home))
    listener = MlflowListener(client, replace(head, tracking_uri=without_login(client.tracking_uri)), home)
    if trouble := listener.start():
        say(trouble)
    return listener
