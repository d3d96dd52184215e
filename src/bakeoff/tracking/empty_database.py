"""An empty database of MLflow, kept once it was made, so that the next home need not wait for MLflow's migrations.

MLflow makes a new database by forty migrations, each of which rewrites tables that are empty: two seconds of CPU. What
comes out is the same each time. So the first one that MLflow makes is kept beside this user's temporary files, by the
version of MLflow, and copied for every other home. What depends on the place, MLflow's default experiment, is
taken out of the copy, and MLflow makes it when it opens the database.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import sqlite3
import tempfile
from pathlib import Path

import mlflow

from bakeoff.spark.scratch import shared_folder

_VERSION = "SELECT version_num FROM alembic_version"
_DEFAULT_EXPERIMENT = "DELETE FROM experiments WHERE experiment_id = 0"


def kept_file() -> Path:
    """Return the file in which the empty database of this MLflow is kept, by its version and its migrations."""
    steps = sorted(path.name for path in (Path(mlflow.__file__).parent / "store/db_migrations/versions").glob("*.py"))
    digest = hashlib.sha256("".join(steps).encode()).hexdigest()[:12]
    return shared_folder() / f"mlflow-{mlflow.__version__}-{digest}.db"


def copy_kept(database: Path) -> bool:
    """Copy the empty database, if there is one that is whole; return whether there is."""
    try:
        shutil.copyfile(kept_file(), database)
        with contextlib.closing(sqlite3.connect(database)) as connection:
            [found] = connection.execute("PRAGMA quick_check(1)").fetchone()
            is_whole = found == "ok" and connection.execute(_VERSION).fetchone() is not None
    except (OSError, sqlite3.Error):
        is_whole = False
    if not is_whole:
        database.unlink(missing_ok=True)
    return is_whole


def keep(database: Path) -> None:
    """Keep a copy of a database that MLflow has just made; where that is not possible, nothing happens."""
    with contextlib.suppress(OSError, sqlite3.Error):
        target = kept_file()
        folder = Path(tempfile.mkdtemp(prefix="mlflow-", dir=target.parent))
        try:
            copy = folder / target.name
            shutil.copyfile(database, copy)
            with contextlib.closing(sqlite3.connect(copy)) as connection, connection:
                connection.execute(_DEFAULT_EXPERIMENT)
            copy.replace(target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
