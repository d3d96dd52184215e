"""Checks whether a Spark session, with its Java process or server, and the disk can still be used."""

from __future__ import annotations

import logging
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from bakeoff._utils.disk import disk_trouble
from bakeoff.errors import EngineLostError, StorageLostError
from bakeoff.spark.kind import is_connect

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

STOPPED = "The Spark session was stopped"
JAVA_GONE = "Spark's Java process is gone"
SERVER_GONE = "The Spark Connect server cannot be reached any more"

LOOK_SECONDS = 2.0
"""Seconds between two looks at a session."""

_STOPPED_TEXT = re.compile(
    r"(?i)SparkContext (?:has been |was )?(?:shut ?down|stopped)|stopped SparkContext|Application has been killed"
    r"|All masters are unresponsive|Master removed our application|INVALID_HANDLE\.SESSION|SESSION_(?:CLOSED|NOT_FOUND)"
)
_SERVER_TEXT = re.compile(
    r"UNAVAILABLE|failed to connect to all addresses|Socket closed|RST_STREAM|on closed channel|NO_ACTIVE_SESSION"
)
_CONNECT_SECONDS = 2.0
_PY4J = ("py4j.java_gateway", "py4j.clientserver")
_PYSPARK_4 = ("SQLQueryContextLogger", "DataFrameQueryContextLogger", "pyspark.sql.connect.logging")
"""Loggers of PySpark 4 that print a page of JSON for each error that it raises as well."""


def why_lost(spark: SparkSession | None, error: BaseException | None = None) -> str | None:
    """Return why a session cannot be used any more, or ``None`` while it answers.

    Args:
        spark: the session; ``None`` to check only the error.
        error: the error that was just raised, if any.
    """
    if why := _why_by_itself(error):
        return why
    if spark is None:
        return None
    if is_connect(spark):
        if not _SERVER_TEXT.search(str(error or "")):
            return None
        return STOPPED if spark.client.is_closed else SERVER_GONE
    return _why_classic_lost(spark)


def lost_ground(spark: SparkSession | None, error: BaseException, home: Path) -> EngineLostError | None:
    """Return the error that says what a run has lost of what it stands on, or ``None`` if it has lost nothing.

    Args:
        spark: the session of the run.
        error: the error that was just raised.
        home: the folder that the run writes to.
    """
    if trouble := disk_trouble(error, home):
        return StorageLostError(trouble)
    why = why_lost(spark, error)
    return EngineLostError(why) if why else None


def _why_by_itself(error: BaseException | None) -> str | None:
    """Return what is gone according to the error alone, without a call to the session."""
    if isinstance(error, EngineLostError):
        return error.reason
    return disk_trouble(error) or (STOPPED if _STOPPED_TEXT.search(str(error or "")) else None)


def _why_classic_lost(spark: Any) -> str | None:
    """Ask the session's context whether it is stopped, which takes Java a millisecond."""
    try:
        java = spark.sparkContext._jsc  # noqa: SLF001 - PySpark itself checks it for a stopped context
        if java is None or java.sc().isStopped():
            return STOPPED
    except Exception:  # noqa: BLE001 - any error in place of an answer means that Java is gone
        return JAVA_GONE
    return None


class ServerWatch:
    """A watch on whether a Connect server still accepts connections.

    The client retries a call for minutes when its server is gone. So the port is checked: if it accepted connections
    when the run began, and refuses three in a row, the server is gone. Nothing is concluded in a network in which the
    port cannot be reached directly.
    """

    def __init__(self, spark: Any) -> None:
        self._address = _address(spark)
        self._n_refused = 0
        self._is_direct = self._address is not None and self._takes_connections() is True

    def is_gone(self) -> bool:
        """Check the port once more; return whether the server is gone."""
        if not self._is_direct:
            return False
        self._n_refused = self._n_refused + 1 if self._takes_connections() is False else 0
        return self._n_refused >= 3  # noqa: PLR2004 - a server that is being restarted has lost the session, too

    def _takes_connections(self) -> bool | None:
        """Return whether the port accepts connections, or ``None`` if the network does not tell."""
        try:
            with socket.create_connection(self._address or ("", 0), timeout=_CONNECT_SECONDS):
                return True
        except ConnectionRefusedError:
            return False
        except OSError:
            return None


@contextmanager
def watching_server(spark: Any) -> Iterator[None]:
    """Let calls to a Connect server that is gone fail, for as long as the block runs, also those that wait already.

    The client would try each of them again for ten minutes. Afterwards the session can be used again, should there be
    a server at its address by then.
    """
    if not is_connect(spark):
        yield
        return
    watch, ended = ServerWatch(spark), threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_SECONDS):
            if watch.is_gone():
                spark.client._channel.close()  # noqa: SLF001 - closing the client would ask the server
                return

    thread = threading.Thread(target=look, name="bakeoff-server-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        if watch.is_gone():
            _reconnect(spark.client)


def _reconnect(client: Any) -> None:
    """Give a client another channel in place of one that was closed."""
    with suppress(AttributeError):  # of other versions, which have other parts
        client._channel = client._builder.toChannel()  # noqa: SLF001 - no session can be had anew with the same name
        for part in (client, client._artifact_manager):  # noqa: SLF001
            part._stub = type(part._stub)(client._channel)  # noqa: SLF001


class SessionWatch:
    """A watch on a session for a run that needs it only at its end; without a session it sees nothing."""

    def __init__(self, spark: SparkSession | None) -> None:
        self._spark = spark
        self._server = ServerWatch(spark) if is_connect(spark) else None
        self._next_look = 0.0

    def check(self) -> None:
        """Check the session, if the last check is some seconds ago.

        Raises:
            EngineLostError: The session is gone.
        """
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_SECONDS
        gone = SERVER_GONE if self._server and self._server.is_gone() else why_lost(self._spark)
        if gone:
            raise EngineLostError(gone)


def _address(spark: Any) -> tuple[str, int] | None:
    with suppress(Exception):  # other versions and platforms keep it elsewhere, and are not watched
        host, _, port = str(spark.client._builder.endpoint).rpartition(":")  # noqa: SLF001 - the client does not expose it
        return host.strip("[]"), int(port)
    return None


def stop_session(spark: SparkSession) -> None:
    """Stop a session that may be gone already."""
    with without_spark_pages():
        try:
            spark.stop()
        except Exception:
            if why_lost(spark) is None:
                raise
    _forget_lost_java()


def _forget_lost_java() -> None:
    """Let PySpark start a new Java process if the old one is gone.

    PySpark keeps the gateway to the process that it has started, and would use it for the next session.
    """
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    gateway = SparkContext._gateway  # noqa: SLF001 - there is no other access to it
    process = getattr(gateway, "proc", None)
    if process is None or process.poll() is None:
        return
    with suppress(Exception):
        gateway.shutdown()
    SparkContext._gateway = SparkContext._jvm = SparkContext._active_spark_context = None  # noqa: SLF001
    SparkSession._instantiatedSession = None  # noqa: SLF001


class _Repeats(logging.Filter):
    """A filter that drops log records, a page each, of errors that Py4J and PySpark raise as well."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.ERROR:
            return True
        is_py4j = "py4j" in record.pathname or record.name in _PY4J
        return record.name not in _PYSPARK_4 and not (is_py4j and record.exc_info)


_REPEATS_OF_THE_LOST = _Repeats()


@contextmanager
def without_spark_pages() -> Iterator[None]:
    """Keep Py4J and PySpark from logging each error at length, besides raising it, while the block runs.

    Where the block ends because Java is gone, that stays so: a thread that is still in a call hears of it later.
    """
    repeats = _Repeats()
    loggers = [
        logging.getLogger(),
        *map(logging.getLogger, _PY4J),
        *_loggers_of_pyspark_4(),
    ]  # Py4J uses the root's, too
    for logger in loggers:
        logger.addFilter(repeats)
    try:
        yield
    except EngineLostError:
        for logger in loggers:
            logger.addFilter(_REPEATS_OF_THE_LOST)
        raise
    finally:
        for logger in loggers:
            logger.removeFilter(repeats)


def _loggers_of_pyspark_4() -> list[logging.Logger]:
    """Return the loggers of PySpark that print pages; none where PySpark is not imported yet, or older.

    They are of a class of their own, and PySpark fails where somebody else has made them first.
    """
    if "pyspark" not in sys.modules:
        return []
    try:
        from pyspark.logger import PySparkLogger
    except ImportError:
        return []
    return [PySparkLogger.getLogger(name) for name in _PYSPARK_4]


def quieten_accumulators(context: Any) -> None:
    """Keep PySpark's accumulator server from printing a traceback when its Java process is gone."""
    server = getattr(context, "_accumulatorServer", None)
    if server is None:
        return
    handle_error = server.handle_error

    def only_others(*request: Any) -> None:
        if not isinstance(sys.exc_info()[1], EOFError | ConnectionError):
            handle_error(*request)

    server.handle_error = only_others
