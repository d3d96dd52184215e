"""The Spark session to work on: the one that is there, or a local one with Delta that Bakeoff makes and stops itself.

A session that Bakeoff did not make is never stopped and never reconfigured.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bakeoff._utils.platform import on_databricks, usable_cores
from bakeoff.errors import UserError
from bakeoff.spark.java import _LOG_FILE, DRIVER_MEMORY, _environment, _launch_java
from bakeoff.spark.java_limits import check_limits
from bakeoff.spark.liveness import quieten_accumulators, stop_session
from bakeoff.spark.scratch import scratch_folder, shared_folder

try:
    import pwd
except ImportError:  # Windows
    pwd = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

DAEMON = "bakeoff.execution.worker.spark_daemon"
"""What forks the workers of a local session: they have PyCaret from their first moment."""
_LOCALHOST = "127.0.0.1"
_CONNECT_SWITCHES = ("SPARK_REMOTE", "SPARK_LOCAL_REMOTE", "SPARK_CONNECT_MODE_ENABLED")
_SPARK_FILES = re.compile(r"/userFiles-[0-9a-f-]{36}(/|$)")
"""The folder that Spark makes for the files of an application."""


class OpenSession(NamedTuple):
    """A session to work on, and whether Bakeoff made it (and will stop it)."""

    spark: SparkSession
    owned: bool


@contextmanager
def open_session(
    spark: SparkSession | OpenSession | None = None, home: Path = Path(".bakeoff"), slots: int | None = None
) -> Iterator[OpenSession]:
    """The session passed, else the active one, else the platform's, else a local one that ends with the block.

    What was opened here before can be passed, too, and stays whose it is.

    Example:
        >>> mine = object()
        >>> with open_session(mine) as (spark, owned):
        ...     spark is mine, owned
        (True, False)
    """
    if isinstance(spark, OpenSession):
        yield spark
        return
    found = spark if spark is not None else active_session()
    if found is not None:
        yield OpenSession(found, owned=False)
        return
    made = local_session(home, slots)
    try:
        yield OpenSession(made, owned=True)
    finally:
        stop_session(made)
        _tidy_import_path()


def active_session() -> SparkSession | None:
    """The session that this process has already, or on Databricks the platform's; else ``None``.

    PySpark is not imported where nobody imported it before: without it there can be no session.
    """
    if "pyspark.sql" not in sys.modules and not on_databricks():
        return None
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    # "Active" is a matter of the thread; a context is there for all of them. Without options, the builder hands out the
    # session of that context as it is.
    if session is None and (on_databricks() or SparkContext._active_spark_context is not None):  # noqa: SLF001
        session = SparkSession.builder.getOrCreate()
    return session


def local_session(home: Path, slots: int | None = None) -> SparkSession:
    """Make a local Spark session with Delta; what Java has to say goes to ``<home>/spark/spark.log``.

    Args:
        home: a folder to work in; made when it is missing.
        slots: how many tasks run at once, by default one per usable core.

    Raises:
        UserError: PySpark, Java or Delta's jars cannot be had.
    """
    try:
        from delta import configure_spark_with_delta_pip
        from pyspark import SparkConf, SparkContext
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise UserError(
            f"There is no Spark session, and none can be made because {error.name!r} is not installed: "
            "pip install 'bakeoff[local]', or run this on a cluster."
        ) from error

    check_limits()
    folder = _work_folder(home)
    delta = configure_spark_with_delta_pip(SparkSession.builder)._options  # noqa: SLF001 - the builder shows them nowhere else
    conf = SparkConf().setAll(list({**_settings(folder, slots or usable_cores()), **delta}.items()))
    environment = {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": _LOCALHOST, **_submit_arguments(conf)}
    with _environment(environment, without=_CONNECT_SWITCHES):
        # One Java process serves all contexts that this process has, one after the other.
        gateway = None if SparkContext._gateway else _launch_java(conf, folder)  # noqa: SLF001
        context = SparkContext(conf=conf, gateway=gateway)
        context.setLogLevel("ERROR")
        quieten_accumulators(context)
        _tidy_import_path(of_archives=True)
        return SparkSession(context)


def _work_folder(home: Path) -> Path:
    """Where Spark's log goes: under ``home``, or where nothing may be written there, to a folder of this process.

    Looking at somebody's results needs no right to write to their home.
    """
    folder = home.absolute() / "spark"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / _LOG_FILE).open("ab"):
            return folder
    except OSError:
        return scratch_folder()


def _tidy_import_path(*, of_archives: bool = False) -> None:
    """Take a session's folder, or only the Java archives in it, off the path that Python imports from.

    PySpark puts them there in case there is Python in them, and Python's own import system would hold the archives open
    for as long as the process lives.
    """
    sys.path[:] = [
        entry for entry in sys.path if not _SPARK_FILES.search(entry) or (of_archives and not entry.endswith(".jar"))
    ]


def _settings(folder: Path, slots: int) -> dict[str, str]:
    return {
        "spark.app.name": "bakeoff",
        "spark.master": f"local[{slots}]",
        "spark.driver.memory": DRIVER_MEMORY,
        "spark.driver.host": _LOCALHOST,
        "spark.driver.bindAddress": _LOCALHOST,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.local.dir": str(scratch_folder()),
        **({} if _can_cache_jars() else {"spark.jars.ivy": str(shared_folder() / "ivy")}),
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.python.daemon.module": DAEMON,
        # Delta cuts a table's log into 50 partitions unless told otherwise: seconds per commit on a small machine.
        "spark.databricks.delta.snapshotPartitions": "1",
        # The tables of a laptop are small, and each of their queries runs once: compiling Java for it, or planning it
        # anew while it runs, takes longer than the query (a merge takes 2.6 s instead of 4.0 s on two cores).
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.adaptive.enabled": "false",
    }


def _can_cache_jars() -> bool:
    """Whether Ivy can keep Delta's jars where it always does: in the home folder of the user, as Java finds it."""
    home = Path(pwd.getpwuid(os.getuid()).pw_dir) if pwd else Path.home()
    return os.access(home, os.W_OK | os.X_OK)


def _submit_arguments(conf: SparkConf) -> dict[str, str]:
    """The user's own arguments for Spark, whose ``--packages`` would otherwise take the place of ours."""
    arguments = shlex.split(os.environ.get("PYSPARK_SUBMIT_ARGS", ""))
    if "--packages" not in arguments[:-1]:
        return {}
    theirs = arguments.index("--packages") + 1
    arguments[theirs] = f"{conf.get('spark.jars.packages')},{arguments[theirs]}"
    return {"PYSPARK_SUBMIT_ARGS": shlex.join(arguments)}
