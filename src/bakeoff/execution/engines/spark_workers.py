"""Facts about the Python workers of a Spark session."""

from __future__ import annotations

import contextlib
import time
import weakref
from typing import Any

from bakeoff._utils.platform import usable_cores
from bakeoff.spark.kind import is_connect
from bakeoff.spark.session import DAEMON

WARM_SECONDS = 55.0
"""Seconds for which a worker that has answered is certain to be alive: Spark ends idle ones after a minute."""


_LOOPBACK_HOSTS = {"localhost", "127.0.0.1", "::1"}

ANSWERED_AT: weakref.WeakKeyDictionary[Any, float] = weakref.WeakKeyDictionary()
"""When a worker of each context has last answered, in seconds of the monotonic clock."""


def note_warm(spark: Any) -> None:
    """Record that the workers of a session have just answered."""
    ANSWERED_AT[_owner(spark)] = time.monotonic()


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
    seen = ANSWERED_AT.get(_owner(spark))
    return seen is not None and (time.monotonic() - seen < WARM_SECONDS or _has_daemon(spark))


def _owner(spark: Any) -> Any:
    """Return the owner of the workers: the context, which sessions share, or the session of Spark Connect."""
    return spark if is_connect(spark) else getattr(spark, "sparkContext", spark)


def _has_daemon(spark: Any) -> bool:
    """Whether new workers start with PyCaret imported, because the session uses Bakeoff's daemon."""
    with contextlib.suppress(Exception):  # serverless compute refuses to read settings
        return bool(spark.conf.get("spark.python.daemon.module", "") == DAEMON)
    return False


def own_slots(spark: Any) -> int:
    """Return how many tasks a session runs at once on the cores of this machine."""
    if is_connect(spark):  # it does not tell; a server on this machine may use all cores
        with contextlib.suppress(Exception):  # channels of a platform's own, such as a socket in a file, name no host
            return usable_cores() if spark.client.host in _LOOPBACK_HOSTS else 0
        return 0
    return slots_of(spark) if spark.sparkContext.master.startswith("local") else 0


def slots_of(spark: Any) -> int:
    """Return how many tasks a classic session runs at once: the cluster's cores, divided by those of a task."""
    cpus = int(spark.conf.get("spark.task.cpus", "1"))
    return max(1, int(spark.sparkContext.defaultParallelism) // cpus)
