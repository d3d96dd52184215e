"""An engine whose workers are not ready yet, combined with the driver's machine, which works until they are."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from bakeoff.comparison.limits import TrialLimits
from bakeoff.execution.engines.base import JOIN_SECONDS
from bakeoff.execution.engines.driver_slot import DriverAssist, DriverSlot
from bakeoff.execution.engines.lanes import Lane
from bakeoff.execution.worker.task import Refit, RunTrials, WarmUp, Work

if TYPE_CHECKING:
    from bakeoff.execution.engines.base import Engine
    from bakeoff.pycaret3.frozen import FrozenExperiment

_LOG = logging.getLogger(__name__)


class State(Enum):
    """Progress of the workers of a `HybridEngine`."""

    ALONE = auto()
    """The driver's machine works, and no worker was asked for."""
    WARMING = auto()
    """The workers get ready, one by one, and the driver's machine works."""
    READY = auto()
    """All workers that were asked for have answered; the driver's machine works on only if it has a core to spare."""
    CLOSED = auto()
    """The comparison is over."""


class HybridEngine:
    """An engine that runs work on whatever is free first: a ready worker or the driver's machine.

    Each slot of the engine gets one piece of work that only makes a worker ready. Until all of them have answered, the
    driver's machine works; trials that it has not begun by then go to the workers.

    There are two lanes. That of the driver has room for one piece of work, once its process is ready. That of the
    workers grows with each worker that has got ready, and is unlimited when all have: the engine has a queue itself.

    Args:
        engine: an opened engine, whose workers are cold.
        assist: the part of the driver's machine.

    Attributes:
        state: how far the workers are.
        n_here: how many trials the driver's machine has run.
        n_waiting: how many pieces of work wait for room.
    """

    grows = True
    starts_cold = True

    def __init__(self, engine: Engine, assist: DriverAssist) -> None:
        self.name, self.isolation, self.own_slots = engine.name, engine.isolation, engine.own_slots
        self.ahead, self.patience = engine.ahead, engine.patience
        self.worker_mb = engine.worker_mb
        self.state = State.ALONE
        self.n_here = self.n_waiting = 0
        self._engine, self._assist = engine, assist
        self._slot: DriverSlot | None = None
        self._digest = ""
        self._n_slots = 0  # of the engine, now; 0 until it is opened
        self._n_awaited = 0  # workers that have not answered yet
        self._n_cancels = 0
        self._lost: str | None = None
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()  # guards the state and the lanes
        self._driver, self._workers = Lane(self._changed), Lane(self._changed)

    @property
    def slots(self) -> int:
        """The number of tasks that can run at once, now or when the workers are ready."""
        if self._n_slots and self._engine.grows:
            self._n_slots = self._engine.slots
        return max(1, self._n_slots + self.driver_stays)

    @property
    def slots_used(self) -> int:
        """The number of slots at the end: those of ready workers, and the driver's if it stayed."""
        return max(1, self._n_slots + self.driver_stays) if self._workers.capacity else 1

    @property
    def driver_works(self) -> bool:
        """Whether the driver's machine takes work, now or when its process is ready."""
        return not self._driver.is_closed

    @property
    def driver_stays(self) -> bool:
        """Whether the driver's machine takes work even when the workers are ready."""
        return self.driver_works and self._assist.stays

    @property
    def is_open(self) -> bool:
        """Whether the workers were needed."""
        return self._n_slots > 0

    def publish(self, frozen: FrozenExperiment) -> str:
        """Start the driver's slot, and the engine's workers unless there is too little work for them.

        Returns:
            The digest of the engine's payload; empty while the engine is not opened.
        """
        self._slot = slot = DriverSlot(frozen)
        if self._assist.alone_seconds:
            _LOG.info("There is too little work to start Spark's workers for: it stays on the driver.")
            self._spawn(lambda: self._open_later(frozen), "bakeoff-open")
        else:
            self._open(frozen)
        thread = threading.Thread(target=self._ready_driver, args=(slot,), name="bakeoff-driver", daemon=True)
        self._threads.append(thread)
        thread.start()
        return self._digest

    def run(self, work: Work, description: str) -> Any:
        """Run work where a slot is free first."""
        if not isinstance(work, RunTrials | Refit):  # it keeps workers awake
            is_ready = self.state is State.READY
            return self._engine.run(replace(work, digest=self._digest), description) if is_ready else None
        came = time.monotonic()
        done: list[Any] = []
        if self._enter(self._workers, self._driver) is self._driver:
            try:
                done, remainder = self._run_here(work, came)
            finally:
                self._driver.release()
            if remainder is None:
                return done
            work = remainder
            self._enter(self._workers)
        try:
            answered = self._engine.run(replace(_later(work, came), digest=self._digest), description)
        except Exception as error:
            if not done:
                raise
            _LOG.warning("A worker was lost with what the driver's machine had left to it: %s", error)
            return done  # the scheduler sees which outcomes are missing
        finally:
            self._workers.release()
        return [*done, *answered] if done else answered

    def thread(self, target: Callable[[], None], name: str) -> threading.Thread:
        """Make a thread as the engine does."""
        return self._engine.thread(target, name)

    def why_lost(self, error: BaseException | None = None) -> str | None:
        """Return why the engine is gone, if it is; the driver's machine finishes its trial and starts no other."""
        self._lost = self._lost or self._engine.why_lost(error)
        return self._lost

    def cancel(self) -> None:
        """Stop the running work, and reject the work that waits for its turn."""
        with self._changed:
            self._n_cancels += 1
            self._changed.notify_all()
        if self._slot is not None:
            self._slot.cancel()
        self._engine.cancel()

    def close(self) -> None:
        """End the driver's slot, and the start of workers that are no longer needed."""
        with self._changed:
            were_ready = self.state is State.READY
            self.state = State.CLOSED
            self._changed.notify_all()
        if self._slot is not None:
            self._slot.close()
        end = time.monotonic() + JOIN_SECONDS
        for thread in self._threads:
            while thread.is_alive() and time.monotonic() < end and not self._lost:
                if not were_ready:
                    self._engine.cancel()
                thread.join(timeout=1)
        self._engine.close()

    def warm_worker(self) -> None:
        """Make a worker ready; called once for each slot, on a thread of its own."""
        if self.state is not State.CLOSED:
            with contextlib.suppress(Exception):  # the first task will raise it again
                limits = TrialLimits(isolation=self.isolation)
                self._engine.run(WarmUp(self._digest, limits=limits), "Bakeoff: workers get ready")
        with self._changed:
            self._n_awaited -= 1
            self._workers.resize(self._workers.capacity + 1 if self._n_awaited else math.inf)
            if not self._n_awaited:
                self._move(State.READY)
                if not self._assist.stays:
                    self._driver.close()

    def _enter(self, *lanes: Lane) -> Lane:
        """Wait for room in one of the lanes, and take it; the first one has precedence.

        Raises:
            ConnectionAbortedError: The work was cancelled.
            Exception: All lanes are closed, the workers' because of this error.
        """
        with self._changed:
            n_cancels = self._n_cancels
            self.n_waiting += 1
            try:
                while n_cancels == self._n_cancels:
                    for lane in lanes:
                        if lane.acquire():
                            return lane
                    if self._workers.problem is not None and all(lane.is_closed for lane in lanes):
                        raise self._workers.problem
                    self._changed.wait()
            finally:
                self.n_waiting -= 1
        raise ConnectionAbortedError("The work was cancelled before it began.")

    def _run_here(self, work: RunTrials | Refit, came: float) -> tuple[Any, RunTrials | Refit | None]:
        """Run work on the driver's machine; return its answer, and the work that is left for a worker.

        Work is left if the workers are ready before the last trial begins.
        """
        assert self._slot is not None  # noqa: S101 - its lane has room
        done: list[Any] = []
        n_cancels = self._n_cancels
        try:
            if isinstance(work, Refit):
                return self._slot.run(work), None
            for trial in work.trials:
                if n_cancels != self._n_cancels:
                    raise ConnectionAbortedError("The work was cancelled.")
                if not self.driver_works:
                    break
                done += self._slot.run(replace(_later(work, came), trials=(trial,)))
                self.n_here += 1
        except RuntimeError as error:  # its process is gone, and there is no other
            self._give_up(error)
        if isinstance(work, Refit):
            return done, work
        trials = work.trials[len(done) :]
        return done, replace(work, trials=trials) if trials else None

    def _ready_driver(self, slot: DriverSlot) -> None:
        """Get the driver's process ready, and open its lane."""
        try:
            slot.get_ready()
        except Exception as error:  # noqa: BLE001 - the workers do without it
            self._give_up(error)
        self._driver.resize(1)

    def _give_up(self, error: Exception) -> None:
        """Stop using the driver's slot and route all work to the workers."""
        if self.state is not State.CLOSED:
            _LOG.warning("The driver's own machine takes no part in the comparison: %s", error)
        self._driver.close()

    def _open(self, frozen: FrozenExperiment) -> None:
        """Publish the experiment on the engine, and make a worker ready on each of its slots."""
        slots = self._engine.slots
        self._digest = self._engine.publish(frozen)
        with self._changed:
            self._n_slots = self._n_awaited = slots
            self._move(State.WARMING)
        for number in range(slots):
            self._spawn(self.warm_worker, f"bakeoff-ready-{number}")

    def _open_later(self, frozen: FrozenExperiment) -> None:
        """Open the engine only if the driver's machine has not finished within its time alone."""
        with self._changed:
            self._changed.wait_for(lambda: self._driver.capacity or self._is_over_alone)
            self._changed.wait_for(lambda: self._is_over_alone, timeout=self._assist.alone_seconds)
            if self.state is State.CLOSED:
                return
        _LOG.info("There is more work than was expected: Spark's workers get ready.")
        try:
            self._open(frozen)
        except Exception as error:  # noqa: BLE001 - the driver's machine goes on alone, if it can
            _LOG.warning("The workers cannot be used: %s", error)
            self._workers.close(error)

    @property
    def _is_over_alone(self) -> bool:
        """Whether the driver's machine does not work alone any more: it cannot, or the comparison is over."""
        return self.state is State.CLOSED or not self.driver_works

    def _move(self, state: State) -> None:
        """Go to the next state; what is closed stays closed."""
        with self._changed:
            if self.state is not State.CLOSED:
                self.state = state
            self._changed.notify_all()

    def _spawn(self, target: Callable[[], None], name: str) -> None:
        thread = self._engine.thread(target, name)
        self._threads.append(thread)
        thread.start()


def _later(work: RunTrials | Refit, came: float) -> Any:
    """Subtract the time since the work was received from the seconds that are left."""
    return replace(work, limits=work.limits.left(time.monotonic() - came))
