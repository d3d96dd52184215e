"""The slot on the driver's machine, and the rule for using it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bakeoff._utils import pickling
from bakeoff.comparison.limits import Isolation
from bakeoff.execution.isolation.spawned import take_host
from bakeoff.execution.worker.payload import forget_runner, interrupt_host, keep_host
from bakeoff.execution.worker.task import Work, perform

if TYPE_CHECKING:
    from bakeoff.pycaret3.frozen import FrozenExperiment

SMALL_SECONDS = 3.0
"""Work up to this many seconds on one core is finished on the driver before cold workers are ready."""
ALONE_SECONDS = 6.0
"""Seconds after the first trial of such work at which the workers are started nevertheless."""
MOST_BYTES = 256 * 1024 * 1024
"""A larger experiment is not copied for the driver's slot by default: at that size the start hardly matters."""


@dataclass(frozen=True)
class DriverAssist:
    """The part of the driver's machine in a comparison.

    Attributes:
        alone_seconds: seconds that it works alone; workers are started only if work is left after that.
        stays: whether it goes on, as one more slot, when the workers are ready.
    """

    alone_seconds: float = 0.0
    stays: bool = False


def assist_for(wish: bool | None, *, cold: bool, cores: int, own_slots: int, seconds: float) -> DriverAssist | None:  # noqa: FBT001 - the user's option, or None
    """Decide whether trials run on the driver's machine, and for how long.

    Args:
        wish: the user's option; ``None`` to decide by what is faster.
        cold: whether the workers still have to get ready.
        cores: number of cores of this machine.
        own_slots: how many of the cores the workers use.
        seconds: expected seconds of all trials on one core.

    Returns:
        The part of the driver's machine; ``None`` if no trials run there.

    Example:
        >>> driver = {"cores": 8, "own_slots": 0}
        >>> assist_for(None, cold=True, seconds=60.0, **driver)
        DriverAssist(alone_seconds=0.0, stays=True)
        >>> assist_for(None, cold=True, seconds=1.0, **driver)
        DriverAssist(alone_seconds=6.0, stays=True)
        >>> assist_for(None, cold=False, seconds=60.0, **driver), assist_for(False, cold=True, seconds=60.0, **driver)
        (None, None)
        >>> assist_for(None, cold=True, seconds=60.0, cores=2, own_slots=2)  # an import here would slow theirs
    """
    spare = cores - own_slots > 1  # one for the driver itself
    small = cold and seconds <= SMALL_SECONDS
    pays = cold and cores > 1 and (spare or small)
    if wish is False or not (wish or pays):
        return None
    return DriverAssist(ALONE_SECONDS if small else 0.0, stays=bool(wish) or spare)


class DriverSlot:
    """A slot that runs work in a process beside this one, as a worker does.

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
            RuntimeError: It could not be started.
        """
        self._host.load(self.read())

    def read(self) -> bytes:
        """Return the bytes of the payload."""
        return pickling.dumps(self._frozen)

    def run(self, work: Work) -> Any:
        """Run work as a worker would, and return its answer."""
        limits = replace(work.limits, isolation=Isolation.SPAWNED)
        return perform(replace(work, digest=self._digest, limits=limits), self)

    def cancel(self) -> None:
        """End the running trial."""
        interrupt_host(self._digest)

    def close(self) -> None:
        """End the process."""
        forget_runner(self._digest)
