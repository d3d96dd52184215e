"""Leases, which let one process at a time work on a run.

A lease is a file in the run's folder that its holder renews every few seconds. Files are numbered and created
exclusively, so that only one process can succeed, and the highest number is the valid lease. A process takes a lease
over by creating the next number, and the earlier holder can see that. No lock is used, since volumes on Databricks
support none.
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
"""Seconds between two renewals of a lease by its holder."""
EXPIRES_SECONDS = 20.0
"""Seconds without a renewal after which a holder on another machine counts as gone."""


@dataclass(frozen=True)
class Holder:
    """A process that works on a run.

    Attributes:
        host: name of the machine.
        pid: id of the process.
        began: when the process was started, in seconds since the epoch; a later process with the same pid differs.
        machine: id of the machine and container; those with the same host name differ, and so does what a pid means.
        since: when it began to work on the run, in seconds since the epoch.
        beat: when it last renewed its lease, in seconds since the epoch.
        token: random id; leases of the same process differ.
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
        """Return this process as a holder."""
        now = time.time()
        return cls(**this_process(), machine=_machine(), since=now, beat=now)

    @classmethod
    def from_json(cls, text: str | bytes | None) -> Holder | None:
        """Return the holder that `to_json` wrote; ``None`` if the text cannot be read."""
        try:
            return cls(**json.loads(text or ""))
        except (ValueError, TypeError):
            return None

    def to_json(self) -> str:
        """Return the holder as JSON text."""
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def is_here(self) -> bool:
        """Whether the process is, or was, on this machine and in this container."""
        return self.host == socket.gethostname() and self.machine == _machine()

    def is_alive(self, expires: float = EXPIRES_SECONDS) -> bool:
        """Whether the process still works on the run.

        A process of this machine is looked up; one of another machine is judged by its last renewal.

        Args:
            expires: seconds without a renewal after which a process of another machine counts as gone.
        """
        return is_there(asdict(self)) if self.is_here else time.time() - self.beat < expires

    def conflict(self, run_id: str) -> RunConflictError:
        """Return the error for a second process that wants the run."""
        since = datetime.fromtimestamp(self.since, timezone.utc)
        silent = time.time() - self.beat
        still = f", and has not moved for {silent:.0f} s: end it if it hangs" if silent > EXPIRES_SECONDS else ""
        return RunConflictError(
            f"Run {run_id} is going on: process {self.pid} on {self.host} has it since {since:%Y-%m-%d %H:%M:%S} UTC"
            f"{still}. Wait for its end, or choose another --run-id."
        )


class Lease:
    """Right of this process to work on a run, renewed by a thread for as long as it is held.

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
        """Take the lease of a run, taking it over if its holder is gone.

        Args:
            run_folder: folder of the run; created if it is missing.
            run_id: id of the run, for messages.
            say: called with a message before waiting to see whether a holder on another machine is gone.

        Raises:
            RunConflictError: another process holds the lease.
        """
        folder = run_folder / FOLDER
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            number, earlier = _highest(folder)
            if earlier is not None:
                wait_until_gone(earlier, lambda: _highest(folder)[1], run_id, say)
            holder = Holder.me()
            with suppress(FileExistsError, FileNotFoundError):  # another process was first, or just released it
                file = folder / f"{number + 1:06d}{_SUFFIX}"
                with file.open("x", encoding="utf-8") as stream:
                    stream.write(holder.to_json())
                return cls(run_id, file, holder)

    def check(self) -> None:
        """Make sure that no other process has taken the lease over.

        Raises:
            RunConflictError: another process has taken it over.
        """
        number, holder = _highest(self._file.parent)
        if number > int(self._file.stem) and holder is not None:
            raise holder.conflict(self.run_id)

    def release(self) -> None:
        """Release the run to other processes; safe to call twice."""
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
    """Return the process that works on a run according to the run's folder; ``None`` if there is none."""
    _, holder = _highest(run_folder / FOLDER)
    return holder if holder is not None and holder.is_alive() else None


def wait_until_gone(
    holder: Holder,
    look: Callable[[], Holder | None],
    run_id: str,
    say: Callable[[str], None],
    expires: float = EXPIRES_SECONDS,
) -> None:
    """Wait until a holder is gone. One on another machine whose renewal is late gets the time to renew.

    Args:
        holder: the holder that was read first.
        look: reads the current holder; ``None`` if the run was released.
        run_id: id of the run, for messages.
        say: called with a message before waiting.
        expires: seconds without a renewal after which a holder on another machine counts as gone.

    Raises:
        RunConflictError: the holder is alive, or another one has come.
    """
    late = expires / 2
    announced = False
    while holder.is_alive(expires):
        if holder.is_here or time.time() - holder.beat < late:
            raise holder.conflict(run_id)
        if not announced:
            say(f"Looking whether process {holder.pid} on {holder.host} still works on run {run_id}.")
            announced = True
        time.sleep(1.0)
        current = look()
        if current is None:
            return
        holder = current


def this_process() -> dict[str, Any]:
    """Return what identifies this process: its host, its pid and when it began (seconds since the epoch)."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "began": psutil.Process().create_time()}


def is_there(process: Mapping[str, Any]) -> bool:
    """Whether a process of this machine is still alive, and no other has its pid by now."""
    try:
        found = psutil.Process(process["pid"])
        return bool(abs(found.create_time() - process["began"]) < 1.0 and found.status() != psutil.STATUS_ZOMBIE)
    except (psutil.Error, KeyError, TypeError, ValueError):
        return False


@cache
def _machine() -> str:
    """Return an id of this machine's boot and of the container; two with the same host name still differ in it."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return ""


def _numbered(folder: Path) -> list[Path]:
    found = [path for path in folder.glob(f"*{_SUFFIX}") if path.stem.isdecimal()]
    return sorted(found, key=lambda path: int(path.stem))


def _highest(folder: Path) -> tuple[int, Holder | None]:
    """Return the number of the valid lease and its holder; wait for a lease that is just being written."""
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
