"""The way to the results of earlier runs: without Spark where they are in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.spark.session import open_session
from bakeoff.storage.folder_reader import FolderReader, needs_spark
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
    with open_tables(location, home, spark, waiting) as tables:
        yield tables


@contextmanager
def open_tables(
    location: ResultsLocation, home: Path, spark: SparkSession | None = None, waiting: Waiting = nullcontext
) -> Iterator[SparkTables]:
    """Open the results at a location with Spark, for reading and writing; the arguments are those of `open_reader`.

    In a session that is started for it, tables and views have their plain names.

    Raises:
        TablesError: a table cannot be used.
    """
    with ExitStack() as stack:
        with waiting():
            session, owned = stack.enter_context(open_session(spark, home))
        tables = SparkTables(session, location)
        with naming_broken_tables(location):
            if owned and tables.exists():
                tables.register_views()
            yield tables


def result_tables(location: ResultsLocation, spark: SparkSession | None) -> ResultTables:
    """Return the result tables at a location, for writing.

    Args:
        location: location of the tables.
        spark: session for those that need one; see `why_spark_for`.
    """
    assert spark is not None
    return SparkTables(spark, location)


def why_spark_for(location: ResultsLocation) -> str | None:
    """Return why tables can be written with Spark only, as the end of a sentence; ``None`` if they need no Spark."""
    return None
