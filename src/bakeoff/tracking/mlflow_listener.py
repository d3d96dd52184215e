"""Listener that logs a run to MLflow: messages are written to a file, then sent by a background thread.

A run must neither be slower nor lose anything because its tracking server does not answer. So messages go to a file
first (`bakeoff.tracking.outbox`), and one thread sends them, with short limits (`bakeoff.tracking.bounded_client`).
When MLflow cannot be reached, that thread waits before it tries again, each time twice as long, and then checks first
whether its last call took effect after all. The run itself waits for MLflow only when it needs an answer, for an
allowance of a few seconds in all, which is used up by calls that take longer than usual. Messages that are not sent by
the end stay in the file, for `bakeoff sync`.
"""

from __future__ import annotations

import logging
import shlex
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow.exceptions import MlflowException

from bakeoff.comparison.events import Event, PlanMade
from bakeoff.comparison.leaderboard import Leaderboard
from bakeoff.comparison.plan import Plan
from bakeoff.errors import TrackingError, UserError
from bakeoff.tracking import messages
from bakeoff.tracking.bounded_client import AbandonedError, BoundedClient, reason, unavailable, without_login
from bakeoff.tracking.client import client_to_log_with, is_remote
from bakeoff.tracking.entities import Story
from bakeoff.tracking.outbox import FOLDER, MODEL_FOLDER, Head, Message, Outbox
from bakeoff.tracking.run_logger import MlflowTracking
from bakeoff.tracking.tracked_run import TrackedRun

if TYPE_CHECKING:
    from bakeoff.tracking.logged_model import BestModel

_LOG = logging.getLogger(__name__)
DEFAULT_HOME = Path(".bakeoff")
ALLOWANCE_SECONDS = 3.5
"""Seconds that a run waits in all for answers that take longer than usual. Up to three late calls are noticed half a
second after they began, so this comes to five seconds."""
START_SHARE = 0.6
"""Share of the allowance that may be used up before the comparison starts."""
CATCH_UP_SECONDS = 60.0
"""Seconds that the end of a run waits for a backlog of messages while MLflow answers."""
LONGEST_PAUSE = 30.0
"""Greatest pause between two tries, in seconds."""
STRIKES = 3
"""Number of times that a message may fail at a server that answers other calls."""
_REFUSALS = (MlflowException, OSError, ValueError, ImportError)
_STEP = 0.02
_OPEN, _TIDY = {"kind": "open"}, {"kind": "tidy"}


class MlflowListener:
    """Listener that logs one run to MLflow, and takes messages besides events.

    Args:
        client: client of the MLflow to log to.
        head: description of the run.
        home: folder of runs, in which the run has one of its own.
        allowance: seconds that the run may wait for an MLflow that does not answer.
    """

    def __init__(self, client: BoundedClient, head: Head, home: Path, allowance: float = ALLOWANCE_SECONDS) -> None:
        folder = home / "runs" / head.run_id
        self._client = client
        self._head = head
        where = "" if home == DEFAULT_HOME else f" --home {shlex.quote(str(home))}"
        self._command = f"bakeoff sync {shlex.quote(head.run_id)}{where}"
        self._place = without_login(client.tracking_uri)
        self._tracking = MlflowTracking(self._client, head, folder)
        self._outbox = Outbox(folder / FOLDER, head)
        # A database on this machine gets more time: it can only be busy.
        self._allowance = allowance if is_remote(client.tracking_uri) else CATCH_UP_SECONDS
        self._start_allowance = self._allowance * START_SHARE
        self._plan: Plan | None = None
        self._changed = threading.Condition()
        self._waiting: deque[Message] = deque([_OPEN])
        self._failures = 0  # since MLflow was last reached
        self._setbacks = 0  # ever
        self._next_try = 0.0
        self._last_failure: BaseException | None = None
        self._refused: dict[str, BaseException] = {}
        self._ended = False
        self._thread = threading.Thread(target=self._serve, name="bakeoff-mlflow", daemon=True)

    @property
    def tracked(self) -> TrackedRun | None:
        """Where the run is logged; ``None`` until that is known."""
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
        return self._outbox.folder / MODEL_FOLDER

    def start(self) -> str | None:
        """Open the run in MLflow before the comparison, so that a mistake shows early.

        Returns:
            A sentence about an MLflow that does not answer, without which the run goes on; ``None`` if all is well.

        Raises:
            TrackingError: MLflow answers, and refuses to log the run.
        """
        self._thread.start()
        self._wait(lambda: not self._waiting or self._failures > 0, keep=self._allowance - self._start_allowance)
        if self._refused:
            self._end()
            self._outbox.discard()
            error = next(iter(self._refused.values()))
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
        if isinstance(event, PlanMade):
            self._plan = event.plan
        if message := messages.of_event(event, self._plan):
            self.put(message)

    def put(self, message: Message) -> None:
        """Write a message to the outbox and queue it to be sent; returns at once."""
        with self._changed:
            if self._ended:
                return
            try:
                self._outbox.append(message)
            except (OSError, ValueError) as error:  # it may still be sent
                self._refused.setdefault(f"{type(error).__name__}: {error}", error)
            self._waiting.append(message)
            self._changed.notify_all()

    def settle(self) -> None:
        """Wait, within the allowance, until the messages so far are sent, so that MLflow's run ids are known."""
        self._flush()

    def finish(
        self, leaderboard: Leaderboard, summary: Mapping[str, float], status: str, story: Story | None = None
    ) -> list[str]:
        """Log the answer and end the run.

        Args:
            leaderboard: the final leaderboard.
            summary: more metrics of the run, such as its wall time.
            status: ``FINISHED``, ``FAILED`` or ``KILLED``.
            story: name and description of the run from now on.

        Returns:
            Sentences on what MLflow lacks and what to do about it; empty if all is well.
        """
        self.put(messages.of_answer(leaderboard, self._plan, summary, story))
        return self.close(status)

    def close(self, status: str) -> list[str]:
        """End the run; resuming it opens it again.

        Args:
            status: ``FINISHED``, ``FAILED`` or ``KILLED``.

        Returns:
            Sentences on what MLflow lacks and what to do about it; empty if all is well.
        """
        if self._ended:
            return []
        self.put(messages.of_end(status))
        with self._changed:
            if self._setbacks:
                self._waiting.append(_TIDY)
        self._flush()
        with self._changed:
            sent = not self._waiting
        self._end()
        if sent and not self._refused:
            self._outbox.delivered()
            return []
        self._outbox.close()
        return [self._problem(sent=sent)]

    def _flush(self) -> None:
        """Wait until all messages are sent; an MLflow that could not be reached is tried once more, now."""
        with self._changed:
            setbacks, self._next_try = self._setbacks, 0.0
            self._changed.notify_all()
        self._wait(lambda: not self._waiting or self._setbacks > setbacks)

    def _problem(self, *, sent: bool) -> str:
        refusals = "; ".join(map(reason, self._refused.values()))
        why = f"refused something ({refusals})" if sent else self._why()
        return (
            f"MLflow at {self._place} {why}: what it lacks of this run is kept in "
            f"{self._outbox.folder}, and `{self._command}` sends it."
        )

    def _why(self) -> str:
        error = self._last_failure
        return f"cannot be reached ({reason(error)})" if error and self._failures else "does not answer in time"

    def _end(self) -> None:
        """Stop sending; a call that is under way is not interrupted."""
        self._client.abandon()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _wait(self, done: Callable[[], bool], keep: float = 0.0) -> None:
        """Wait for a condition, as long as MLflow answers.

        Args:
            done: the condition.
            keep: seconds of the allowance to leave over.
        """
        waited, now = 0.0, time.monotonic()
        with self._changed:
            while not done() and waited < CATCH_UP_SECONDS:
                overdue, uploading = self._client.overdue, self._client.uploading
                if overdue and self._allowance <= keep:
                    return
                self._changed.wait(_STEP)
                now, last = time.monotonic(), now
                waited += 0.0 if uploading else now - last
                self._allowance -= now - last if overdue else 0.0

    def _serve(self) -> None:
        """Send one message after the other; a message that MLflow cannot take now stays the first."""
        strikes = 0
        while (message := self._next()) is not None:
            looked = False
            try:
                if self._failures:
                    looked = self._tracking.recall()
                self._send(message)
            except AbandonedError:
                return
            except Exception as error:  # noqa: BLE001 - stores and networks may fail in any way
                # A server that answers, and fails at this message again and again, will not take it.
                strikes += looked
                self._record_failure(message, error, final=not unavailable(error) or strikes >= STRIKES)
                strikes %= STRIKES
            else:
                strikes = 0
                self._done(message)

    def _next(self) -> Message | None:
        with self._changed:
            while not self._ended:
                pause = self._next_try - time.monotonic()
                if self._waiting and pause <= 0:
                    return self._waiting[0]
                self._changed.wait(max(pause, 0.0) if self._waiting else None)
        return None

    def _send(self, message: Message) -> None:
        if message is _OPEN:
            self._tracking.start()
        elif message is _TIDY:
            self._tracking.tidy()
        else:
            self._tracking.send(message)

    def _done(self, message: Message) -> None:
        with self._changed:
            if self._failures:
                _LOG.info("MLflow is there again.")
            self._failures, self._next_try = 0, 0.0
            self._drop(message)
            self._changed.notify_all()

    def _drop(self, message: Message) -> None:
        if self._waiting and self._waiting[0] is message:
            self._waiting.popleft()

    def _record_failure(self, message: Message, error: Exception, *, final: bool) -> None:
        with self._changed:
            if self._ended:
                return
            if final:
                self._refused.setdefault(f"{type(error).__name__}: {error}", error)
                _LOG.info("MLflow did not take a message (%s): %s", message["kind"], reason(error))
                self._drop(message)
            else:
                if not self._failures:
                    _LOG.info("MLflow cannot be reached, and is tried again: %s", reason(error))
                self._last_failure = error
                self._failures += 1
                self._setbacks += 1
                self._next_try = time.monotonic() + min(2.0 ** (self._failures - 1), LONGEST_PAUSE)
            self._changed.notify_all()


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
