"""An engine whose workers are not ready yet, combined with the driver's machine, which works until they are."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bakeoff._utils.platform import usable_cores
from bakeoff.execution.engines.base import JOIN_SECONDS
from bakeoff.execution.engines.driver_slot import MOST_BYTES, DriverAssist, DriverSlot, help_for
from bakeoff.execution.isolation.spawned import close_early
from bakeoff.execution.worker.task import Work

if TYPE_CHECKING:
    from bakeoff.execution.engines.base import Engine
    from bakeoff.pycaret3.frozen import FrozenExperiment

_LOG = logging.getLogger(__name__)


def with_help(engine: Engine, wish: bool | None, frozen: FrozenExperiment, seconds: float) -> Engine:  # noqa: FBT001 - the user's option, or None
    """Combine an engine with the driver's machine if that is faster, or asked for.

    Args:
        engine: an opened engine.
        wish: the user's option; ``None`` to decide by what is faster.
        frozen: the experiment.
        seconds: expected seconds of all trials on one core.

    Returns:
        The combination, or the engine itself.
    """
    if engine.host == "fork" and wish is not False:
        cold = engine.starts_cold and frozen.n_bytes <= MOST_BYTES
        assist = help_for(wish, cold=cold, cores=usable_cores(), own_slots=engine.own_slots, seconds=seconds)
        if assist is not None:
            return HybridEngine(engine, assist)
    close_early()  # the process would have nothing to do
    return engine


class HybridEngine:
    """An engine that runs work on whatever is free first: a ready worker or the driver's machine.

    Each slot of the engine gets one piece of work that only makes a worker ready. Until all of them have answered, the
    driver's machine works; trials that it has not begun by then go to the workers.

    Args:
        engine: an opened engine, whose workers are cold.
        help: the part of the driver's machine.

    Attributes:
        n_here: how many trials the driver's machine has run.
    """

    grows = True
    starts_cold = True

    def __init__(self, engine: Engine, help: DriverAssist) -> None:  # noqa: A002 - it is its name
        self.name, self.host, self.own_slots = engine.name, engine.host, engine.own_slots
        self.ahead, self.patience = engine.ahead, engine.patience
        self.n_here = 0
        self._engine, self._help = engine, help
        self._driver: DriverSlot | None = None
        self._digest = ""
        self._helps, self._is_free = True, False  # whether the driver's slot takes work, and whether it is idle
        self._n_slots = 0  # slots of the engine; 0 until it is opened
        self._n_awaited = self._n_ready = 0  # workers that must answer before all count as ready, and those that have
        self._n_on_workers = 0  # pieces of work that the engine has
        self._cancels = 0
        self._lost: str | None = None
        self._problem: Exception | None = None
        self._began, self._hurry, self._closed = threading.Event(), threading.Event(), threading.Event()
        self._turn = threading.Condition()
        self._threads: list[threading.Thread] = []

    @property
    def slots(self) -> int:
        """The number of tasks that can run at once, now or when the workers are ready."""
        if self._n_slots and self._engine.grows:
            self._n_slots = self._engine.slots
        return max(1, self._n_slots + (self._helps and self._help.stays))

    @property
    def slots_used(self) -> int:
        """The number of slots at the end: those of ready workers, and the driver's if it stayed."""
        return max(1, self._n_slots + (self._helps and self._help.stays)) if self._n_ready else 1

    @property
    def is_open(self) -> bool:
        """Whether the workers were needed."""
        return self._n_slots > 0

    def publish(self, frozen: FrozenExperiment) -> str:
        """Start the driver's slot, and the engine's workers unless there is too little work for them.

        Returns:
            The digest of the engine's payload; empty while the engine is not opened.
        """
        self._driver = driver = DriverSlot(frozen)
        if self._help.alone_seconds:
            _LOG.info("There is too little work to start Spark's workers for: it stays on the driver.")
            self._spawn(lambda: self._open_later(frozen), "bakeoff-open")
        else:
            self._open(frozen)
        thread = threading.Thread(target=self._begin, args=(driver,), name="bakeoff-driver", daemon=True)
        self._threads.append(thread)
        thread.start()
        return self._digest

    def run(self, work: Work, description: str) -> Any:
        """Run work where a slot is free first."""
        if work.warm:
            return self._engine.run(replace(work, digest=self._digest), description) if self._are_ready else None
        came = time.monotonic()
        done: list[Any] = []
        if self._wait_for_turn():
            try:
                done, remainder = self._run_here(work, came)
            finally:
                with self._turn:
                    self._is_free = True
                    self._turn.notify_all()
            if remainder is None:
                return done
            work = remainder
            self._wait_for_turn(here=False)
        try:
            answered = self._engine.run(replace(_later(work, came), digest=self._digest), description)
        except Exception as error:
            if not done:
                raise
            _LOG.warning("A worker was lost with what the driver's machine had left to it: %s", error)
            return done  # the scheduler sees which outcomes are missing
        finally:
            with self._turn:
                self._n_on_workers -= 1
                self._turn.notify_all()
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
        with self._turn:
            self._cancels += 1
            self._turn.notify_all()
        if self._driver is not None:
            self._driver.cancel()
        self._engine.cancel()

    def close(self) -> None:
        """End the driver's slot, and the start of workers that are no longer needed."""
        self._closed.set()
        self._hurry.set()
        if self._driver is not None:
            self._driver.close()
        end = time.monotonic() + JOIN_SECONDS
        for thread in self._threads:
            while thread.is_alive() and time.monotonic() < end and not self._lost:
                if not self._are_ready:
                    self._engine.cancel()
                thread.join(timeout=1)
        self._engine.close()

    @property
    def _are_ready(self) -> bool:
        return self._n_ready >= self._n_awaited > 0

    def _wait_for_turn(self, *, here: bool = True) -> bool:
        """Wait for a free slot; return whether it is the one on the driver's machine.

        Args:
            here: whether the driver's machine may be chosen.

        Raises:
            ConnectionAbortedError: The work was cancelled.
            Exception: The workers cannot be used, and the driver's machine takes no work.
        """
        with self._turn:
            cancels = self._cancels
            while cancels == self._cancels:
                if self._are_ready or self._n_on_workers < self._n_ready:
                    self._n_on_workers += 1
                    return False
                if here and self._helps and self._is_free:
                    self._is_free = False
                    return True
                if not (here and self._helps) and self._problem is not None:
                    raise self._problem
                self._turn.wait()
        raise ConnectionAbortedError("The work was cancelled before it began.")

    def _run_here(self, work: Work, came: float) -> tuple[Any, Work | None]:
        """Run work on the driver's machine; return its answer, and the work that is left for a worker.

        Work is left if the workers are ready before the last trial begins.
        """
        assert self._driver is not None  # noqa: S101 - it is its turn
        done: list[Any] = []
        cancels = self._cancels
        try:
            if work.refit is not None:
                return self._driver.run(work), None
            for trial in work.trials:
                if cancels != self._cancels:
                    raise ConnectionAbortedError("The work was cancelled.")
                if not self._helps:
                    break
                done += self._driver.run(replace(_later(work, came), trials=(trial,)))
                self.n_here += 1
        except RuntimeError as error:  # its process is gone, and there is no other
            self._give_up(error)
        trials = work.trials[len(done) :]
        return done, replace(work, trials=trials) if trials or work.refit is not None else None

    def _begin(self, driver: DriverSlot) -> None:
        try:
            driver.get_ready()
        except Exception as error:  # noqa: BLE001 - the workers do without it
            self._give_up(error)
        self._began.set()
        with self._turn:
            self._is_free = True
            self._turn.notify_all()

    def _give_up(self, error: Exception) -> None:
        """Stop using the driver's slot and route all work to the workers."""
        if not self._closed.is_set():
            _LOG.warning("The driver's own machine takes no part in the comparison: %s", error)
        self._hurry.set()
        with self._turn:
            self._helps = False
            self._turn.notify_all()

    def _open(self, frozen: FrozenExperiment) -> None:
        """Publish the experiment on the engine, and make a worker ready on each of its slots."""
        slots = self._engine.slots
        self._digest = self._engine.publish(frozen)
        with self._turn:
            self._n_slots = self._n_awaited = slots
        for number in range(slots):
            self._spawn(self._get_ready, f"bakeoff-ready-{number}")

    def _open_later(self, frozen: FrozenExperiment) -> None:
        """Open the engine only if the driver's machine has not finished within its time alone."""
        self._began.wait()
        self._hurry.wait(self._help.alone_seconds)
        if self._closed.is_set():
            return
        _LOG.info("There is more work than was expected: Spark's workers get ready.")
        try:
            self._open(frozen)
        except Exception as error:  # noqa: BLE001 - the driver's machine goes on alone, if it can
            _LOG.warning("The workers cannot be used: %s", error)
            with self._turn:
                self._problem = error
                self._turn.notify_all()

    def _get_ready(self) -> None:
        if not self._closed.is_set():
            with contextlib.suppress(Exception):  # the first task will raise it again
                self._engine.run(Work(self._digest, warm=True, host=self.host), "Bakeoff: workers get ready")
        with self._turn:
            self._n_ready += 1
            if self._are_ready:
                self._helps = self._helps and self._help.stays
            self._turn.notify_all()

    def _spawn(self, target: Callable[[], None], name: str) -> None:
        thread = self._engine.thread(target, name)
        self._threads.append(thread)
        thread.start()


def _later(work: Work, came: float) -> Work:
    """Subtract the time since the work was received from the seconds that it has left."""
    if work.seconds_left is None:
        return work
    return replace(work, seconds_left=max(0.0, work.seconds_left - (time.monotonic() - came)))
