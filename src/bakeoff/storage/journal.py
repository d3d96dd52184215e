"""The journal of a run: every outcome, on disk before it is reported to anybody.

It is a folder of JSON-lines files. The file that is being written ends in ``.open``; a closed file is a *segment*,
never changes again, and is the unit that is appended to the table of trials.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import os
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from io import FileIO, IOBase
from pathlib import Path

from bakeoff.comparison.trial import Outcome, Trial

_LOG = logging.getLogger(__name__)
_CLOSED, _OPEN, _STORED = ".jsonl", ".open", ".stored"
_TRIAL = re.compile(r'\s*\{"model_id": "(?P<model_id>[^"\\]+)", "fold": (?P<fold>\d+)\b')
"""The beginning of a line, as `Outcome.to_dict` orders it."""
_NO_FSYNC = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS}


@dataclass(frozen=True)
class Segment:
    """A closed part of the journal.

    Attributes:
        path: the file; its name is a number, and later segments have higher numbers.
        outcomes: the outcomes in the order of their arrival.
        digest: hash of the content, by which appending the segment twice differs from appending another one.
    """

    path: Path
    outcomes: tuple[Outcome, ...]
    digest: str


class Journal:
    """Store of outcomes that loses none when the driver dies.

    One process at a time may hold the journal of a run; `read_folder` reads it without holding it. A file that an
    earlier process left open becomes a segment when the journal is opened again.

    Example:
        >>> import tempfile
        >>> journal = Journal(Path(tempfile.mkdtemp()))
        >>> journal.append(Outcome("lr", 0, metrics={"auc": 0.9}))
        >>> segment = journal.close_segment()
        >>> segment.path.name, journal.close_segment()
        ('000001.jsonl', None)
        >>> journal.unstored() == [segment]
        True
        >>> journal.mark_stored(segment)
        >>> journal.unstored()
        []
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lock = threading.Lock()
        self._file: FileIO | None = None
        for path in _numbered(folder, _OPEN):
            _close_left_over(path)

    def append(self, outcome: Outcome) -> None:
        """Write one outcome; it is synced to disk when this returns."""
        line = json.dumps(outcome.to_dict()).encode() + b"\n"
        with self._lock:
            if self._file is None:
                # A new file each time: volumes on Databricks take no append to a file that exists.
                self._file = self._next_path().open("xb", buffering=0)
            end = self._file.tell()
            try:
                write_durably(self._file, line)
            except OSError:
                # Half a line would corrupt the next one, and disturb every reader of the file.
                with contextlib.suppress(OSError):
                    self._file.truncate(end)
                    self._file.seek(end)
                raise

    def close_segment(self) -> Segment | None:
        """Close the open file and return it as a segment; ``None`` if nothing was written since the last call."""
        with self._lock:
            if self._file is None:
                return None
            path = Path(self._file.name)
            self._file.close()
            self._file = None
            return _read_segment(path.rename(path.with_suffix(_CLOSED)))

    def segments(self) -> list[Segment]:
        """Return the closed segments, the oldest first."""
        return [_read_segment(path) for path in _numbered(self._folder, _CLOSED)]

    def read(self) -> list[Outcome]:
        """Return the last outcome of each trial, from the closed segments and the open file."""
        with self._lock:
            return read_folder(self._folder)

    def mark_stored(self, segment: Segment) -> None:
        """Mark a segment as stored in the table, so that a resumed run need not append it again."""
        segment.path.with_suffix(_STORED).touch()

    def unstored(self) -> list[Segment]:
        """Return the closed segments that are not marked as stored, the oldest first."""
        paths = _numbered(self._folder, _CLOSED)
        return [_read_segment(path) for path in paths if not path.with_suffix(_STORED).exists()]

    def _next_path(self) -> Path:
        taken = [*_numbered(self._folder, _CLOSED), *_numbered(self._folder, _OPEN)]
        number = max((int(path.stem) for path in taken), default=0) + 1
        return self._folder / f"{number:06d}{_OPEN}"


def read_folder(folder: Path) -> list[Outcome]:
    """Return the last outcome of each trial in the journal at ``folder``, which another process may be writing."""
    paths = sorted([*_numbered(folder, _CLOSED), *_numbered(folder, _OPEN)], key=lambda path: int(path.stem))
    return last_of_each(outcome for path in paths for outcome in _outcomes(path.read_bytes(), path))


def last_of_each(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return the last of the given outcomes for each trial.

    Example:
        >>> [outcome.attempt for outcome in last_of_each([Outcome("lr", 0), Outcome("lr", 0, attempt=2)])]
        [2]
    """
    last: dict[Trial, Outcome] = {outcome.trial: outcome for outcome in outcomes}
    return list(last.values())


def _numbered(folder: Path, suffix: str) -> list[Path]:
    found = [path for path in folder.glob(f"*{suffix}") if path.stem.isdecimal()]
    return sorted(found, key=lambda path: int(path.stem))


def _read_segment(path: Path) -> Segment:
    content = path.read_bytes()
    return Segment(path, tuple(_outcomes(content, path)), hashlib.sha256(content).hexdigest()[:32])


def _outcomes(content: bytes, path: Path) -> list[Outcome]:
    found = []
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            found.append(Outcome.from_dict(json.loads(line)))
        except (ValueError, TypeError, KeyError):
            # The process died while it wrote the line, and the trial counts as not run. Anywhere but at the end that
            # cannot happen, but running a trial again is better than a run that can never be resumed.
            _LOG.warning("Line %d of %s cannot be read%s.", number, path, _consequence(line))
    return found


def _consequence(line: bytes) -> str:
    """Return the end of a sentence on a line that cannot be read: which trial runs again, if it says so.

    Example:
        >>> _consequence(b'{"model_id": "lr", "fold": 3, "stat')
        ': model lr runs on fold 3 again, unless the tables have it'
    """
    known = _TRIAL.match(line.decode(errors="replace"))
    if known is None:
        return ": its trial runs again, unless the tables have it"
    return f": model {known['model_id']} runs on fold {known['fold']} again, unless the tables have it"


def _close_left_over(path: Path) -> None:
    """Turn the readable lines of a file that a dead process left open into a segment."""
    good = _outcomes(path.read_bytes(), path)
    if good:
        closed = path.with_suffix(_CLOSED)
        draft = path.with_suffix(".draft")
        with draft.open("wb") as file:
            file.writelines(json.dumps(outcome.to_dict()).encode() + b"\n" for outcome in good)
            _fsync(file)
        draft.replace(closed)
    path.unlink()


def write_durably(file: FileIO, content: bytes) -> None:
    """Write all of the content, also if a nearly full disk takes only a part at once, and sync it to disk."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]
    _fsync(file)


def _fsync(file: IOBase) -> None:
    file.flush()
    try:
        os.fsync(file.fileno())
    except OSError as error:
        # Some mounted object stores know no fsync: flushing is then all that can be done.
        if error.errno not in _NO_FSYNC:
            raise
