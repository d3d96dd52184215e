"""Getting workers ready while the driver has other things to do."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bakeoff.execution.trial_host import start_early
from bakeoff.session import DAEMON, is_connect, usable_cores

if TYPE_CHECKING:
    import pandas as pd

_LOG = logging.getLogger(__name__)

WARM_SECONDS = 55.0
"""Workers that did something so short a time ago are still there: Spark ends idle ones after a minute."""

_HERE = {"localhost", "127.0.0.1", "::1"}
_SEEN: weakref.WeakKeyDictionary[Any, float] = weakref.WeakKeyDictionary()
# When a worker of each context has last answered.


def note_warm(spark: Any) -> None:
    """Remember that the workers of a session have just answered."""
    _SEEN[_owner(spark)] = time.monotonic()


def are_warm(spark: Any) -> bool:
    """Whether workers of a session are known to have PyCaret in memory.

    Example:
        >>> class Session: ...
        >>> session = Session()
        >>> before = are_warm(session)
        >>> note_warm(session)
        >>> before, are_warm(session)
        (False, True)
    """
    seen = _SEEN.get(_owner(spark))
    return seen is not None and (time.monotonic() - seen < WARM_SECONDS or _has_daemon(spark))


def _owner(spark: Any) -> Any:
    """What the workers belong to: the context that sessions share, and that each handle on a session leads to."""
    return spark if is_connect(spark) else getattr(spark, "sparkContext", spark)


def _has_daemon(spark: Any) -> bool:
    """Whether new workers are as good as those that were ended."""
    with contextlib.suppress(Exception):  # serverless compute refuses to be asked
        return bool(spark.conf.get("spark.python.daemon.module", "") == DAEMON)
    return False


def warm_up(spark: Any) -> threading.Thread:
    """Start the Python workers of a Spark session and let them import PyCaret, in the background.

    A fresh worker needs five to eight seconds for that. Called before the table is read and ``setup()`` runs, this
    makes them part of the time that passes anyway. So does the process in which this machine runs trials until they
    are ready. Nothing depends on it: a comparison that starts earlier, or on other workers, is only slower to start.

    Args:
        spark: a SparkSession, classic or Connect.

    Returns:
        The thread that waits for the workers; there is no need to join it.

    Example:
        >>> warm_up(None).is_alive()  # no session, nothing to do
        False
    """
    if spark is None:
        return threading.Thread()
    from pyspark import InheritableThread

    with contextlib.suppress(Exception):  # the session may have ended
        # Where the workers are on this machine, one more import would only keep theirs waiting.
        if not are_warm(spark) and usable_cores() - own_slots(spark) > 1:
            start_early()
    # Connect's sessions have nothing to inherit here, and Spark 4 wants to be told which one it would be from.
    kind: type[threading.Thread] = threading.Thread if is_connect(spark) else InheritableThread
    thread = kind(target=_wake, args=(spark,), name="bakeoff-warm-up", daemon=True)
    thread.start()
    return thread


def own_slots(spark: Any) -> int:
    """How many tasks a session runs at once on the cores of this machine."""
    if is_connect(spark):  # which does not tell; a server on this machine may use all of it
        return usable_cores() if getattr(spark.client, "host", None) in _HERE else 0
    return slots_of(spark) if spark.sparkContext.master.startswith("local") else 0


def slots_of(spark: Any) -> int:
    """How many tasks a classic session runs at once: cores of the cluster over the cores that one task takes."""
    cpus = int(spark.conf.get("spark.task.cpus", "1"))
    return max(1, int(spark.sparkContext.defaultParallelism) // cpus)


def _wake(spark: Any) -> None:
    try:
        if is_connect(spark):
            from bakeoff.execution.engines import open_engine

            slots = open_engine(spark).slots
        else:
            slots = slots_of(spark)
            spark.sparkContext.setJobDescription("Bakeoff: workers get ready")
        # As many tasks as there are slots, each of which takes seconds: so each lands on a worker of its own.
        spark.range(0, slots, 1, slots).mapInPandas(_get_ready, "id long").collect()
        note_warm(spark)
    except Exception as error:  # noqa: BLE001 - the session may end before its workers are warm, and nobody minds
        _LOG.info("The workers could not be warmed up: %s", error)


def _get_ready(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """What each worker does."""
    from bakeoff.execution.settling import settle_in

    settle_in()
    from bakeoff.pycaret3.preload import preload

    preload()  # this is what takes the time
    yield from frames
