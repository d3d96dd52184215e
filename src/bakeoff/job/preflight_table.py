"""The preflight: can a run be carried out here, and if not, what is to be typed? Nothing is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING

from bakeoff._utils.platform import on_databricks
from bakeoff.errors import UserError
from bakeoff.job.ground import choose_engine
from bakeoff.job.ground_request import GroundRequest
from bakeoff.job.output_checks import table_target
from bakeoff.job.preflight_rows import (
    Check,
    compute_row,
    java_row,
    library_rows,
    python_row,
    spark_row,
    worker_rows,
)
from bakeoff.spark.session import active_session, open_session
from bakeoff.storage.disk import check_folder, check_local_folders
from bakeoff.storage.open_results import result_tables
from bakeoff.storage.spark_ddl import try_writing
from bakeoff.storage.table_errors import check_logs
from bakeoff.tracking.addresses import local_tracking_uri, named_by_environment
from bakeoff.tracking.database import check_tracking

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pyspark.sql import SparkSession


def preflight(
    request: GroundRequest,
    spark: SparkSession | None = None,
    waiting: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> list[Check]:
    """Look at everything that a run stands on, and return a row for each.

    Args:
        request: what the run would be told about where it takes place.
        spark: session to use; by default the one that a run would use.
        waiting: makes the context in which a session is started.
    """
    with ExitStack() as standing:
        return list(_session_rows(request, spark, standing, waiting))


def _session_rows(
    request: GroundRequest,
    spark: SparkSession | None,
    standing: ExitStack,
    waiting: Callable[[], AbstractContextManager[object]],
) -> Iterator[Check]:
    """Yield all rows; a session that is started for them stands until the last has been taken."""
    try:
        choice = choose_engine(request, spark)
    except UserError as error:
        yield from (python_row(), *library_rows())
        yield Check("Spark", "not installed", "for what was asked", str(error))
        yield from _place_rows(request, None)
        return
    session, java = spark, None
    if choice.needs_session and session is None and active_session() is None and not on_databricks():
        java = java_row()
    if choice.needs_session and (java is None or java.is_ok):
        try:
            with waiting():
                session = standing.enter_context(open_session(spark, request.home)).spark
        except UserError as error:
            java = Check("Spark", "no session", "a session", str(error))
    yield compute_row(session, choice.engine)
    yield python_row()
    yield from library_rows(session.version if session is not None else "3.5")
    if java is not None:
        yield java
    if session is not None:
        yield spark_row(session)
        if choice.engine == "spark":
            yield from worker_rows(session, request.payload_dir)
    yield from _place_rows(request, session)


def _place_rows(request: GroundRequest, spark: SparkSession | None) -> Iterator[Check]:
    """Yield the rows of the places that a run writes to."""

    def row(what: str, found: str, needed: str, look: Callable[[], object]) -> Check:
        try:
            said = look()
        except UserError as error:
            return Check(what, "cannot be used", needed, str(error))
        return Check(what, said if isinstance(said, str) else found, needed)

    yield row("home", "", "writable", lambda: _look_at_home(request.home))
    yield row("tables", "", "can be made", lambda: _look_at_tables(request, spark))
    address = "named by the environment" if named_by_environment() else local_tracking_uri(request.home)
    yield row("MLflow's runs", address, "can be logged", lambda: check_tracking(request.home))


def _look_at_home(home: Path) -> str:
    check_folder(home)
    check_local_folders()
    return str(home.absolute())


def _look_at_tables(request: GroundRequest, spark: SparkSession | None) -> str:
    """Look whether the tables can be made and written, and say where they are.

    Raises:
        UserError: they cannot.
    """
    location = table_target(request)
    check_logs(location)
    if not location.in_metastore:
        result_tables(location, spark, lambda _: None).check()
        return location.place
    if spark is None:
        return f"{location.place}, not looked at without a session"
    is_there = try_writing(spark, location)
    return location.place if is_there else f"{location.place}, which the first run makes"
