"""The Spark session to work on: an existing one, or a local one with Delta that Bakeoff makes and stops itself.

An existing session is never stopped and never reconfigured.
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

from bakeoff._utils.platform import is_installed, on_databricks, usable_cores
from bakeoff.errors import ClusterError
from bakeoff.spark.java import DRIVER_MEMORY, LOG_FILE, changed_environment, launch_java
from bakeoff.spark.java_limits import check_limits
from bakeoff.spark.liveness import quieten_accumulators, stop_session, without_spark_pages
from bakeoff.spark.scratch import scratch_folder, shared_folder

try:
    import pwd
except ImportError:  # Windows
    pwd = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

DAEMON = "bakeoff.execution.worker.spark_daemon"
"""The module that forks the workers of a local session, with PyCaret imported."""
_LOCALHOST = "127.0.0.1"
_CONNECT_SWITCHES = ("SPARK_REMOTE", "SPARK_LOCAL_REMOTE", "SPARK_CONNECT_MODE_ENABLED")
"""Environment variables that turn a classic session into one of Spark Connect."""
_SPARK_FILES = re.compile(r"/userFiles-[0-9a-f-]{36}(/|$)")
"""Matches the folder that Spark makes for the files of an application."""


class OpenSession(NamedTuple):
    """A session to work on.

    Attributes:
        spark: the session.
        owned: whether Bakeoff has made it, and will stop it.
    """

    spark: SparkSession
    owned: bool


@contextmanager
def open_session(
    spark: SparkSession | OpenSession | None = None, home: Path = Path(".bakeoff"), slots: int | None = None
) -> Iterator[OpenSession]:
    """Open the session passed, else the active one, else the platform's, else a local one that ends with the block.

    Args:
        spark: a session, or an `OpenSession` of an outer block, which remains its owner.
        home: folder for the files of a local session.
        slots: how many tasks a local session runs at once; by default one per usable core.

    Yields:
        The session, and whether Bakeoff has made it.

    Raises:
        ClusterError: A local session cannot be made.

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
        with without_spark_pages():
            yield OpenSession(found, owned=False)
        return
    made = local_session(home, slots)
    try:
        with without_spark_pages():
            yield OpenSession(made, owned=True)
    finally:
        stop_session(made)
        _tidy_import_path()


def require_spark(reason: str) -> None:
    """Check that there is a session, or that PySpark is installed to make one.

    Args:
        reason: why Spark is needed, as a part of a sentence.

    Raises:
        ClusterError: there is none.
    """
    if active_session() is None and not is_installed("pyspark"):
        raise ClusterError(
            f"This needs Spark ({reason}), and Spark is not installed: pip install 'bakeoff[spark]', or run it on a "
            "cluster."
        )


def active_session() -> SparkSession | None:
    """Return the session that this process has already, or on Databricks the platform's; else ``None``.

    PySpark is not imported here if nothing has imported it before: without it there can be no session.
    """
    if "pyspark.sql" not in sys.modules and not on_databricks():
        return None
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    # "Active" is per thread; a context serves all threads. Without options, the builder returns the session of that
    # context as it is.
    if session is None and (on_databricks() or SparkContext._active_spark_context is not None):  # noqa: SLF001
        session = SparkSession.builder.getOrCreate()
    return session


def local_session(home: Path, slots: int | None = None) -> SparkSession:
    """Make a local Spark session with Delta, with Java's output in ``<home>/spark/spark.log``.

    Args:
        home: a folder to work in; made if it is missing.
        slots: how many tasks run at once; by default one per usable core.

    Raises:
        ClusterError: PySpark, Java or Delta's jars are missing, or a limit of the process is too low.
    """
    try:
        from delta import configure_spark_with_delta_pip
        from pyspark import SparkConf, SparkContext
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise ClusterError(
            f"There is no Spark session, and none can be made because {error.name!r} is not installed: "
            "pip install 'bakeoff[spark]', or run this on a cluster."
        ) from error

    check_limits()
    folder = _work_folder(home)
    delta = configure_spark_with_delta_pip(SparkSession.builder)._options  # noqa: SLF001 - the builder exposes them nowhere else
    conf = SparkConf().setAll(list({**local_settings(folder, slots or usable_cores()), **delta}.items()))
    environment = {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": _LOCALHOST, **submit_arguments(conf)}
    with changed_environment(environment, without=_CONNECT_SWITCHES):
        # One Java process serves all contexts of this process, one after the other.
        gateway = None if SparkContext._gateway else launch_java(conf, folder)  # noqa: SLF001
        context = SparkContext(conf=conf, gateway=gateway)
        context.setLogLevel("ERROR")
        quieten_accumulators(context)
        _tidy_import_path(of_archives=True)
        return SparkSession(context)


def _work_folder(home: Path) -> Path:
    """Make the folder for Spark's log: under ``home``, or if that is not writable, the scratch folder of this process.

    Reading another user's results needs no right to write to their home.
    """
    folder = home.absolute() / "spark"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / LOG_FILE).open("ab"):
            return folder
    except OSError:
        return scratch_folder()


def _tidy_import_path(*, of_archives: bool = False) -> None:
    """Remove a session's folder, or only the Java archives in it, from the path that Python imports from.

    PySpark adds them in case they contain Python, and Python's import system would hold the archives open while the
    process lives.
    """
    sys.path[:] = [
        entry for entry in sys.path if not _SPARK_FILES.search(entry) or (of_archives and not entry.endswith(".jar"))
    ]


def local_settings(folder: Path, slots: int) -> dict[str, str]:
    """Return the settings of a local session, which suit small tables and a process that lives for a minute."""
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
    """Whether Ivy can keep Delta's jars in its usual place: the home folder of the user, as Java finds it."""
    try:
        home = Path(pwd.getpwuid(os.getuid()).pw_dir) if pwd else Path.home()
    except (KeyError, RuntimeError):  # the machine does not know the user, as in some containers
        return False
    return os.access(home, os.W_OK | os.X_OK)


def submit_arguments(conf: SparkConf) -> dict[str, str]:
    """Add Delta's packages to the user's own ``--packages``, which would otherwise replace them.

    Returns:
        The environment variable to set; empty if the user names no packages.
    """
    arguments = shlex.split(os.environ.get("PYSPARK_SUBMIT_ARGS", ""))
    if "--packages" not in arguments[:-1]:
        return {}
    position = arguments.index("--packages") + 1
    arguments[position] = f"{conf.get('spark.jars.packages')},{arguments[position]}"
    return {"PYSPARK_SUBMIT_ARGS": shlex.join(arguments)}
