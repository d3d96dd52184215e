"""Waiting for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 10.0
"""Seconds for what takes milliseconds, on a machine that is busy."""


def until(there: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Wait until something is so.

    Raises:
        AssertionError: it is not so in time.
    """
    deadline = time.monotonic() + patience
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.01)
