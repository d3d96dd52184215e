"""What is to be logged to MLflow, as plain data on disk before it is sent.

Each attempt of a run has a file of JSON lines in the run's folder: a head, which says what the run is and where it is
logged, then one message a line. The files are gone when MLflow has all of it; what is left there is what it lacks.
"""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import socket
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bakeoff.storage.lease import is_there, this_process
from bakeoff.tracking.entities import DatasetInfo

_LOG = logging.getLogger(__name__)
FOLDER, MODEL_FOLDER = "mlflow", "model"
_SUFFIX = ".jsonl"

Message = Mapping[str, Any]
"""Something to be logged; ``kind`` says what, see `bakeoff.tracking.messages`."""


@dataclass(frozen=True)
class Head:
    """What a run is in MLflow, and where.

    Attributes:
        run_id: the bake-off's own id, which stays the same when it is resumed.
        experiment: its name; made if it is not there.
        params: what was asked.
        tags: of the parent run.
        dataset: the table that was learned from.
        artifact_location: where the files go of an experiment that has to be made.
        started_at: seconds since the epoch.
        tracking_uri: without a login.
        catalog: of the run's tables, where they are in a metastore.
        schema: the same.
    """

    run_id: str
    experiment: str
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    dataset: DatasetInfo | None = None
    artifact_location: str | None = None
    started_at: float | None = None
    tracking_uri: str | None = None
    catalog: str | None = None
    schema: str | None = None


@dataclass(frozen=True)
class Attempt:
    """What one attempt of a run left to be logged.

    Attributes:
        running: it has not told its end, and the process that made it is still there, as far as this machine can tell.
        elsewhere: it was made on another machine, so nobody here can tell.
    """

    file: Path
    head: Head
    messages: tuple[Message, ...]
    running: bool = False
    elsewhere: bool = False

    @property
    def status(self) -> str | None:
        """How the attempt ended, where it came to say so."""
        last = self.messages[-1] if self.messages else {}
        return str(last["status"]) if last.get("kind") == "close" else None


class Outbox:
    """Writes down what is to be logged of one attempt.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> spool = Outbox(folder, Head("run-1", "bakeoff"))
        >>> spool.append({"kind": "close", "status": "FINISHED"})
        >>> [(attempt.head.run_id, attempt.status) for attempt in read_spool(folder)]
        [('run-1', 'FINISHED')]
        >>> spool.delivered()
        >>> read_spool(folder)
        []
    """

    def __init__(self, folder: Path, head: Head) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._lock = threading.Lock()
        number = max((int(path.stem) for path in _files(folder)), default=0) + 1
        # A new file each time: volumes on Databricks take no append to a file that exists.
        self._file = (folder / f"{number:06d}{_SUFFIX}").open("xb")
        self.append({"kind": "head", "head": asdict(head), "process": this_process()})

    def append(self, message: Message) -> None:
        """Write a message; when this returns, the operating system has it, and the end of this process loses nothing.

        It is not waited for the disk: should the machine go down as well, the journal of the run has every outcome.
        """
        line = json.dumps(message, default=_plain).encode() + b"\n"
        with self._lock:
            self._file.write(line)
            self._file.flush()

    def close(self) -> None:
        """Leave the files where they are, for `bakeoff sync`."""
        with self._lock:
            self._file.close()

    def discard(self) -> None:
        """Forget what was written here; what earlier attempts left stays."""
        self.close()
        Path(self._file.name).unlink(missing_ok=True)
        _remove_empty(self.folder)

    def delivered(self) -> None:
        """Forget it all, also what earlier attempts left: this one has told everything that they had to tell."""
        self.close()
        clear(self.folder)


def clear(folder: Path) -> None:
    """Remove what was to be logged, and the copy of the model that was kept for it."""
    for path in _files(folder):
        path.unlink(missing_ok=True)
    shutil.rmtree(folder / MODEL_FOLDER, ignore_errors=True)
    _remove_empty(folder)


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # something is in it, or it is gone
        folder.rmdir()


def read_spool(folder: Path) -> list[Attempt]:
    """What is left in a run's folder to be logged, the oldest attempt first."""
    found = (_read(path) for path in _files(folder))
    return [attempt for attempt in found if attempt is not None]


def _read(path: Path) -> Attempt | None:
    messages: list[dict[str, Any]] = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            messages.append(json.loads(line))
        except ValueError:  # the process died while it wrote the line
            _LOG.warning("Line %d of %s cannot be read and is left out.", number, path)
    if not messages or messages[0].get("kind") != "head":
        return None
    head = dict(messages[0]["head"])
    if head.get("dataset"):
        head["dataset"] = DatasetInfo(**head["dataset"])
    process = messages[0].get("process", {})
    here = process.get("host") == socket.gethostname()
    ended = messages[-1].get("kind") == "close"
    return Attempt(path, Head(**head), tuple(messages[1:]), not ended and here and is_there(process), not here)


def _files(folder: Path) -> list[Path]:
    found = [path for path in folder.glob(f"*{_SUFFIX}") if path.stem.isdecimal()]
    return sorted(found, key=lambda path: int(path.stem))


def _plain(value: Any) -> Any:
    """Numbers of numpy, and whatever else turns up, as plain data."""
    item = getattr(value, "item", None)
    return item() if callable(item) else str(value)
