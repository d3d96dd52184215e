"""The predictions of a run on disk, durable before the outcomes that they belong to are.

They are in a folder of packs. A pack is a sequence of records, each a line of JSON (trial, length and checksum) and the
packed predictions; it is only ever appended to, by the process that made it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import FileIO
from pathlib import Path

from bakeoff.comparison.predictions import Predictions
from bakeoff.comparison.trial import Outcome, Trial
from bakeoff.storage.journal import write_durably

_LOG = logging.getLogger(__name__)
_PACK = ".pack"
_LONGEST_HEAD = 10_000
"""Most bytes of the line before a record."""


@dataclass(frozen=True)
class _Place:
    """Place of a record, and the checksum of its content."""

    path: Path
    start: int
    length: int
    check: int


class PredictionFiles:
    """Store that keeps predictions in files; what it has of a trial is replaced by what comes later.

    The folder is read when it is opened: a record that was cut off in the middle is as if it had not been written.

    Args:
        folder: the folder, which is made with the first predictions.

    Example:
        >>> import tempfile, numpy as np
        >>> from bakeoff.comparison.predictions import Kind
        >>> folder = Path(tempfile.mkdtemp())
        >>> packed = Predictions(Kind.VALUES, np.array([1.5])).pack()
        >>> files = PredictionFiles(folder)
        >>> files.keep(Outcome("lr", 0, predictions=packed)).predictions is None
        True
        >>> files.close()
        >>> PredictionFiles(folder).of(Trial("lr", 0)).values.tolist()
        [1.5]
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._file: FileIO | None = None
        self._places = {trial: place for path in _packs(folder) for trial, place in _records(path)}

    def keep(self, outcome: Outcome) -> Outcome:
        """Write the predictions of an outcome, synced to disk, and return the outcome without them."""
        if outcome.predictions is None:
            return outcome
        content, check = outcome.predictions, zlib.crc32(outcome.predictions)
        head = {"model_id": outcome.model_id, "fold": outcome.fold, "length": len(content), "check": check}
        line = json.dumps(head).encode() + b"\n"
        with self._lock:
            file = self._file = self._file or self._new_pack()
            end = file.tell()
            try:
                write_durably(file, line + content)
            except OSError:
                with contextlib.suppress(OSError):  # what follows half a record could not be read
                    file.truncate(end)
                    file.seek(end)
                raise
            self._places[outcome.trial] = _Place(Path(file.name), end + len(line), len(content), check)
        return replace(outcome, predictions=None)

    def of(self, trial: Trial) -> Predictions | None:
        """Return the predictions of a trial; ``None`` if there are none, or they cannot be read."""
        place = self._places.get(trial)
        if place is None:
            return None
        with place.path.open("rb") as file:
            file.seek(place.start)
            content = file.read(place.length)
        if zlib.crc32(content) != place.check:
            _LOG.warning("The predictions of %s on fold %d in %s are damaged.", *_named(trial), place.path)
            return None
        return Predictions.unpack(content)

    def close(self) -> None:
        """Close the file; what is kept after that goes to a new one."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _new_pack(self) -> FileIO:
        # A new file for each process: volumes on Databricks take no append to a file that exists.
        self._folder.mkdir(parents=True, exist_ok=True)
        number = max((int(path.stem) for path in _packs(self._folder)), default=0) + 1
        return (self._folder / f"{number:06d}{_PACK}").open("xb", buffering=0)


def _packs(folder: Path) -> list[Path]:
    found = [path for path in folder.glob(f"*{_PACK}") if path.stem.isdecimal()]
    return sorted(found, key=lambda path: int(path.stem))


def _records(path: Path) -> Iterator[tuple[Trial, _Place]]:
    """Yield the trial and the place of each whole record of a pack."""
    size = path.stat().st_size
    with path.open("rb") as file:
        while line := file.readline(_LONGEST_HEAD):
            try:
                head = json.loads(line)
                place = _Place(path, file.tell(), int(head["length"]), int(head["check"]))
                trial = Trial(str(head["model_id"]), int(head["fold"]))
            except (ValueError, TypeError, KeyError):
                _LOG.warning("The rest of %s cannot be read: the predictions in it are lost.", path)
                return
            if place.start + place.length > size:
                return  # the process died while it wrote this
            yield trial, place
            file.seek(place.length, 1)


def _named(trial: Trial) -> tuple[str, int]:
    return trial.model_id, trial.fold
