"""The scheduler's events, and their delivery to listeners.

Progress display, MLflow and Delta are listeners. A listener that fails or hangs never changes a result: it receives
events on its own thread, its exceptions are kept as notes, and the run waits for it no longer than a limit.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bakeoff.comparison.leaderboard import Leaderboard, Row
from bakeoff.comparison.plan import Batch, Plan
from bakeoff.comparison.trial import Model, Outcome, Trial

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class PlanMade:
    """The run is about to start. ``done`` holds the outcomes of an earlier attempt of the same run."""

    plan: Plan
    slots: int
    done: tuple[Outcome, ...] = ()


@dataclass(frozen=True)
class TaskStarted:
    """These trials were handed to a worker."""

    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class TrialDone:
    """A trial ended, successfully or not."""

    outcome: Outcome


@dataclass(frozen=True)
class BatchDone:
    """The last trial of a batch ended, or its models were stopped. ``rows`` are ranked within the batch."""

    batch: Batch
    rows: tuple[Row, ...]
    outcomes: tuple[Outcome, ...]
    wall_seconds: float


@dataclass(frozen=True)
class RungDone:
    """A rung of a race ended: models were compared on ``n_folds`` folds, and some of them run on no further ones.

    Models that had been stopped are revived if no other is left that has every fold. Those that are dropped lacked a
    fold when the time of the rung was over. Candidates of the tuning have rungs of their own.
    """

    n_folds: int
    stopped: tuple[str, ...]
    revived: tuple[str, ...] = ()
    of_candidates: bool = False
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlanGrown:
    """Tuning goes on with further candidates of a family.

    Attributes:
        plan: the plan with them.
        models: the candidates.
        done: outcomes of theirs of an earlier attempt of the same run.
    """

    plan: Plan
    models: tuple[Model, ...]
    done: tuple[Outcome, ...] = ()


@dataclass(frozen=True)
class RunDone:
    """Every trial ended, or the deadline passed. ``leaderboard`` is final."""

    leaderboard: Leaderboard


@dataclass(frozen=True)
class StepBegan:
    """The comparison has ended, and the job goes on with this step."""

    name: str


Event = PlanMade | PlanGrown | TaskStarted | TrialDone | RungDone | BatchDone | RunDone | StepBegan


class Listener(Protocol):
    """Receiver of a run's events. It is called on one thread, one event at a time."""

    def handle(self, event: Event) -> None:
        """Handle one event. An exception is noted and goes no further."""


class Announcer:
    """Delivery of every event to every listener, each with its own queue and thread.

    Example:
        >>> class Counter:
        ...     heard = 0
        ...     def handle(self, event): self.heard += 1
        >>> counter = Counter()
        >>> announcer = Announcer([counter])
        >>> announcer.tell(TaskStarted(()))
        >>> announcer.close(timeout=5)
        []
        >>> counter.heard
        1
    """

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._mailboxes = [_Mailbox(listener) for listener in listeners]

    def tell(self, event: Event) -> None:
        """Queue an event for every listener and return at once."""
        for mailbox in self._mailboxes:
            mailbox.put(event)

    def close(self, timeout: float) -> list[str]:
        """Deliver what is queued, and wait at most ``timeout`` seconds for all listeners together.

        Returns:
            One line for each problem.
        """
        deadline = time.monotonic() + timeout
        for mailbox in self._mailboxes:
            mailbox.put(None)
        for mailbox in self._mailboxes:
            mailbox.join(max(0.0, deadline - time.monotonic()))
        return [problem for mailbox in self._mailboxes for problem in mailbox.problems()]


class _Mailbox:
    """One listener with its queue and its thread."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._errors: list[str] = []
        self._name = type(listener).__name__
        self._thread = threading.Thread(target=self._serve, name=f"bakeoff-{self._name}", daemon=True)
        self._thread.start()

    def put(self, event: Event | None) -> None:
        self._queue.put(event)

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    def problems(self) -> list[str]:
        late = [f"{self._name} has not caught up."] if self._thread.is_alive() else []
        return [*self._errors, *late]

    def _serve(self) -> None:
        while (event := self._queue.get()) is not None:
            try:
                self._listener.handle(event)
            except Exception as error:  # noqa: BLE001 - a listener may fail in any way, and never the run
                # Java's stack is pages long: the first line says what is wrong, and the rest is for who looks for it.
                said = next(iter(str(error).strip().splitlines()), "")
                _LOG.warning("%s could not handle %s: %s", self._name, type(event).__name__, said)
                _LOG.debug("%s failed:", self._name, exc_info=True)
                self._errors.append(f"{self._name}: {type(error).__name__}: {said}")
