"""Errors of tables that Delta cannot read or write, as one sentence each.

Local tables are folders, whose logs are checked before Spark reads them: that takes a moment, and says more than a Java
stack. Problems that only Spark finds are recognised by the classes and messages of its errors.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bakeoff.errors import TablesError
from bakeoff.storage.commits import reason_of
from bakeoff.storage.location import DELTA_LOG, ResultsLocation
from bakeoff.storage.schema import TABLES

_COMMIT = re.compile(r"\d{20}\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint.*\.parquet")
MAKING_SECONDS = 3.0
"""Seconds that another process may take from creating the folder of a log to its first commit."""
_KINDS = (
    (
        r"VERSIONS_NOT_CONTIGUOUS|not contiguous|TRUNCATED_TRANSACTION_LOG|STATE_RECOVER",
        "a commit is missing in its log",
    ),
    (r"JsonParseException|JsonEOFException|MismatchedInput|MALFORMED_RECORD", "a commit in its log cannot be read"),
    (r"FileNotFound|FILE_NOT_EXIST|FAILED_READ_FILE|does not exist", "a data file is missing or cannot be read"),
    (r"DELTA_TABLE_NOT_FOUND|DELTA_MISSING_DELTA_TABLE|is not a Delta table", "it is no Delta table"),
    (r"UNRESOLVED_COLUMN|cannot be resolved|DELTA_SCHEMA", "it has other columns than Bakeoff's"),
)


def check_logs(target: ResultsLocation) -> None:
    """Check, without Spark, that the existing local tables can be read; tables of a metastore pass.

    Raises:
        TablesError: A table cannot be read; the message says which, why, and what to do.
    """
    if target.path is None:
        return
    for name in TABLES:
        folder = target.path.absolute() / name
        if folder.is_file():
            raise unusable(target, name, "it is a file and no folder")
        if not folder.is_dir() or not any(folder.iterdir()):
            continue
        commits = _commits(folder)
        if not commits:
            raise unusable(target, name, f"there is no commit in {folder / DELTA_LOG}")
        if trouble := _trouble_in(folder, commits):
            raise unusable(target, name, trouble)


def table_trouble(error: BaseException, target: ResultsLocation) -> TablesError | None:
    """Translate an error of Spark about one of the tables; ``None`` if it is about something else."""
    cause = error.__cause__
    if not type(error).__module__.startswith(("pyspark.", "py4j.")):
        return table_trouble(cause, target) if cause is not None else None
    text = str(error)
    name = _find_table(text, target)
    what = next((sentence for pattern, sentence in _KINDS if re.search(pattern, text)), None)
    if name is None or (what is None and "delta" not in text.lower()):
        return None
    return unusable(target, name, what or reason_of(Exception(text)))


@contextmanager
def naming_broken_tables(target: ResultsLocation) -> Iterator[None]:
    """Raise Spark's errors about a broken table as one sentence.

    Raises:
        TablesError: A table cannot be used.
    """
    try:
        yield
    except Exception as error:
        if trouble := table_trouble(error, target):
            raise trouble from error
        raise


def unusable(target: ResultsLocation, name: str, what: str) -> TablesError:
    """Return the error that says that a table cannot be used, why, and what to do."""
    table = target.name(name)
    if target.path is None:
        journals = "the journals of the runs are not touched"
        option = "schema"
    else:
        journals = f"the journals in {target.path.absolute().parent / 'runs'} still hold every trial that has ended"
        option = "home"
    return TablesError(
        f"The table {table} cannot be used ({what}): put its files back from a copy, go back to a whole version "
        f"(RESTORE TABLE {table} TO VERSION AS OF ...), or name another --{option}; {journals}."
    )


def _commits(folder: Path) -> list[Path]:
    """Return the commits in the log of a table, the oldest first; wait for a table that is just being created."""
    end = time.monotonic() + MAKING_SECONDS
    while True:
        log = folder / DELTA_LOG
        found = sorted(path for path in log.glob("*.json") if _COMMIT.fullmatch(path.name)) if log.is_dir() else []
        if found or not log.is_dir() or time.monotonic() > end:
            return found
        time.sleep(0.1)


def _trouble_in(folder: Path, commits: list[Path]) -> str | None:
    versions = [int(path.stem) for path in commits]
    checkpoints = [
        int(found[1]) for path in (folder / DELTA_LOG).iterdir() if (found := _CHECKPOINT.fullmatch(path.name))
    ]
    first = versions[0] if checkpoints else 0  # old commits are removed when a checkpoint has what they say
    if missing := sorted(set(range(first, versions[-1] + 1)) - set(versions)):
        return f"commit {missing[0]} is missing in its log"
    files: dict[str, None] = {}
    for path in commits:
        if int(path.stem) <= max(checkpoints, default=-1):
            continue
        try:
            for action in _actions(path):
                if "add" in action:
                    files[action["add"]["path"]] = None
                elif "remove" in action:
                    files.pop(action["remove"]["path"], None)
        except (OSError, ValueError, TypeError, KeyError) as error:
            return f"commit {int(path.stem)} in its log cannot be read: {type(error).__name__}"
    gone = [name for name in files if "%" not in name and ":" not in name and not (folder / name).exists()]
    return f"its data file {gone[0]} is missing" if gone else None


def _actions(commit: Path) -> Iterator[dict[str, dict[str, str]]]:
    for line in commit.read_text(encoding="utf-8").splitlines():
        if line.strip():
            yield json.loads(line)


def _find_table(text: str, target: ResultsLocation) -> str | None:
    """Return the first result table that a text names; ``None`` if it names none."""
    if target.path is not None:
        folder = re.escape(str(target.path.absolute())).replace(r"\ ", "(?: |%20)")
        pattern = rf"{folder}/({'|'.join(TABLES)})\b"
    else:
        pattern = rf"`?{re.escape(target.schema or '')}`?\.`?({'|'.join(TABLES)})\b"
    found = re.search(pattern, text)
    return found[1] if found else None
