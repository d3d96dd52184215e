"""Checks of MLflow's database before MLflow opens it.

MLflow itself tries to open a database for minutes, logs a traceback for each try, and raises SQLAlchemy's exceptions
unchanged. A short check with SQLite's own library distinguishes a file that cannot be used from one that is busy.
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

from bakeoff._utils.platform import is_installed, on_databricks
from bakeoff.errors import TrackingError

SCHEMES = ("sqlite", "postgresql", "mysql", "mssql")
"""Beginnings of the addresses of the databases that MLflow can use."""
LOCAL_FILE = "mlflow.db"
"""Name of the database in a home without a tracking server."""
BUSY_SECONDS = 5.0
"""Seconds that another process may hold a lock before the database counts as unavailable."""
_CHECK_SECONDS = 2.0
_STEPS_BETWEEN_LOOKS = 10_000
_PACKAGES = {"psycopg": "'psycopg[binary]'", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}
"""Packages to install, by the names of modules that differ from them."""


class DatabaseBusyError(ConnectionError):
    """A database that another process holds; it is tried again later, like a server that is down."""


def is_database(uri: str) -> bool:
    """Whether an address names a database that MLflow opens itself.

    Example:
        >>> is_database("sqlite:////tmp/mlflow.db"), is_database("postgresql+psycopg://host/db"), is_database("http://h")
        (True, True, False)
    """
    return uri.startswith(tuple(f"{scheme}{end}" for scheme in SCHEMES for end in (":", "+")))


def sqlite_file(uri: str) -> Path | None:
    """Return the file of a SQLite address; ``None`` for any other address, and for a database in memory.

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
    """Check, without MLflow, that runs can be logged to the database that is named, or to the one under ``home``.

    Raises:
        TrackingError: The database cannot be used.
    """
    named = os.environ.get("MLFLOW_TRACKING_URI", "")
    is_servers = not is_database(named) if named else on_databricks()
    if is_servers:
        return
    _check_whole_mlflow()
    if named:
        check_database(named, "name another MLflow in MLFLOW_TRACKING_URI")
    else:
        _check_sqlite(home.absolute() / LOCAL_FILE, "name another --home")


def check_database(uri: str, instead: str) -> None:
    """Check within seconds that runs can be logged to a database.

    A locked database counts as usable: messages wait until it is free.

    Args:
        uri: Address of the database.
        instead: What else the user can do, as the end of a sentence.

    Raises:
        TrackingError: The database cannot be used; the message says why.
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
    """Check that no other process holds the lock of a SQLite database; other addresses pass.

    Raises:
        DatabaseBusyError: Another process holds it for longer than `BUSY_SECONDS`.
    """
    file = sqlite_file(uri)
    if file is not None and file.is_file():
        # MLflow itself finds and names any other problem.
        with contextlib.suppress(sqlite3.Error):
            _query(file, _take_lock)


class DeferredClient:
    """An MLflow client that is created when it is first used, since creating it opens the database.

    Args:
        tracking_uri: Address of the MLflow.
        make: Creates the client.
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


def _check_whole_mlflow() -> None:
    """Check that MLflow is installed with what its databases need, which mlflow-skinny leaves out."""
    if missing := next((package for package in ("sqlalchemy", "alembic") if not is_installed(package)), None):
        raise TrackingError(
            f"MLflow's database needs {missing!r}, which is not installed, since mlflow-skinny leaves it out: "
            "pip install mlflow, or name a server of MLflow in MLFLOW_TRACKING_URI."
        )


def _check_driver(uri: str, instead: str) -> None:
    """Check that the Python package for this kind of database is installed."""
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
    """Check that a database that does not exist yet can be created."""
    parent = next(each for each in file.absolute().parents if os.path.lexists(each))
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise TrackingError(
            f"The MLflow database {file} cannot be made, since {parent} is no folder that can be written to: {instead}."
        )


def _check_file(file: Path, instead: str) -> None:
    if file.is_dir():
        raise TrackingError(f"The MLflow database {file} is a folder: move it away, or {instead}.")
    if not os.access(file, os.R_OK | os.W_OK):
        raise TrackingError(
            f"The MLflow database {file} cannot be read and written by this user: ask for the right to, or {instead}."
        )
    try:
        damage = _query(file, _find_damage)
        _query(file, _take_lock)
    except sqlite3.Error as error:
        damage = str(error)
    if damage:
        raise TrackingError(
            f"The MLflow database {file} cannot be used ({damage}): put back a copy of it, move it away so that a new "
            f"one is made, or {instead}."
        )


def _query(file: Path, query: Callable[[sqlite3.Connection], str | None]) -> str | None:
    """Open an existing database, and return the result of a query.

    Raises:
        DatabaseBusyError: Another process holds the database.
    """
    address = f"file:{quote(str(file.absolute()))}?mode=rw"
    with contextlib.closing(
        sqlite3.connect(address, timeout=BUSY_SECONDS, isolation_level=None, uri=True)
    ) as connection:
        try:
            return query(connection)
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise DatabaseBusyError(f"{file}: {error}") from error
            raise


def _take_lock(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("ROLLBACK")


def _find_damage(connection: sqlite3.Connection) -> str | None:
    """Return what is damaged in the file, as far as a short check finds it; ``None`` if nothing was found."""
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
