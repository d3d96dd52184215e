"""The engine for a classic Spark session: one small job for each task, the payload as a broadcast."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from fugue.execution.factory import make_execution_engine

from bakeoff.comparison.limits import Isolation
from bakeoff.execution.engines.base import SPARK_PATIENCE
from bakeoff.execution.engines.fugue_map import map_one_row
from bakeoff.execution.engines.spark_workers import are_warm, note_warm, own_slots, slots_of
from bakeoff.execution.worker.payload import BroadcastDelivery, Payload
from bakeoff.execution.worker.task import WORK_PROPERTY, Work, as_property, join
from bakeoff.pycaret3.frozen import FrozenExperiment
from bakeoff.spark.liveness import why_lost


class SparkEngine:
    """The engine that runs tasks as Spark jobs of one task.

    Jobs carry a description and a tag of their own, and only jobs with that tag are cancelled; the caller's job group,
    pool and other local properties are inherited by the slot threads.

    All jobs share one plan, which Spark has to analyse, optimise and plan only once: the work of a task is a property
    of its job. Planning was more than half of a job's cost on the driver when each had a plan of its own. Properties
    belong to threads of Java, so each Python thread needs a Java thread of its own, which PySpark calls pinned.
    """

    name = "spark"
    ahead = 1
    patience: float | None = SPARK_PATIENCE
    isolation = Isolation.FORKED
    grows = True
    worker_mb: float | None = None

    def __init__(self, spark: Any, conf: Mapping[str, Any]) -> None:
        self._spark = spark
        self._engine = make_execution_engine(spark, dict(conf))
        self._tag = f"bakeoff-{uuid.uuid4().hex}"
        self._delivery: BroadcastDelivery | None = None
        self._frame: Any = None

    @property
    def slots(self) -> int:
        """The cores of the cluster, divided by the cores of one task."""
        return slots_of(self._spark)

    @property
    def starts_cold(self) -> bool:
        """Whether no worker of this session is known to be ready."""
        return not are_warm(self._spark)

    @property
    def own_slots(self) -> int:
        """The number of slots on this machine: all if the executors are on it, else 0."""
        return own_slots(self._spark)

    def publish(self, frozen: FrozenExperiment) -> str:
        """Broadcast the pickled experiment, and plan the frame whose only row every job maps."""
        payload = Payload.of(frozen)
        self._delivery = BroadcastDelivery(self._spark.sparkContext.broadcast(payload.content))
        if _threads_are_pinned(self._spark.sparkContext):
            self._frame = self._plan(None)
        return payload.digest

    def run(self, work: Work, description: str) -> Any:
        """Run the work as one Spark job of one task."""
        context = self._spark.sparkContext
        context.addJobTag(self._tag)
        context.setJobDescription(description)
        if self._frame is None:
            answered = self._plan(work).as_array()
        else:
            context.setLocalProperty(WORK_PROPERTY, as_property(work))
            try:
                answered = self._frame.as_array()
            finally:
                context.setLocalProperty(WORK_PROPERTY, None)
        note_warm(self._spark)
        return join(answered)

    def _plan(self, work: Work | None) -> Any:
        """Make a frame of Fugue that runs as one task each time its rows are read."""
        return map_one_row(self._spark.range(0, 1, 1, 1), work, self._delivery, self._engine, as_local=False)

    def thread(self, target: Callable[[], None], name: str) -> threading.Thread:
        """Make a thread that inherits the caller's Spark properties."""
        from pyspark import InheritableThread

        thread: threading.Thread = InheritableThread(target=target, name=name, daemon=True)
        return thread

    def why_lost(self, error: BaseException | None = None) -> str | None:
        """Return why the session is gone, if it is."""
        return why_lost(self._spark, error)

    def cancel(self) -> None:
        """Cancel the jobs that carry the tag of this engine."""
        self._spark.sparkContext.cancelJobsWithTag(self._tag)

    def close(self) -> None:
        """Remove the broadcast from executors and driver."""
        if self._delivery is not None:
            self._delivery.broadcast.destroy()


def _threads_are_pinned(context: Any) -> bool:
    """Whether each thread of this process has a Java thread of its own (``PYSPARK_PIN_THREAD``)."""
    from py4j.clientserver import ClientServer

    return isinstance(context._gateway, ClientServer)  # noqa: SLF001 - as PySpark itself tells them apart
