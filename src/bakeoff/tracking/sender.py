"""The thread that sends messages to MLflow one after the other, for as long as a run goes on.

When MLflow cannot be reached, the thread waits before it tries again, each time twice as long, and then checks first
whether its last call took effect after all. The run itself waits for MLflow only when it needs an answer, for an
allowance of a few seconds in all, which is used up by calls that take longer than usual.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from bakeoff.tracking.bounded_client import AbandonedError, BoundedClient, reason, unavailable
from bakeoff.tracking.client import is_remote
from bakeoff.tracking.outbox import Message

_LOG = logging.getLogger(__name__)
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
_STEP = 0.02


class Sender:
    """Sender of one run's messages, which keeps their order.

    Args:
        client: client of the MLflow to send to.
        deliver: sends one message.
        recall: looks up what the last call has done after all; returns whether there was anything to look up.
        allowance: seconds that the run may wait for an MLflow that does not answer.

    Attributes:
        refusals: errors of messages that MLflow refused, by their text.
        failures: number of failures since MLflow was last reached.
        setbacks: number of failures ever.
        last_failure: the last error that was none of the message's; ``None`` if there was none.
    """

    def __init__(
        self,
        client: BoundedClient,
        deliver: Callable[[Message], None],
        recall: Callable[[], bool],
        allowance: float = ALLOWANCE_SECONDS,
    ) -> None:
        self.refusals: dict[str, BaseException] = {}
        self.failures = 0
        self.setbacks = 0
        self.last_failure: BaseException | None = None
        self._client = client
        self._deliver = deliver
        self._recall = recall
        # A database on this machine gets more time: it can only be busy.
        self._allowance = allowance if is_remote(client.tracking_uri) else CATCH_UP_SECONDS
        self._start_allowance = self._allowance * START_SHARE
        self._changed = threading.Condition()
        self._waiting: deque[Message] = deque()
        self._next_try = 0.0
        self._ended = False
        self._thread = threading.Thread(target=self._serve, name="bakeoff-mlflow", daemon=True)

    @property
    def is_idle(self) -> bool:
        """Whether no message waits."""
        return not self._waiting

    @property
    def has_ended(self) -> bool:
        """Whether nothing is sent any more."""
        return self._ended

    def start(self) -> None:
        """Start to send, and wait until what waits is sent or has failed once, for a share of the allowance."""
        self._thread.start()
        self._wait(lambda: self.is_idle or self.failures > 0, keep=self._allowance - self._start_allowance)

    def put(self, message: Message) -> None:
        """Queue a message; returns at once."""
        with self._changed:
            if not self._ended:
                self._waiting.append(message)
                self._changed.notify_all()

    def refuse(self, error: BaseException) -> None:
        """Record the error of a message that is not taken."""
        self.refusals.setdefault(f"{type(error).__name__}: {error}", error)

    def flush(self) -> None:
        """Wait until all messages are sent; an MLflow that could not be reached is tried once more, now."""
        with self._changed:
            setbacks, self._next_try = self.setbacks, 0.0
            self._changed.notify_all()
        self._wait(lambda: self.is_idle or self.setbacks > setbacks)

    def stop(self) -> None:
        """Stop sending; a call that is under way is not interrupted."""
        self._client.abandon()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def join(self, seconds: float) -> None:
        """Wait for the thread to end after `stop`."""
        self._thread.join(seconds)

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
                if self.failures:
                    looked = self._recall()
                self._deliver(message)
            except AbandonedError:
                return
            except Exception as error:  # noqa: BLE001 - stores and networks may fail in any way
                # A server that answers, and fails at this message again and again, will not take it.
                strikes += looked
                self._record_failure(message, error, final=not unavailable(error) or strikes >= STRIKES)
                strikes %= STRIKES
            else:
                strikes = 0
                self._record_success(message)

    def _next(self) -> Message | None:
        with self._changed:
            while not self._ended:
                pause = self._next_try - time.monotonic()
                if self._waiting and pause <= 0:
                    return self._waiting[0]
                self._changed.wait(max(pause, 0.0) if self._waiting else None)
        return None

    def _record_success(self, message: Message) -> None:
        with self._changed:
            if self.failures:
                _LOG.info("MLflow is there again.")
            self.failures, self._next_try = 0, 0.0
            self._drop(message)
            self._changed.notify_all()

    def _record_failure(self, message: Message, error: Exception, *, final: bool) -> None:
        with self._changed:
            if self._ended:
                return
            if final:
                self.refuse(error)
                _LOG.info("MLflow did not take a message (%s): %s", message["kind"], reason(error))
                self._drop(message)
            else:
                if not self.failures:
                    _LOG.info("MLflow cannot be reached, and is tried again: %s", reason(error))
                self.last_failure = error
                self.failures += 1
                self.setbacks += 1
                self._next_try = time.monotonic() + min(2.0 ** (self.failures - 1), LONGEST_PAUSE)
            self._changed.notify_all()

    def _drop(self, message: Message) -> None:
        if self._waiting and self._waiting[0] is message:
            self._waiting.popleft()
