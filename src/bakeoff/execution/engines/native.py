"""The engine without a cluster: one slot, in this process."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import pandas as pd
from fugue.execution.factory import make_execution_engine

from bakeoff.comparison.limits import Isolation
from bakeoff.execution.engines.base import PlainThreads
from bakeoff.execution.engines.fugue_map import map_one_row
from bakeoff.execution.worker.payload import HeldDelivery, forget_runner, interrupt_host, keep_runner
from bakeoff.execution.worker.task import Work, join
from bakeoff.pycaret3.frozen import FrozenExperiment
from bakeoff.pycaret3.runners.factory import runner_for


class NativeEngine(PlainThreads):
    """The engine that runs tasks on the slot's thread, one at a time."""

    name = "native"
    ahead = 0
    patience: float | None = None
    isolation = Isolation.SPAWNED
    slots = 1

    def __init__(self, conf: Mapping[str, Any]) -> None:
        self._engine = make_execution_engine("native", dict(conf))
        self._digest = f"native-{uuid.uuid4().hex}"
        self._delivery: HeldDelivery | None = None

    def publish(self, frozen: FrozenExperiment) -> str:
        """Hand the experiment over by reference."""
        keep_runner(self._digest, runner_for(frozen))
        self._delivery = HeldDelivery(frozen)
        return self._digest

    def run(self, work: Work, description: str) -> Any:
        """Run the work on the calling thread."""
        del description
        return join(map_one_row(pd.DataFrame({"task": [0]}), work, self._delivery, self._engine).as_array())

    def cancel(self) -> None:
        """End the trial that a host runs. A trial in this process cannot be stopped; it runs to its end."""
        interrupt_host(self._digest)

    def close(self) -> None:
        """Free the transformed folds, and end the host if there is one."""
        forget_runner(self._digest)
