"""MLflow beside a run: what is to be logged is written down, then sent by a thread that nobody has to wait for.

A run must neither be slower nor lose anything because its tracking server does not answer. So messages go to a file
first (`bakeoff.tracking.outbox`), and one thread sends them, with short limits (`bakeoff.tracking.bounded_client`).
When MLflow cannot be reached, that thread waits before it tries again, each time twice as long, and then looks first
what its last call did after all. The run itself waits for MLflow only where it needs an answer, and that waiting
comes out of an allowance of a few seconds, which calls use up that take longer than usual. What is not sent by the
end stays in the file, for `bakeoff sync`.
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
from bakeoff.tracking.run_logger import MlflowTracking, TrackedRun

if TYPE_CHECKING:
    from bakeoff.tracking.logged_model import BestModel

_LOG = logging.getLogger(__name__)
DEFAULT_HOME = Path(".bakeoff")
ALLOWANCE_SECONDS = 3.5
"""How long a run waits in all for answers that take longer than usual. Three of them are noticed as late half a second
after they were asked for, so this comes to five seconds."""
START_SHARE = 0.6
"""How much of that may be used up before the comparison starts."""
CATCH_UP_SECONDS = 60.0
"""How long the end of a run waits for a backlog of messages, while MLflow does answer."""
LONGEST_PAUSE = 30.0
STRIKES = 3
"""How often a message may fail at a server that answers otherwise."""
_REFUSALS = (MlflowException, OSError, ValueError, ImportError)
_STEP = 0.02
_OPEN, _TIDY = {"kind": "open"}, {"kind": "tidy"}


class MlflowListener:
    """Logs one run; it is a listener, and takes messages.

    Args:
        client: of the MLflow that is logged to.
        head: what the run is.
        home: the folder for what is kept locally, in which the run has one of its own.
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
        self._spool = Outbox(folder / FOLDER, head)
        # A database on this machine is not given up so soon: it may be busy, and nothing else can be in the way.
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
        """Where the run is logged, as soon as that is known."""
        return self._tracking.tracked

    @property
    def ids(self) -> dict[str, Any]:
        """MLflow's ids by the columns of ``runs`` that hold them, as far as they are known."""
        found = self._tracking.tracked
        return {
            "mlflow_experiment_id": found.experiment_id if found else None,
            "mlflow_run_id": found.mlflow_run_id if found else None,
        }

    @property
    def model_run_ids(self) -> Mapping[str, str]:
        """The MLflow run of each model that was logged so far, by model id."""
        return self._tracking.model_run_ids

    @property
    def logged(self) -> BestModel | None:
        """The best model, once it is logged."""
        return self._tracking.logged

    @property
    def became(self) -> str | None:
        """The same with the version's name: what the row of the run says of it."""
        return self._tracking.became

    @property
    def promotion(self) -> str | None:
        """What became of it in the registry."""
        return self._tracking.promotion

    @property
    def model_folder(self) -> Path:
        """Where the best model is to be saved before `messages.of_model` is put."""
        return self._spool.folder / MODEL_FOLDER

    def start(self) -> str | None:
        """Open the run in MLflow, before the comparison, so that a mistake shows early.

        Returns:
            A sentence about an MLflow that does not answer; the run goes on without it.

        Raises:
            UserError: MLflow answers, and does not do what it is asked.
        """
        self._thread.start()
        self._wait(lambda: not self._waiting or self._failures > 0, keep=self._allowance - self._start_allowance)
        if self._refused:
            self._end()
            self._spool.discard()
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
        """Take what there is to be logged of an event."""
        if isinstance(event, PlanMade):
            self._plan = event.plan
        if message := messages.of_event(event, self._plan):
            self.put(message)

    def put(self, message: Message) -> None:
        """Write a message down and have it sent; returns at once."""
        with self._changed:
            if self._ended:
                return
            try:
                self._spool.append(message)
            except (OSError, ValueError) as error:  # it may still be sent
                self._refused.setdefault(f"{type(error).__name__}: {error}", error)
            self._waiting.append(message)
            self._changed.notify_all()

    def settle(self) -> None:
        """Let MLflow hear what was put so far, so that the ids of its runs are known; not for long."""
        self._hurry()

    def finish(
        self, leaderboard: Leaderboard, summary: Mapping[str, float], status: str, story: Story | None = None
    ) -> list[str]:
        """Log the answer and end the run.

        Returns:
            What is not in MLflow, and what to do about it; nothing where all is well.
        """
        self.put(messages.of_answer(leaderboard, self._plan, summary, story))
        return self.close(status)

    def close(self, status: str) -> list[str]:
        """End the run, without an answer where none was put; resuming it opens it again.

        Args:
            status: ``FINISHED``, ``FAILED`` or ``KILLED``.
        """
        if self._ended:
            return []
        self.put(messages.of_end(status))
        with self._changed:
            if self._setbacks:
                self._waiting.append(_TIDY)
        self._hurry()
        with self._changed:
            sent = not self._waiting
        self._end()
        if sent and not self._refused:
            self._spool.delivered()
            return []
        self._spool.close()
        return [self._problem(sent=sent)]

    def _hurry(self) -> None:
        """Wait until all is sent; an MLflow that could not be reached is tried once more, now."""
        with self._changed:
            setbacks, self._next_try = self._setbacks, 0.0
            self._changed.notify_all()
        self._wait(lambda: not self._waiting or self._setbacks > setbacks)

    def _problem(self, *, sent: bool) -> str:
        refusals = "; ".join(map(reason, self._refused.values()))
        why = f"refused something ({refusals})" if sent else self._why()
        return (
            f"MLflow at {self._place} {why}: what it lacks of this run is kept in "
            f"{self._spool.folder}, and `{self._command}` sends it."
        )

    def _why(self) -> str:
        error = self._last_failure
        return f"cannot be reached ({reason(error)})" if error and self._failures else "does not answer in time"

    def _end(self) -> None:
        """Send nothing any more; a call that is under way is left to itself."""
        self._client.abandon()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _wait(self, done: Callable[[], bool], keep: float = 0.0) -> None:
        """Wait until something is done, as long as MLflow answers.

        Args:
            done: whether it is.
            keep: how much of the allowance is not to be used up.
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
        """Send one message after the other; one that MLflow cannot take now stays the first."""
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
                # A server that answers, and fails at this one message again and again, will not take it.
                strikes += looked
                self._note(message, error, final=not unavailable(error) or strikes >= STRIKES)
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

    def _note(self, message: Message, error: Exception, *, final: bool) -> None:
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
        home: the folder for what is kept locally.
        head: what the run is.
        say: hears of an MLflow that does not answer.

    Raises:
        TrackingError: there is no such MLflow, or it does not do what it is asked.
    """
    client = BoundedClient(client_to_log_with(home))
    channel = MlflowListener(client, replace(head, tracking_uri=without_login(client.tracking_uri)), home)
    if trouble := channel.start():
        say(trouble)
    return channel
