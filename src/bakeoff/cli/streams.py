"""Standard streams whose failures do not end a command: a full disk, a closed pipe, a stream that was never open."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from bakeoff._utils.text import encodable

_STANDARD = (0, 1, 2)
"""File descriptors of stdin, stdout and stderr."""


class Output:
    """A wrapper of a stream whose errors do not end the command that writes to it.

    Args:
        stream: the stream to write to.

    Attributes:
        problem: the first error. A closed pipe is none: the reader of ``| head -1`` has all it wants.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._is_lost = False
        self.problem: OSError | None = None

    def write(self, text: str) -> int:
        """Write text, unless the stream has failed."""
        if not self._is_lost:
            try:
                try:
                    self._stream.write(text)
                except UnicodeEncodeError:
                    self._stream.write(encodable(text, self._stream.encoding))
            except OSError as error:
                self._lose(error)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write lines, unless the stream has failed."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush the stream, unless it has failed."""
        if not self._is_lost:
            try:
                self._stream.flush()
            except OSError as error:
                self._lose(error)

    def _lose(self, error: OSError) -> None:
        self._is_lost = True
        if not isinstance(error, BrokenPipeError):
            self.problem = error
        # Python flushes its buffer at exit, and would report the error again.
        with contextlib.suppress(OSError, ValueError):
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, self._stream.fileno())
            os.close(nothing)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def forgiving_output() -> Iterator[Output]:
    """Replace stdout and stderr by an `Output` each while a command runs; yields the one for stdout."""
    _open_what_is_closed()
    out, err = Output(sys.stdout or _on_descriptor(1)), Output(sys.stderr or _on_descriptor(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            yield out
        finally:
            out.flush()
            err.flush()


def _on_descriptor(number: int) -> TextIO:
    """Open a stream in place of one that was closed when Python started."""
    return open(number, "w", closefd=False, encoding="utf-8", errors="replace")


def _open_what_is_closed() -> None:
    """Open the null device on closed standard streams: else the next file opened would receive what others print."""
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)  # noqa: FBT003 - its name says what is true
