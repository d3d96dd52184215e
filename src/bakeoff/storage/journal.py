"""The journal of a run: every outcome, on disk before anybody is told of it.

It is a folder of JSON-lines files. The one that is being written ends in ``.open``; a closed one is a *segment*, never
changes again, and is the unit that is appended to the table of trials.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from io import FileIO, IOBase
from pathlib import Path

from bakeoff.comparison.trial import Outcome, Trial

_LOG = logging.getLogger(__name__)
_CLOSED, _OPEN, _STORED = ".jsonl", ".open", ".stored"
_NO_FSYNC = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS}


@dataclass(frozen=True)
class Segment:
    """A closed part of the journal.

    Attributes:
        path: the file; its name is a number, and later segments have higher ones.
        outcomes: in the order in which they came.
        digest: names the content, so that appending the segment to a table twice can be told from appending another.
    """

    path: Path
    outcomes: tuple[Outcome, ...]
    digest: str


class Journal:
    """Keeps outcomes so that a driver that dies loses none.

    One process at a time may hold the journal of a run; whoever only wants to look uses `read_folder`. What an earlier
    process left open becomes a segment when the journal is opened again.

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
        for left in _numbered(folder, _OPEN):
            _close_left_over(left)

    def append(self, outcome: Outcome) -> None:
        """Write one outcome; when this returns, the operating system was told to put it on disk."""
        line = json.dumps(outcome.to_dict()).encode() + b"\n"
        with self._lock:
            if self._file is None:
                # A new file each time: volumes on Databricks take no append to a file that exists.
                self._file = self._next_path().open("xb", buffering=0)
            end = self._file.tell()
            try:
                _write(self._file, line)
            except OSError:
                # Half a line would be in the way of the next one, and of whoever reads the file.
                with contextlib.suppress(OSError):
                    self._file.truncate(end)
                    self._file.seek(end)
                raise

    def close_segment(self) -> Segment | None:
        """Close what was written since the last call, or return ``None`` when that is nothing."""
        with self._lock:
            if self._file is None:
                return None
            path = Path(self._file.name)
            self._file.close()
            self._file = None
            return _read_segment(path.rename(path.with_suffix(_CLOSED)))

    def segments(self) -> list[Segment]:
        """The closed segments, the oldest first."""
        return [_read_segment(path) for path in _numbered(self._folder, _CLOSED)]

    def read(self) -> list[Outcome]:
        """What is known of each trial: its last outcome, in closed segments or in the open one."""
        with self._lock:
            return read_folder(self._folder)

    def mark_stored(self, segment: Segment) -> None:
        """Remember that the table has this segment, so that a resumed run need not append it again."""
        segment.path.with_suffix(_STORED).touch()

    def unstored(self) -> list[Segment]:
        """The closed segments that were not marked as stored, the oldest first."""
        paths = _numbered(self._folder, _CLOSED)
        return [_read_segment(path) for path in paths if not path.with_suffix(_STORED).exists()]

    def _next_path(self) -> Path:
        taken = [*_numbered(self._folder, _CLOSED), *_numbered(self._folder, _OPEN)]
        number = max((int(path.stem) for path in taken), default=0) + 1
        return self._folder / f"{number:06d}{_OPEN}"


def read_folder(folder: Path) -> list[Outcome]:
    """The last outcome of each trial in the journal at ``folder``, which another process may be writing."""
    paths = sorted([*_numbered(folder, _CLOSED), *_numbered(folder, _OPEN)], key=lambda path: int(path.stem))
    return last_of_each(outcome for path in paths for outcome in _outcomes(path.read_bytes(), path))


def last_of_each(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """One outcome for each trial, the last one given.

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
            _LOG.warning("Line %d of %s cannot be read and is left out.", number, path)
    return found


def _close_left_over(path: Path) -> None:
    """Make a segment of the good lines of a file that a dead process left open."""
    good = _outcomes(path.read_bytes(), path)
    if good:
        closed = path.with_suffix(_CLOSED)
        draft = path.with_suffix(".draft")
        with draft.open("wb") as file:
            file.writelines(json.dumps(outcome.to_dict()).encode() + b"\n" for outcome in good)
            _fsync(file)
        draft.replace(closed)
    path.unlink()


def _write(file: FileIO, content: bytes) -> None:
    """Write all of it, past what a disk that is nearly full takes at once, and to the disk itself."""
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
