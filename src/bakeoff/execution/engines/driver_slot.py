"""The slot on the driver's own machine, and when it is worth having."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bakeoff._utils import pickling
from bakeoff.execution.isolation.spawned import take_host
from bakeoff.execution.worker.payload import forget_runner, interrupt_host, keep_host
from bakeoff.execution.worker.task import Work, perform

if TYPE_CHECKING:
    from bakeoff.pycaret3.frozen import FrozenExperiment

SMALL_SECONDS = 3.0
"""Work of no more than this, on one core, is done here before cold workers have answered at all."""
ALONE_SECONDS = 6.0
"""So long such work may take after all, from its first trial on, before the workers are started nevertheless."""
MOST_BYTES = 256 * 1024 * 1024
"""Rows beyond this are not held once more on the driver by itself: so much work does not notice how it starts."""


@dataclass(frozen=True)
class DriverAssist:
    """What the driver's own machine does for a comparison.

    Attributes:
        alone_seconds: for so long it is alone, and workers are started only if there is work left then.
        stays: whether it goes on, as one more slot, when the workers are ready.
    """

    alone_seconds: float = 0.0
    stays: bool = False


def help_for(wish: bool | None, *, cold: bool, cores: int, own_slots: int, seconds: float) -> DriverAssist | None:  # noqa: FBT001 - what the user said, or nothing
    """Whether trials run on the driver's machine, and for how long.

    Args:
        wish: what the user asked for; ``None`` to do what pays.
        cold: whether the workers still have to get ready.
        cores: of this machine.
        own_slots: how many of them the workers use.
        seconds: that all trials are expected to take on one core.

    Example:
        >>> driver = {"cores": 8, "own_slots": 0}
        >>> help_for(None, cold=True, seconds=60.0, **driver)
        Help(alone_seconds=0.0, stays=True)
        >>> help_for(None, cold=True, seconds=1.0, **driver)
        Help(alone_seconds=6.0, stays=True)
        >>> help_for(None, cold=False, seconds=60.0, **driver), help_for(False, cold=True, seconds=60.0, **driver)
        (None, None)
        >>> help_for(None, cold=True, seconds=60.0, cores=2, own_slots=2)  # one more import would keep theirs waiting
    """
    spare = cores - own_slots > 1  # one for the driver itself
    small = cold and seconds <= SMALL_SECONDS
    pays = cold and cores > 1 and (spare or small)
    if wish is False or not (wish or pays):
        return None
    return DriverAssist(ALONE_SECONDS if small else 0.0, stays=bool(wish) or spare)


class DriverSlot:
    """Runs work in a process beside this one, the way a worker does.

    Args:
        frozen: the experiment.
    """

    def __init__(self, frozen: FrozenExperiment) -> None:
        self._frozen = frozen
        self._digest = f"driver-{uuid.uuid4().hex}"
        self._host = take_host()
        # On the caller's thread, which outlives the comparison: Linux ends the process with the thread that started it.
        self._host.start()
        keep_host(self._digest, self._host)

    def get_ready(self) -> None:
        """Let the process read the experiment.

        Raises:
            RuntimeError: it could not be started.
        """
        self._host.payload = self.read()
        self._host.ready()

    def read(self) -> bytes:
        """The payload."""
        return pickling.dumps(self._frozen)

    def run(self, work: Work) -> Any:
        """What a worker would answer."""
        return perform(replace(work, digest=self._digest, host="start"), self)

    def cancel(self) -> None:
        """End what runs."""
        interrupt_host(self._digest)

    def close(self) -> None:
        """End the process."""
        forget_runner(self._digest)
