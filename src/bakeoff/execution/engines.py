"""One door for each kind of engine: how many slots it has, how the payload gets in, how one task goes through."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import fugue.api as fa
import pandas as pd
from fugue.execution.factory import make_execution_engine

from bakeoff.errors import UserError
from bakeoff.execution.payload import BroadcastDelivery, Delivery, Payload, forget_runner, keep_runner
from bakeoff.execution.worker import ANSWER_SCHEMA, Work, answer, join
from bakeoff.pycaret3.frozen import FrozenExperiment
from bakeoff.pycaret3.runner import runner_for


class Engine(Protocol):
    """A kind of engine, opened for one run."""

    name: str

    @property
    def slots(self) -> int:
        """How many tasks can run at once."""

    def publish(self, frozen: FrozenExperiment) -> str:
        """Make the experiment available to the workers; returns the digest that `Work` names it by."""

    def run(self, work: bytes, description: str) -> Any:
        """Run one piece of work and return what it answered; called from slot threads."""

    def thread(self, target: Callable[[], None], name: str) -> threading.Thread:
        """A thread for a slot, with what the engine wants threads to carry."""

    def cancel(self) -> None:
        """Stop the work that is running."""

    def close(self) -> None:
        """Free what was published. The engine itself belongs to somebody else and stays as it is."""


@dataclass(frozen=True)
class _InProcess:
    """The payload of a process that already holds it."""

    def read(self) -> bytes:
        raise RuntimeError("The native engine's runner was forgotten while it was in use.")


class NativeEngine:
    """Fugue's native engine: one slot, in this process."""

    name = "native"
    slots = 1

    def __init__(self, conf: Mapping[str, Any]) -> None:
        self._engine = make_execution_engine("native", dict(conf))
        self._digest = f"native-{uuid.uuid4().hex}"

    def publish(self, frozen: FrozenExperiment) -> str:
        """Hand the experiment over by reference."""
        keep_runner(self._digest, runner_for(frozen))
        return self._digest

    def run(self, work: bytes, description: str) -> Any:
        """Run the work on the calling thread."""
        del description
        return _through_fugue(pd.DataFrame({"task": [0]}), work, _InProcess(), self._engine)

    def thread(self, target: Callable[[], None], name: str) -> threading.Thread:
        """A plain thread."""
        return threading.Thread(target=target, name=name, daemon=True)

    def cancel(self) -> None:
        """A trial that runs in this process cannot be stopped; it ends by itself."""

    def close(self) -> None:
        """Let the transformed folds go."""
        forget_runner(self._digest)


class SparkEngine:
    """A classic Spark session: one small job for each task, the payload as a broadcast.

    Jobs carry a description and a tag of our own, and only that tag is ever cancelled; the caller's job group, pool
    and other local properties are inherited by the slot threads.
    """

    name = "spark"

    def __init__(self, spark: Any, conf: Mapping[str, Any]) -> None:
        self._spark = spark
        self._engine = make_execution_engine(spark, dict(conf))
        self._tag = f"bakeoff-{uuid.uuid4().hex}"
        self._delivery: Delivery | None = None

    @property
    def slots(self) -> int:
        """Cores of the cluster over the cores that one task takes."""
        context = self._spark.sparkContext
        cpus = int(self._spark.conf.get("spark.task.cpus", "1"))
        return max(1, int(context.defaultParallelism) // cpus)

    def publish(self, frozen: FrozenExperiment) -> str:
        """Broadcast the pickled experiment."""
        payload = Payload.of(frozen)
        self._delivery = BroadcastDelivery(self._spark.sparkContext.broadcast(payload.content))
        return payload.digest

    def run(self, work: bytes, description: str) -> Any:
        """Run the work as one Spark job of one task."""
        context = self._spark.sparkContext
        context.addJobTag(self._tag)
        context.setJobDescription(description)
        return _through_fugue(self._spark.range(0, 1, 1, 1), work, self._delivery, self._engine)

    def thread(self, target: Callable[[], None], name: str) -> threading.Thread:
        """A thread that inherits the caller's Spark properties."""
        from pyspark import InheritableThread

        thread: threading.Thread = InheritableThread(target=target, name=name, daemon=True)
        return thread

    def cancel(self) -> None:
        """Cancel the jobs that carry our tag."""
        self._spark.sparkContext.cancelJobsWithTag(self._tag)

    def close(self) -> None:
        """Take the broadcast back from the executors."""
        if isinstance(self._delivery, BroadcastDelivery):
            self._delivery.broadcast.unpersist()


def open_engine(engine: Any, conf: Mapping[str, Any] | None = None) -> Engine:
    """Open the engine that the user named or passed.

    Args:
        engine: ``None`` (the active SparkSession, else native), ``"native"``, ``"spark"``, or a SparkSession.
        conf: settings for Fugue's engine.

    Raises:
        UserError: the engine is not one of these.
    """
    from bakeoff.session import active_session, is_connect

    if engine is None or (isinstance(engine, str) and engine == "spark"):
        spark = active_session()
        if spark is None and engine == "spark":
            raise UserError("There is no active SparkSession: create one, or pass it as engine=.")
        engine = "native" if spark is None else spark
    if isinstance(engine, str) and engine in ("native", "pandas"):
        return NativeEngine(conf or {})
    if type(engine).__name__ == "SparkSession" and not is_connect(engine):
        return SparkEngine(engine, conf or {})
    raise UserError(
        f"Bakeoff cannot run on {engine!r}: use None, 'native', 'spark' or a classic SparkSession as the engine."
    )


def describe(work: Work, run_name: str) -> str:
    """What a job is called in Spark's UI.

    Example:
        >>> from bakeoff.comparison.trial import Trial
        >>> describe(Work("d", trials=(Trial("lr", 0), Trial("nb", 0))), "run 7")
        'Bakeoff run 7: lr, nb on fold 0'
    """
    if work.refit is not None:
        return f"Bakeoff {run_name}: refit {work.refit}"
    models = ", ".join(dict.fromkeys(trial.model_id for trial in work.trials))
    folds = ", ".join(str(fold) for fold in dict.fromkeys(trial.fold for trial in work.trials))
    return f"Bakeoff {run_name}: {models} on fold {folds}"


def _through_fugue(frame: Any, work: bytes, delivery: Any, engine: Any) -> Any:
    """Map `answer` over a frame of one row: one task on any engine of Fugue's."""
    result = fa.transform(
        frame,
        answer,
        schema=ANSWER_SCHEMA,
        params={"work": work, "delivery": delivery},
        engine=engine,
        as_fugue=True,
        as_local=True,
    )
    return join(result.as_array())
