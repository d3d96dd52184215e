"""The database that MLflow keeps its runs in, checked before MLflow opens it.

MLflow itself tries to open a database for minutes, logs a traceback for each try, and raises SQLAlchemy's exceptions as
they are. A short look with SQLite's own library tells a file that cannot be used from one that is busy.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bakeoff.errors import TrackingError

SCHEMES = ("sqlite", "postgresql", "mysql", "mssql")
"""The databases that MLflow can use, as their addresses begin."""
LOCAL_FILE = "mlflow.db"
"""The database of a home without a tracking server."""
BUSY_SECONDS = 5.0
"""How long another process may hold a lock before the database counts as unavailable."""
_CHECK_SECONDS = 2.0
_STEPS_BETWEEN_LOOKS = 10_000
_PACKAGES = {"psycopg": "'psycopg[binary]'", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}
"""What to install for a module whose package has another name."""


class DatabaseBusyError(ConnectionError):
    """Another process holds the database; it is tried again later, as a server that is down."""


def is_database(uri: str) -> bool:
    """Whether an address names a database that MLflow opens itself.

    Example:
        >>> is_database("sqlite:////tmp/mlflow.db"), is_database("postgresql+psycopg://host/db"), is_database("http://h")
        (True, True, False)
    """
    return uri.startswith(tuple(f"{scheme}{end}" for scheme in SCHEMES for end in (":", "+")))


def sqlite_file(uri: str) -> Path | None:
    """The file of a SQLite address; ``None`` for any other address, and for a database in memory.

    Example:
        >>> sqlite_file("sqlite:////tmp/mlflow.db"), sqlite_file("sqlite://"), sqlite_file("http://host")
        (PosixPath('/tmp/mlflow.db'), None, None)
    """
    if not uri.startswith("sqlite"):
        return None
    from sqlalchemy.engine import make_url

    name = make_url(uri).database
    return Path(name) if name and name != ":memory:" and not name.startswith("file:") else None


def check_tracking(home: Path) -> None:
    """Find out, without MLflow, whether runs can be logged to the database that is named, or to the one under ``home``.

    Raises:
        TrackingError: They cannot.
    """
    named = os.environ.get("MLFLOW_TRACKING_URI", "")
    if is_database(named):
        check_database(named, "name another MLflow in MLFLOW_TRACKING_URI")
    elif not named and "DATABRICKS_RUNTIME_VERSION" not in os.environ:
        _check_sqlite(home.absolute() / LOCAL_FILE, "name another --home")


def check_database(uri: str, instead: str) -> None:
    """Find out within seconds whether runs can be logged to a database.

    One that is locked counts as usable: what is to be logged waits until it is free.

    Args:
        uri: The database's address.
        instead: What else the user can do, as the end of a sentence.

    Raises:
        TrackingError: It cannot be used; the message says why.
    """
    _check_driver(uri, instead)
    file = sqlite_file(uri)
    if file is not None:
        _check_sqlite(file, instead)


def _check_sqlite(file: Path, instead: str) -> None:
    if not file.exists():
        _check_folder(file, instead)
        return
    with contextlib.suppress(DatabaseBusyError):
        _check_file(file, instead)


def check_free(uri: str) -> None:
    """Make sure that no other process holds a SQLite database for long; other addresses pass.

    Raises:
        DatabaseBusyError: One does.
    """
    file = sqlite_file(uri)
    if file is not None and file.is_file():
        # What else is wrong with it, MLflow finds and names itself.
        with contextlib.suppress(sqlite3.Error):
            _ask(file, _take_lock)


class DeferredClient:
    """An MLflow client that is made when it is first used, since making it opens the database.

    Args:
        tracking_uri: What the client will be of.
        make: Makes it.
    """

    def __init__(self, tracking_uri: str, make: Callable[[], Any]) -> None:
        self.tracking_uri = tracking_uri
        self._make = make
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            check_free(self.tracking_uri)
            self._made = self._make()
        return getattr(self._made, name)


def _check_driver(uri: str, instead: str) -> None:
    """Make sure that Python can talk to this kind of database."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        make_url(uri).get_dialect().import_dbapi()
    except ImportError as error:
        package = _PACKAGES.get(error.name or "", error.name)
        raise TrackingError(
            f"MLFLOW_TRACKING_URI names a database that needs the Python package {error.name!r}, which is not "
            f"installed: pip install {package}, or {instead}."
        ) from error
    except ArgumentError as error:
        raise TrackingError(f"MLFLOW_TRACKING_URI names no database that can be used ({error}): {instead}.") from error


def _check_folder(file: Path, instead: str) -> None:
    """Make sure that a database that is not there yet can be made."""
    there = next(parent for parent in file.absolute().parents if os.path.lexists(parent))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise TrackingError(
            f"The MLflow database {file} cannot be made, since {there} is no folder that can be written to: {instead}."
        )


def _check_file(file: Path, instead: str) -> None:
    if file.is_dir():
        raise TrackingError(f"The MLflow database {file} is a folder: move it away, or {instead}.")
    if not os.access(file, os.R_OK | os.W_OK):
        raise TrackingError(
            f"The MLflow database {file} cannot be read and written by this user: ask for the right to, or {instead}."
        )
    try:
        damage = _ask(file, _find_damage)
        _ask(file, _take_lock)
    except sqlite3.Error as error:
        damage = str(error)
    if damage:
        raise TrackingError(
            f"The MLflow database {file} cannot be used ({damage}): put back a copy of it, move it away so that a new "
            f"one is made, or {instead}."
        )


def _ask(file: Path, question: Callable[[sqlite3.Connection], str | None]) -> str | None:
    """Open the file without making it, and ask.

    Raises:
        DatabaseBusyError: Another process holds it.
    """
    address = f"file:{quote(str(file.absolute()))}?mode=rw"
    with contextlib.closing(
        sqlite3.connect(address, timeout=BUSY_SECONDS, isolation_level=None, uri=True)
    ) as connection:
        try:
            return question(connection)
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise DatabaseBusyError(f"{file}: {error}") from error
            raise


def _take_lock(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("ROLLBACK")


def _find_damage(connection: sqlite3.Connection) -> str | None:
    """What is wrong inside the file, as far as that can be found in a moment."""
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    end = time.monotonic() + _CHECK_SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS_BETWEEN_LOOKS)
    try:
        [found] = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):  # too large to read all of it
            return None
        raise
    return None if found == "ok" else " ".join(str(found).split())
