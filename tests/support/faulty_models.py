"""Models that hurt what they run in, in a module that is installed nowhere: they travel by value."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from support.fake_models import Told, note


class Hurts(Told):
    """Does in each fit what it is told: a deed of `DEEDS`, and a file to write the number of its process to."""

    def before(self, X: Any) -> None:
        deed, _, notes = str(self.told).partition(" ")
        if notes:
            note(notes, str(os.getpid()))
        DEEDS[deed](notes)


class OwnException(BaseException):
    """Nobody catches these by accident."""


def _own_exception(rest: str) -> None:
    raise OwnException("mine")


def _interrupt(rest: str) -> None:
    raise KeyboardInterrupt


def _raise(rest: str) -> None:
    raise ValueError("it was not to be")


def _spin(rest: str) -> None:
    while True:
        pass


def _spin_in_c(rest: str) -> None:
    """A loop in C that holds the GIL and sees no signal: a regular expression that backtracks for ages."""
    import re

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    re.match(r"(a+)+$", "a" * 64 + "b")


def _hang_among_threads(rest: str) -> None:
    """A hang below many frames, beside many threads: the stack that tells is a small part of what Python prints."""
    for _ in range(40):
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()

    def descend(left: int) -> None:
        if left:
            descend(left - 1)
        else:
            innermost()

    def innermost() -> None:
        time.sleep(600)

    descend(60)


def _fork_and_hang(rest: str) -> None:
    """A child that hangs, in a session of its own, and a parent that waits for it."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
        if rest:
            note(rest, str(os.getpid()))
        time.sleep(600)
    os.waitpid(pid, 0)


def _fork_and_go_on(rest: str) -> None:
    """Fork, and let both go on: two processes that believe to be the trial's."""
    os.fork()


def _segfault(rest: str) -> None:
    sys.stderr.write("about to fall\n")
    ctypes.string_at(0)


def _eat(rest: str) -> None:
    """Take more memory than anybody has, in steps."""
    kept = []
    while True:
        kept.append(np.ones(4_000_000))  # 32 MB
        time.sleep(0.002)


def _gulp(rest: str) -> None:
    """Take more memory than a sandbox has, at once."""
    np.ones(400_000_000)  # 3.2 GB


def _kill_parent(rest: str) -> None:
    """End the worker itself, once: the file says that it was done."""
    done = Path(f"{rest}.killed")
    if not done.exists():
        done.touch()
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)


def _kill_parent_always(rest: str) -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)


def _shout(rest: str) -> None:
    """100 MB, half of it past Python's own streams."""
    for _ in range(50):
        print("x" * 1_000_000)  # noqa: T201
        os.write(1, b"y" * 1_000_000)


def _shout_on(rest: str) -> None:
    while True:
        os.write(1, b"z" * 100_000)


def _warn(rest: str) -> None:
    warnings.simplefilter("always")
    for n in range(20_000):
        warnings.warn(f"number {n}", stacklevel=1)


def _set_everything(rest: str) -> None:
    """Change what belongs to the process."""
    np.random.seed(1)
    random.seed(1)
    np.seterr(all="raise")
    warnings.simplefilter("error")
    os.environ["OMP_NUM_THREADS"] = "7"
    os.environ["BAKEOFF_LEFT_BEHIND"] = "yes"
    os.chdir("/")
    sys.stdout = None  # type: ignore[assignment]
    from threadpoolctl import threadpool_limits

    threadpool_limits(2)


DEEDS = {
    "nothing": lambda rest: None,
    "raise": _raise,
    "sleep": lambda rest: time.sleep(600),
    "spin": _spin,
    "spin_in_c": _spin_in_c,
    "hang_among_threads": _hang_among_threads,
    "fork_and_hang": _fork_and_hang,
    "fork_and_go_on": _fork_and_go_on,
    "exit": lambda rest: sys.exit(3),
    "gulp": _gulp,
    "_exit": lambda rest: os._exit(17),
    "kill": lambda rest: os.kill(os.getpid(), signal.SIGKILL),
    "segfault": _segfault,
    "own_exception": _own_exception,
    "interrupt": _interrupt,
    "eat": _eat,
    "kill_parent": _kill_parent,
    "kill_parent_always": _kill_parent_always,
    "shout": _shout,
    "shout_on": _shout_on,
    "warn": _warn,
    "set_everything": _set_everything,
}
