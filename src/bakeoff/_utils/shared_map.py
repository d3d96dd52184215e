"""A function applied to several items by two processes: this one, and one that is forked from it."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import TypeVar

from bakeoff._utils.own_process import is_own_process
from bakeoff._utils.platform import usable_cores

Item = TypeVar("Item")
Result = TypeVar("Result")

PATIENCE_SECONDS = 30.0
"""Seconds without a result after which the other process is given up."""


def shared_map(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return the results of a function for all items, in their order.

    Where it may (`can_fork`), a second process takes part, and each item goes to whoever is free. The function must not
    use what other threads may hold a lock of. Whatever goes wrong in the second process, its items are done here.

    Args:
        function: the function; its results are pickled.
        items: up to 255 items.
    """
    if len(items) < 2 or not can_fork():  # noqa: PLR2004 - one item cannot be shared
        return [function(item) for item in items]
    results: dict[int, Result] = {}
    tickets = _Tickets(len(items))
    mine, theirs = Pipe(duplex=False)
    child = _fork(function, items, tickets, theirs)
    theirs.close()
    receiver = threading.Thread(target=_receive, args=(mine, results), name="bakeoff-shared-map", daemon=True)
    receiver.start()
    try:
        for number in tickets:
            results[number] = function(items[number])
        receiver.join()
    finally:
        _end(child)
        receiver.join()
        mine.close()
        tickets.close()
    return [results[number] if number in results else function(item) for number, item in enumerate(items)]


def can_fork() -> bool:
    """Whether this process may fork one to take part.

    That is one of Bakeoff's own, whose threads are known; those of gRPC, which Spark Connect uses, cannot be forked.
    """
    forks = sys.platform == "linux" and hasattr(os, "fork")
    return forks and is_own_process() and usable_cores() > 1 and "grpc" not in sys.modules


class _Tickets:
    """Numbers of items, each of which one process gets: bytes in a pipe."""

    def __init__(self, count: int) -> None:
        self._read, write = os.pipe()
        os.write(write, bytes(range(count)))
        os.close(write)

    def __iter__(self) -> _Tickets:
        return self

    def __next__(self) -> int:
        ticket = os.read(self._read, 1)
        if not ticket:
            raise StopIteration
        return ticket[0]

    def close(self) -> None:
        os.close(self._read)


def _receive(connection: Connection, results: dict[int, Result]) -> None:
    """Put in what the other process sends, until it has no more, or sends nothing for too long."""
    with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
        while connection.poll(PATIENCE_SECONDS):
            number, result = connection.recv()
            results[number] = result


def _fork(function: Callable[[Item], Result], items: Sequence[Item], tickets: _Tickets, out: Connection) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns if there are other threads
        pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_DFL)
        for number in tickets:
            out.send((number, function(items[number])))
        code = 0
    finally:
        os._exit(code)  # nothing of the parent's is ended, flushed or removed


def _end(child: int) -> None:
    with contextlib.suppress(OSError):  # it has ended
        os.kill(child, signal.SIGKILL)
    with contextlib.suppress(OSError):
        os.waitpid(child, 0)
