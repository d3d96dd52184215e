"""Processes of Bakeoff's own, such as that of the command line: nobody else works in them, before or after.

In a notebook, or a program that calls `bakeoff.run`, the user's work goes on in the same process: what saves seconds
there must leave no trace. In a process of Bakeoff's own more is possible.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import logging
import os
import sys
from collections.abc import Iterator

_OWNED: list[int] = []
"""Id of this process, if it is Bakeoff's own; a list, so that it can be replaced."""
_GARBAGE = 50_000
"""Objects that are made before Python looks for garbage among them; by default it is 700."""
_EXIT_CODE: list[int] = []
"""Exit code with which this process ends at once."""


def claim_process() -> None:
    """Declare this process to be Bakeoff's own, and let it look for garbage less often."""
    _OWNED[:] = [os.getpid()]
    gc.set_threshold(_GARBAGE, *gc.get_threshold()[1:])


def is_own_process() -> bool:
    """Whether this process, or the one that it was forked from, is Bakeoff's own."""
    return bool(_OWNED)


def process_began() -> float | None:
    """Return when this process was started, in seconds since the epoch; ``None`` if it is not Bakeoff's own."""
    import psutil

    return psutil.Process().create_time() if os.getpid() in _OWNED else None


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Keep Python from looking for garbage in the block.

    Imports make hundreds of thousands of objects that stay: a quarter of the time of importing PyCaret is looking
    through them again and again. In a process of Bakeoff's own they are not looked through later either.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_own_process():
            gc.freeze()
        if was_enabled:
            gc.enable()


def prepare_quick_end() -> None:
    """Let this process end without taking itself apart, once `end_quickly_with` was called.

    Python takes 0.7 s to free what PyCaret and MLflow have made, and libraries with threads of their own may abort
    meanwhile. Everything else happens as usual: threads are waited for, and whatever was registered with `atexit` runs
    before, since what is registered first runs last. So this is called before anything else is imported.
    """
    atexit.register(_end)


def end_quickly_with(code: int) -> None:
    """Note the exit code of this process; without it, it ends as any other."""
    _EXIT_CODE[:] = [code]


def _end() -> None:
    if not _EXIT_CODE or os.getpid() not in _OWNED:
        return
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # nobody is left to be told
            stream.flush()
    os._exit(_EXIT_CODE[0])
