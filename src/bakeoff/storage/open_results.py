"""The way to the result tables: without Spark where they are in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.errors import TablesError
from bakeoff.spark.session import open_session, require_spark
from bakeoff.storage.folder_reader import FolderReader, missing_reader, needs_spark
from bakeoff.storage.folder_tables import FolderTables
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.result_tables import ResultReader, ResultTables
from bakeoff.storage.spark_tables import SparkTables
from bakeoff.storage.table_errors import check_logs, naming_broken_tables

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pyspark.sql import SparkSession

Waiting = Callable[[], "AbstractContextManager[object]"]


@contextmanager
def open_reader(
    location: ResultsLocation, home: Path, spark: SparkSession | None = None, waiting: Waiting = nullcontext
) -> Iterator[ResultReader]:
    """Open the results at a location for reading.

    Args:
        location: location of the tables.
        home: folder of the local files.
        spark: session to read with; by default none for a folder, and the active or a local one for a metastore.
        waiting: makes the context in which a session is started.

    Raises:
        TablesError: a table cannot be read.
    """
    check_logs(location)
    if spark is None and not needs_spark(location):
        with FolderReader(location) as reader:
            yield reader
        return
    with open_spark_tables(location, home, spark, waiting) as tables:
        yield tables


def result_tables(location: ResultsLocation, spark: SparkSession | None, say: Callable[[str], None]) -> ResultTables:
    """Return the tables at a location, for reading and writing: without Spark where they are in a folder.

    Args:
        location: location of the tables, which need not exist yet.
        spark: session for tables that only Spark can write; ``None`` if there is none.
        say: called with a sentence for the user when the tables of an earlier version were changed.

    Raises:
        TablesError: only Spark can write the tables, and there is no session.
    """
    if not needs_spark(location, to_write=True):
        return FolderTables(location, say)
    if spark is None:
        raise TablesError(
            f"The tables in {location.place} can be written through Spark only: use --engine spark, or name another "
            "place for them."
        )
    return SparkTables(spark, location)


@contextmanager
def open_tables(location: ResultsLocation, home: Path, waiting: Waiting = nullcontext) -> Iterator[ResultTables]:
    """Open the results at a location for reading and writing; a session is started only if it is needed.

    Args:
        location: location of the tables.
        home: folder of the local files.
        waiting: makes the context in which a session is started.

    Raises:
        TablesError: a table cannot be used.
    """
    check_logs(location)
    if needs_spark(location, to_write=True):
        with open_spark_tables(location, home, None, waiting) as spark_tables:
            yield spark_tables
        return
    with FolderTables(location) as tables:
        yield tables


@contextmanager
def open_spark_tables(
    location: ResultsLocation, home: Path, spark: SparkSession | None = None, waiting: Waiting = nullcontext
) -> Iterator[SparkTables]:
    """Open the results at a location with Spark, for reading and writing; the arguments are those of `open_reader`.

    In a session that is started for it, tables and views have their plain names.

    Raises:
        ClusterError: there is no session, and Spark is not installed.
        TablesError: a table cannot be used.
    """
    if spark is None:
        require_spark(why_spark_for(location) or f"the tables in {location.place} are to be used with it")
    with ExitStack() as stack:
        with waiting():
            session, owned = stack.enter_context(open_session(spark, home))
        tables = SparkTables(session, location)
        with naming_broken_tables(location):
            if owned and tables.exists():
                tables.register_views()
            yield tables


def why_spark_for(location: ResultsLocation) -> str | None:
    """Return why tables can be written through Spark only, as the end of a sentence; ``None`` if they need no Spark.

    Args:
        location: location of the tables, which need not exist yet.
    """
    if location.path is None:
        return f"the tables are in {location.place}, a schema of a metastore"
    if missing := missing_reader():
        return f"{missing!r}, without which only Spark writes tables, is not installed (pip install 'bakeoff[local]')"
    if needs_spark(location, to_write=True):
        return f"the tables in {location.place} have something that only Spark writes"
    return None
