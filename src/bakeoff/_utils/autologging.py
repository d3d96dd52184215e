"""MLflow's autologging, held back while Bakeoff fits models: the user's own runs stay the user's."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_MODULE = "mlflow.utils.autologging_utils"
_SWITCH = "_AUTOLOGGING_GLOBALLY_DISABLED"
"""MLflow's switch for the whole process, which its own context manager sets back to false even when it is nested."""
_LOCK = threading.Lock()
_BLOCKS = {"open": 0, "before": False}
"""Number of blocks that are open in this process, and how the switch was before the first of them."""


@contextmanager
def without_autologging() -> Iterator[None]:
    """Run a block in which MLflow logs no fit by itself; afterwards, the user's setting holds again.

    Nothing happens where MLflow has not been imported, since then nobody can have turned it on.
    """
    module: Any = sys.modules.get(_MODULE)
    if not hasattr(module, _SWITCH):
        yield
        return
    with _LOCK:
        if _BLOCKS["open"] == 0:
            _BLOCKS["before"] = getattr(module, _SWITCH)
        _BLOCKS["open"] += 1
        setattr(module, _SWITCH, True)
    try:
        yield
    finally:
        with _LOCK:
            _BLOCKS["open"] -= 1
            if _BLOCKS["open"] == 0:
                setattr(module, _SWITCH, _BLOCKS["before"])
