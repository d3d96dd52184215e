"""An engine whose workers still have to get ready, and the driver's own machine, which works until they are."""

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


def with_help(engine: Engine, wish: bool | None, frozen: FrozenExperiment, seconds: float) -> Engine:  # noqa: FBT001 - what the user said, or nothing
    """An engine, with the help of the driver's own machine where that pays.

    Args:
        engine: an opened engine.
        wish: what the user asked for; ``None`` to do what pays.
        frozen: the experiment.
        seconds: that all trials are expected to take on one core.
    """
    if engine.host == "fork" and wish is not False:
        cold = engine.starts_cold and frozen.n_bytes <= MOST_BYTES
        help_ = help_for(wish, cold=cold, cores=usable_cores(), own_slots=engine.own_slots, seconds=seconds)
        if help_ is not None:
            return HybridEngine(engine, help_)
    close_early()  # it would have nothing to do
    return engine


class HybridEngine:
    """Runs work on whatever is free first: a worker that has got ready, or the driver's own machine.

    Each slot of the engine is given one piece of work that only makes a worker ready. Until as many have answered as
    there are slots, the driver's machine works; what it has not begun by then goes to the workers.

    Args:
        engine: an opened engine, whose workers are cold.
        help: what the driver's machine does.

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
        self._helps, self._is_free = True, False  # the driver's slot: whether it takes work, and has none
        self._n_slots = 0  # of the engine; 0 until it is opened
        self._n_awaited = self._n_ready = 0  # workers that are to answer before all count as ready, and that have
        self._n_there = 0  # pieces of work that the engine has
        self._cancels = 0
        self._lost: str | None = None
        self._problem: Exception | None = None
        self._began, self._hurry, self._closed = threading.Event(), threading.Event(), threading.Event()
        self._turn = threading.Condition()
        self._threads: list[threading.Thread] = []

    @property
    def slots(self) -> int:
        """How many tasks can run at once, now or when the workers are ready."""
        if self._n_slots and self._engine.grows:
            self._n_slots = self._engine.slots
        return max(1, self._n_slots + (self._helps and self._help.stays))

    @property
    def slots_used(self) -> int:
        """How many slots there were in the end: those of workers that were ready, and the driver's if it went on."""
        return max(1, self._n_slots + (self._helps and self._help.stays)) if self._n_ready else 1

    @property
    def is_open(self) -> bool:
        """Whether the workers were needed."""
        return self._n_slots > 0

    def publish(self, frozen: FrozenExperiment) -> str:
        """Start the driver's slot, and the engine's workers unless there is too little work for them."""
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
        """Run work where there is room for it first."""
        if work.warm:
            return self._engine.run(replace(work, digest=self._digest), description) if self._are_ready else None
        came = time.monotonic()
        done: list[Any] = []
        if self._wait_for_turn():
            try:
                done, left = self._run_here(work, came)
            finally:
                with self._turn:
                    self._is_free = True
                    self._turn.notify_all()
            if left is None:
                return done
            work = left
            self._wait_for_turn(here=False)
        try:
            answered = self._engine.run(replace(_later(work, came), digest=self._digest), description)
        except Exception as error:
            if not done:
                raise
            _LOG.warning("A worker was lost with what the driver's machine had left to it: %s", error)
            return done  # and who asked sees what is missing
        finally:
            with self._turn:
                self._n_there -= 1
                self._turn.notify_all()
        return [*done, *answered] if done else answered

    def thread(self, target: Callable[[], None], name: str) -> threading.Thread:
        """A thread of the engine's."""
        return self._engine.thread(target, name)

    def why_lost(self, error: BaseException | None = None) -> str | None:
        """Why the engine is gone, if it is. The driver's machine goes on with what it has begun, and no further."""
        self._lost = self._lost or self._engine.why_lost(error)
        return self._lost

    def cancel(self) -> None:
        """Stop what is running, and send away what waits for its turn."""
        with self._turn:
            self._cancels += 1
            self._turn.notify_all()
        if self._driver is not None:
            self._driver.cancel()
        self._engine.cancel()

    def close(self) -> None:
        """End the driver's slot, and the start of workers that were not needed after all."""
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
        """Wait until there is room; returns whether that is on the driver's machine."""
        with self._turn:
            cancels = self._cancels
            while cancels == self._cancels:
                if self._are_ready or self._n_there < self._n_ready:
                    self._n_there += 1
                    return False
                if here and self._helps and self._is_free:
                    self._is_free = False
                    return True
                if not (here and self._helps) and self._problem is not None:
                    raise self._problem
                self._turn.wait()
        raise ConnectionAbortedError("The work was cancelled before it began.")

    def _run_here(self, work: Work, came: float) -> tuple[Any, Work | None]:
        """The answer, and what is left for a worker: workers may be ready before the last trial begins."""
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
        left = work.trials[len(done) :]
        return done, replace(work, trials=left) if left or work.refit is not None else None

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
        """Leave everything to the workers."""
        if not self._closed.is_set():
            _LOG.warning("The driver's own machine takes no part in the comparison: %s", error)
        self._hurry.set()
        with self._turn:
            self._helps = False
            self._turn.notify_all()

    def _open(self, frozen: FrozenExperiment) -> None:
        """Send the experiment to the engine, and get a worker ready on each of its slots."""
        slots = self._engine.slots
        self._digest = self._engine.publish(frozen)
        with self._turn:
            self._n_slots = self._n_awaited = slots
        for number in range(slots):
            self._spawn(self._get_ready, f"bakeoff-ready-{number}")

    def _open_later(self, frozen: FrozenExperiment) -> None:
        """Leave the engine alone for as long as the driver's machine may be all that is needed."""
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
            with contextlib.suppress(Exception):  # what is wrong with it, the first task will tell
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
    """Work whose time is counted from when it came, now that some of it has passed."""
    if work.seconds_left is None:
        return work
    return replace(work, seconds_left=max(0.0, work.seconds_left - (time.monotonic() - came)))
