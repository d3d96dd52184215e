"""Warm-up of workers in the background, while the driver reads the table."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bakeoff._utils.platform import usable_cores
from bakeoff.errors import WorkerError
from bakeoff.execution.engines.local_server import running_server
from bakeoff.execution.engines.spark_workers import are_warm, note_warm, own_slots, slots_of
from bakeoff.execution.isolation.processes import can_fork
from bakeoff.execution.isolation.spawned import start_early
from bakeoff.spark.kind import is_connect

if TYPE_CHECKING:
    import pandas as pd

_LOG = logging.getLogger(__name__)
_NAME = "bakeoff-warm-up"


def warm_up(engine: Any) -> threading.Thread:
    """Start the Python workers of an engine and let them import PyCaret, in the background.

    A fresh worker needs five to eight seconds for that. Called before the table is read and ``setup()`` runs, this
    happens in parallel with both. With Spark, the process in which this machine runs trials until the workers are ready
    is started, too. Nothing depends on it: a comparison that starts earlier, or on other workers, is only slower.

    Args:
        engine: a SparkSession, classic or Connect, or ``"local"``.

    Returns:
        The thread that waits for the workers; there is no need to join it.

    Example:
        >>> warm_up(None).is_alive()  # no session, nothing to do
        False
    """
    if engine is None or (isinstance(engine, str) and not can_fork()):
        return threading.Thread()
    if isinstance(engine, str):
        return _started(threading.Thread(target=_wake_local, name=_NAME, daemon=True))
    spark = engine
    from pyspark import InheritableThread

    with contextlib.suppress(Exception):  # the session may have ended
        # If the workers are on this machine, one more import would only delay theirs.
        if not are_warm(spark) and usable_cores() - own_slots(spark) > 1:
            start_early()
    # Connect's sessions have nothing to inherit here, and Spark 4 would need the session as an argument.
    kind: type[threading.Thread] = threading.Thread if is_connect(spark) else InheritableThread
    return _started(kind(target=_wake, args=(spark,), name=_NAME, daemon=True))


def _started(thread: threading.Thread) -> threading.Thread:
    thread.start()
    return thread


def _wake_local() -> None:
    try:
        running_server().wait()
    except WorkerError as error:  # the first task will say so
        _LOG.info("The workers could not be warmed up: %s", error)


def _wake(spark: Any) -> None:
    try:
        if is_connect(spark):
            from bakeoff.execution.engines.factory import open_engine

            slots = open_engine(spark).slots
        else:
            slots = slots_of(spark)
            spark.sparkContext.setJobDescription("Bakeoff: workers get ready")
        # As many tasks as there are slots, each of which takes seconds: so each lands on a worker of its own.
        spark.range(0, slots, 1, slots).mapInPandas(_get_ready, "id long").collect()
        note_warm(spark)
    except Exception as error:  # noqa: BLE001 - the session may end before its workers are warm, which does no harm
        _LOG.info("The workers could not be warmed up: %s", error)


def _get_ready(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Make a worker ready; runs on each of them."""
    from bakeoff.execution.worker.bootstrap import settle_in

    settle_in()
    from bakeoff.pycaret3.preload import preload

    preload()  # the slow part
    yield from frames
