"""Outbox of messages for MLflow, on disk before they are sent.

Each attempt of a run has a file of JSON lines in the run's folder: a head, which describes the run and where it is
logged, then one message a line. The files are removed when MLflow has all messages; files that are left hold what it
lacks.
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
"""A message for MLflow; its ``kind`` is one of those in `bakeoff.tracking.messages`."""


@dataclass(frozen=True)
class Head:
    """Description of a run for MLflow, and where it is logged.

    Attributes:
        run_id: Bakeoff's id of the run, which stays the same when it is resumed.
        experiment: name of the experiment; created if it does not exist.
        params: options of the run.
        tags: tags of the parent run.
        dataset: the training table.
        artifact_location: artifact location of an experiment that has to be created.
        started_at: when the run began, in seconds since the epoch.
        tracking_uri: address of MLflow, without a login.
        catalog: catalog of the run's tables, if they are in a metastore.
        schema: schema of the run's tables, if they are in a metastore.
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
    """Messages that one attempt of a run left.

    Attributes:
        file: file of the attempt.
        head: description of the run.
        messages: the messages, in their order.
        running: whether the attempt has not ended and its process still runs on this machine.
        elsewhere: whether it was made on another machine, so that it is unknown whether it still runs.
    """

    file: Path
    head: Head
    messages: tuple[Message, ...]
    running: bool = False
    elsewhere: bool = False

    @property
    def status(self) -> str | None:
        """MLflow's status at the end of the attempt; ``None`` if it did not log its end."""
        last = self.messages[-1] if self.messages else {}
        return str(last["status"]) if last.get("kind") == "close" else None


class Outbox:
    """File of the messages of one attempt.

    Args:
        folder: folder of the outbox in the run's folder; created if it is missing.
        head: description of the run.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> outbox = Outbox(folder, Head("run-1", "bakeoff"))
        >>> outbox.append({"kind": "close", "status": "FINISHED"})
        >>> [(attempt.head.run_id, attempt.status) for attempt in read_spool(folder)]
        [('run-1', 'FINISHED')]
        >>> outbox.delivered()
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
        """Write a message; when this returns, the operating system has it, so it survives the end of this process.

        It is not synced to disk: if the machine goes down as well, the journal of the run has every outcome.
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
        """Remove the file of this attempt; files of earlier attempts stay."""
        self.close()
        Path(self._file.name).unlink(missing_ok=True)
        _remove_empty(self.folder)

    def delivered(self) -> None:
        """Remove all files, those of earlier attempts included: this attempt has logged everything in them."""
        self.close()
        clear(self.folder)


def clear(folder: Path) -> None:
    """Remove the messages in an outbox, and the copy of the model that was kept for them."""
    for path in _files(folder):
        path.unlink(missing_ok=True)
    shutil.rmtree(folder / MODEL_FOLDER, ignore_errors=True)
    _remove_empty(folder)


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # something is in it, or it is gone
        folder.rmdir()


def read_spool(folder: Path) -> list[Attempt]:
    """Return the attempts whose messages are left in a run's outbox, the oldest first."""
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
    """Convert a value that JSON does not support to plain data: a numpy number to a number, all else to text."""
    item = getattr(value, "item", None)
    return item() if callable(item) else str(value)
