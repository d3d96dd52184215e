"""Printing where nobody may be listening: a full disk, a pipe whose reader has left, a stream that was never open."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

_STANDARD = (0, 1, 2)


class Output:
    """A stream that a command writes to and that cannot make it fail.

    Args:
        stream: where to write.

    Attributes:
        problem: the first thing that went wrong, but that the reader of a pipe has left: who reads ``| head -1`` has
            all that was wanted.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._is_lost = False
        self.problem: OSError | None = None

    def write(self, text: str) -> int:
        """Write, as long as that is possible."""
        if not self._is_lost:
            try:
                self._stream.write(text)
            except OSError as error:
                self._lose(error)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write lines, as long as that is possible."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Send on what was written, as long as that is possible."""
        if not self._is_lost:
            try:
                self._stream.flush()
            except OSError as error:
                self._lose(error)

    def _lose(self, error: OSError) -> None:
        self._is_lost = True
        if not isinstance(error, BrokenPipeError):
            self.problem = error
        # Python writes what is left in its buffer when it ends, and would complain again.
        with contextlib.suppress(OSError, ValueError):
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, self._stream.fileno())
            os.close(nothing)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def forgiving_output() -> Iterator[Output]:
    """Have stdout and stderr forgive what goes wrong with them while a command runs; gives the first of the two."""
    _open_what_is_closed()
    out, err = Output(sys.stdout or _on_descriptor(1)), Output(sys.stderr or _on_descriptor(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            yield out
        finally:
            out.flush()
            err.flush()


def _on_descriptor(number: int) -> TextIO:
    """A stream in place of one that was closed when Python started."""
    return open(number, "w", closefd=False, encoding="utf-8", errors="replace")


def _open_what_is_closed() -> None:
    """Give closed standard streams to the null device, or the next file to be opened would be what others print to."""
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)  # noqa: FBT003 - its name says what is true
