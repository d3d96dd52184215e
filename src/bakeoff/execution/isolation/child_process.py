"""The forked process itself: it serves requests until no more come, apart from what its parent has open."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import pickle
import signal
import sys
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff._utils.platform import sandbox_session
from bakeoff.execution.isolation.processes import die_with_parent, keep_together, limit_growth
from bakeoff.execution.isolation.requests import Ask

if TYPE_CHECKING:  # a worker is set up before it imports PyCaret
    from bakeoff.pycaret3.runners.base import TrialRunner

IDLE_SECONDS = 30.0
"""Seconds without a request after which a child ends: the run is over, or has no work for this slot."""


def live(runner: TrialRunner, connection: Connection, output: int, parent: int) -> None:
    """Serve requests in the child until no more come; never returns."""
    try:
        keep_together()
        die_with_parent(parent)
        _settle_apart(connection.fileno(), output)
        gc.freeze()  # objects of the parent never become garbage here; visiting them would copy their pages
        _serve(runner, connection)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    except BaseException:  # noqa: BLE001 - there is no caller to raise it to: it is printed
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os.killpg(0, signal.SIGKILL)  # with the processes that a model has left behind


def _serve(runner: TrialRunner, connection: Connection) -> None:
    pid = os.getpid()
    runner.alone = True
    while connection.poll(IDLE_SECONDS):
        ask: Ask = pickle.loads(connection.recv_bytes())
        if ask.limits.memory_mb is not None and sandbox_session() is not None:
            limit_growth(ask.limits.memory_mb)
        timeout = ask.limits.timeout
        if timeout is not None:  # print the stacks just before, also of a thread that holds the GIL
            faulthandler.dump_traceback_later(timeout - min(0.5, timeout / 4), file=2)
        runner.admit(ask.estimators)
        answered = runner.run(ask.trial, ask.attempt) if ask.trial else runner.refit(str(ask.refit))
        if os.getpid() != pid:  # a model has forked, and this is not the process that got the request
            os._exit(0)
        faulthandler.cancel_dump_traceback_later()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        connection.send_bytes(pickle.dumps(answered, protocol=pickle.HIGHEST_PROTOCOL))


def _settle_apart(connection: int, output: int) -> None:
    """Give the child its own streams, and close its copies of the parent's sockets and pipes.

    A socket that a child holds, too, never closes.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    kept = {0, 1, 2, connection, nothing}
    with contextlib.suppress(OSError):
        for path in list(Path("/proc/self/fd").iterdir()):
            with contextlib.suppress(OSError):
                number = int(path.name)
                if number not in kept and str(path.readlink()).startswith(("socket:", "pipe:")):
                    os.dup2(nothing, number)
    sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115 - of a descriptor, for the life of the process
    sys.stdout = open(1, "w", buffering=1, closefd=False, encoding="utf-8", errors="replace")  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False, encoding="utf-8", errors="replace")  # noqa: SIM115
    faulthandler.enable(file=2)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
