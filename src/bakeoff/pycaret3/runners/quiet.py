"""Discard what models print to a terminal that is the user's, and let everybody else print.

Where trials share the user's process, its streams are the user's, too: listeners and other threads go on printing while
a model is fitted. So only what a trial's own thread writes is dropped. What C libraries write does not pass through
Python's streams. File descriptors 1 and 2 belong to the whole process (a kernel, other threads), so they are left
alone; the libraries are asked to log through Python instead, as they do already on the thread that imported them.
"""

from __future__ import annotations

import contextlib
import io
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import Any

_LOG_FUNCTIONS = {"lightgbm.basic": "LGBM_RegisterLogCallback", "xgboost.core": "XGBRegisterLogCallback"}
"""Function of each module's C library that sets the receiver of the log of the calling thread."""


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Discard what this thread prints during the block; what other threads print is shown."""
    log_through_python()
    out, err = _Hush(sys.stdout), _Hush(sys.stderr)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            yield
    finally:
        out.end()
        err.end()


def log_through_python() -> None:
    """Have C libraries that are loaded log through Python on this thread, too, and not straight to the terminal.

    Which function hears their log is a matter of the thread, and by importing them it is set for one thread only. The
    models are not touched: their ``verbosity`` is a parameter that the user may have set.
    """
    for module, function in _LOG_FUNCTIONS.items():
        library = getattr(sys.modules.get(module), "_LIB", None)
        callback = getattr(library, "callback", None)
        if callback is not None:
            with contextlib.suppress(Exception):  # what is only for the eye must not cost a trial
                getattr(library, function)(callback)


class _Hush:
    """A stream for everybody but the thread that made this: what that one writes is dropped until `end`.

    Args:
        stream: where the others write; ``None`` where the process has no such stream.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._hushed: int | None = threading.get_ident()

    def end(self) -> None:
        """Let everything through: somebody may have kept this for a stream."""
        self._hushed = None

    def write(self, text: str) -> int:
        """Write the text, or only report it as written."""
        if not self._is_dropped():
            self._stream.write(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write lines, or nothing."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush what was let through."""
        if not self._is_dropped():
            self._stream.flush()

    @property
    def buffer(self) -> Any:
        """Stream that bytes are written to."""
        return io.BytesIO() if self._is_dropped() else self._stream.buffer

    def _is_dropped(self) -> bool:
        return self._stream is None or threading.get_ident() == self._hushed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
