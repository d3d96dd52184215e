"""Who works on a run: one process at a time.

A lease is a file in the run's folder that its holder renews every few seconds. Files are numbered, each is made in the
one way that only one process can succeed at, and the highest number holds. So a lease is taken over by making the next
number, and one that was taken over is seen by who had it. No lock is used, since volumes on Databricks know none.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from bakeoff.errors import RunConflictError

_LOG = logging.getLogger(__name__)
FOLDER, _SUFFIX = "lease", ".json"
BEAT_SECONDS = 5.0
"""So often a holder says that it is still there."""
EXPIRES_SECONDS = 20.0
"""A holder on another machine that has not said so for this long is gone."""


@dataclass(frozen=True)
class Holder:
    """A process that works on a run.

    Attributes:
        machine: tells machines and containers apart that have the same name: a pid means nothing outside of its own.
        began: when the process was started, by which it is told from a later one with the same pid.
        since: when it began to work on the run.
        beat: when it last said that it is still there.
        token: tells one lease from another of the same process.
    """

    host: str
    pid: int
    began: float
    machine: str
    since: float
    beat: float
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    @classmethod
    def me(cls) -> Holder:
        """This process."""
        now = time.time()
        return cls(**this_process(), machine=_machine(), since=now, beat=now)

    @classmethod
    def from_json(cls, text: str | bytes | None) -> Holder | None:
        """The holder that `to_json` wrote; ``None`` where that cannot be read."""
        try:
            return cls(**json.loads(text or ""))
        except (ValueError, TypeError):
            return None

    def to_json(self) -> str:
        """The holder as text."""
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def is_here(self) -> bool:
        """Whether it is, or was, a process that this one can see."""
        return self.host == socket.gethostname() and self.machine == _machine()

    def is_alive(self, expires: float = EXPIRES_SECONDS) -> bool:
        """Whether it is still at work: what this machine knows of its processes, else how long ago it has said so."""
        return is_there(asdict(self)) if self.is_here else time.time() - self.beat < expires

    def conflict(self, run_id: str) -> RunConflictError:
        """What is said to a second process."""
        since = datetime.fromtimestamp(self.since, timezone.utc)
        silent = time.time() - self.beat
        still = f", and has not moved for {silent:.0f} s: end it if it hangs" if silent > EXPIRES_SECONDS else ""
        return RunConflictError(
            f"Run {run_id} is going on: process {self.pid} on {self.host} has it since {since:%Y-%m-%d %H:%M:%S} UTC"
            f"{still}. Wait for its end, or choose another --run-id."
        )


class Lease:
    """The right of this process to work on a run, renewed by a thread for as long as it is held.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> lease = Lease.take(folder, "run-1")
        >>> holder_of(folder).pid == os.getpid()
        True
        >>> lease.release()
        >>> holder_of(folder) is None
        True
    """

    def __init__(self, run_id: str, file: Path, holder: Holder) -> None:
        self.run_id = run_id
        self.holder = holder
        self._file = file
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="bakeoff-lease", daemon=True)
        self._thread.start()

    @classmethod
    def take(cls, run_folder: Path, run_id: str, say: Callable[[str], None] = lambda _: None) -> Lease:
        """Take the lease of a run, also of a holder that is gone.

        Args:
            run_folder: the run's, made where it is missing.
            run_id: for what is said.
            say: hears where it has to be seen first whether a holder on another machine is gone.

        Raises:
            RunConflictError: another process has it.
        """
        folder = run_folder / FOLDER
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            number, there = _highest(folder)
            if there is not None:
                wait_until_gone(there, lambda: _highest(folder)[1], run_id, say)
            mine = Holder.me()
            with suppress(FileExistsError, FileNotFoundError):  # another was first, or just let go of it
                file = folder / f"{number + 1:06d}{_SUFFIX}"
                with file.open("x", encoding="utf-8") as stream:
                    stream.write(mine.to_json())
                return cls(run_id, file, mine)

    def check(self) -> None:
        """Go on, unless another process has taken the lease over.

        Raises:
            RunConflictError: one has.
        """
        number, holder = _highest(self._file.parent)
        if number > int(self._file.stem) and holder is not None:
            raise holder.conflict(self.run_id)

    def release(self) -> None:
        """Let others have the run; safe to call twice."""
        self._released.set()
        self._thread.join()
        with suppress(OSError):
            for path in _numbered(self._file.parent):
                if int(path.stem) <= int(self._file.stem):
                    path.unlink(missing_ok=True)
            self._file.parent.rmdir()

    def _beat(self) -> None:
        draft = self._file.with_suffix(".part")
        while not self._released.wait(BEAT_SECONDS):
            try:
                draft.write_text(replace(self.holder, beat=time.time()).to_json(), encoding="utf-8")
                draft.replace(self._file)
            except OSError as error:  # the disk may be full, and have room again
                _LOG.debug("The lease of run %s could not be renewed: %s", self.run_id, error)
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def holder_of(run_folder: Path) -> Holder | None:
    """The process that works on a run, as far as the run's folder tells; ``None`` where nobody does."""
    _, holder = _highest(run_folder / FOLDER)
    return holder if holder is not None and holder.is_alive() else None


def wait_until_gone(
    there: Holder,
    look: Callable[[], Holder | None],
    run_id: str,
    say: Callable[[str], None],
    expires: float = EXPIRES_SECONDS,
) -> None:
    """Return when a holder is gone. One on another machine that is late gets the time to say that it is still there.

    Raises:
        RunConflictError: it is still there, or another one.
    """
    late = expires / 2
    told = False
    while there.is_alive(expires):
        if there.is_here or time.time() - there.beat < late:
            raise there.conflict(run_id)
        if not told:
            say(f"Looking whether process {there.pid} on {there.host} still works on run {run_id}.")
            told = True
        time.sleep(1.0)
        now = look()
        if now is None:
            return
        there = now


def this_process() -> dict[str, Any]:
    """What tells this process from all others: its host, its pid and when it began."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "began": psutil.Process().create_time()}


def is_there(process: Mapping[str, Any]) -> bool:
    """Whether a process is still there, and no other has its number by now."""
    try:
        found = psutil.Process(process["pid"])
        return bool(abs(found.create_time() - process["began"]) < 1.0 and found.status() != psutil.STATUS_ZOMBIE)
    except (psutil.Error, KeyError, TypeError, ValueError):
        return False


@cache
def _machine() -> str:
    """This boot of this machine, and the container: where two of them have one name, pids are still told apart."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return ""


def _numbered(folder: Path) -> list[Path]:
    found = [path for path in folder.glob(f"*{_SUFFIX}") if path.stem.isdecimal()]
    return sorted(found, key=lambda path: int(path.stem))


def _highest(folder: Path) -> tuple[int, Holder | None]:
    """The number of the lease that holds, and whose it is; one that is just being written is waited for."""
    paths = _numbered(folder)
    if not paths:
        return 0, None
    end = time.monotonic() + 1.0
    while True:
        try:
            holder = Holder.from_json(paths[-1].read_bytes())
        except OSError:  # it was released
            return _highest(folder)
        if holder is not None or time.monotonic() > end:
            return int(paths[-1].stem), holder
        time.sleep(0.02)
