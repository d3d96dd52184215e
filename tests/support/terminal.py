"""A terminal: what is written to it, and what a person then sees on it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyte
import pytest

_ROWS = 40
_HISTORY = 500
_ENVIRONMENT = ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "COLUMNS", "LINES")


@contextlib.contextmanager
def terminal(
    monkeypatch: pytest.MonkeyPatch, columns: int, streams: Sequence[str] = ("stderr",)
) -> Iterator[list[str]]:
    """These streams are a terminal; afterwards the list holds what was written to it."""
    master, slave = _open(columns)
    written: list[str] = []
    reader = threading.Thread(target=lambda: written.append(_read(master)))
    reader.start()
    text: list[str] = []
    with os.fdopen(slave, "w") as stream, monkeypatch.context() as patch:
        for name in streams:
            patch.setattr(sys, name, stream)
        for name in _ENVIRONMENT:
            patch.delenv(name, raising=False)
        patch.setenv("TERM", "xterm")
        patch.setenv("COLUMNS", str(columns))
        yield text
    reader.join()
    os.close(master)
    text += written


def session(command: Sequence[str], columns: int, folder: Path) -> tuple[int, str]:
    """Run a command on a terminal; its exit code, and what it wrote."""
    master, slave = _open(columns)
    environment = {name: value for name, value in os.environ.items() if name not in _ENVIRONMENT}
    environment["TERM"] = "xterm-256color"
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, cwd=folder, env=environment) as process:
        os.close(slave)
        written = _read(master)
    os.close(master)
    return process.returncode, written


def seen(written: str, columns: int, look: Callable[[list[str]], None] | None = None) -> list[str]:
    """The lines of a terminal on which this was written, as a person sees them at the end.

    Args:
        written: with all its control sequences.
        columns: how wide the terminal is.
        look: hears the lines each time that something is about to be wiped away.
    """
    screen = pyte.Screen(columns, _HISTORY)
    stream = pyte.Stream(screen)

    def lines() -> list[str]:
        shown = [line.rstrip() for line in screen.display]
        return shown[: screen.cursor.y + 1]

    for piece in written.replace("\x1b[2K", "\0\x1b[2K").split("\0"):
        stream.feed(piece)
        if look is not None:
            look(lines())
    return lines()


def _open(columns: int) -> tuple[int, int]:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, columns, 0, 0))
    return master, slave


def _read(master: int) -> str:
    written = bytearray()
    with contextlib.suppress(OSError):  # how Linux says that nobody has the terminal open any more
        while some := os.read(master, 65536):
            written += some
    return written.decode()
