"""What an error, a session or a port says of what a run stands on."""

from __future__ import annotations

import errno
import logging
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bakeoff.errors import EngineLostError, StorageLostError
from bakeoff.spark.liveness import (
    _PYSPARK_4,
    JAVA_GONE,
    STOPPED,
    ServerWatch,
    _loggers_of_pyspark_4,
    lost_ground,
    why_lost,
    without_spark_pages,
)


def classic(java: Any) -> Any:
    return SimpleNamespace(sparkContext=SimpleNamespace(_jsc=java))


class Java:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def sc(self) -> Any:
        return self

    def isStopped(self) -> bool:  # noqa: N802 - Java's name
        if isinstance(self.answer, Exception):
            raise self.answer
        return bool(self.answer)


@pytest.mark.parametrize(
    ("spark", "why"),
    [
        (classic(Java(answer=False)), None),
        (classic(Java(answer=True)), STOPPED),
        (classic(None), STOPPED),
        (classic(Java(ConnectionRefusedError())), JAVA_GONE),
        (None, None),
    ],
)
def test_a_session_is_asked_whether_it_is_there(spark: Any, why: str | None) -> None:
    assert why_lost(spark, RuntimeError("a task failed")) == why


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "There is no room left on the disk"),
        (OSError(errno.EROFS, "Read-only file system"), "The disk is read-only"),
        (RuntimeError("java.io.IOException: No space left on device"), "There is no room left on the disk"),
        (RuntimeError("sqlite3.OperationalError: disk I/O error"), "The disk fails (disk I/O error)"),
        (RuntimeError("Job 3 cancelled because SparkContext was shut down"), STOPPED),
        (EngineLostError("It is gone", "so much is done."), "It is gone"),
    ],
)
def test_some_errors_say_by_themselves_that_it_is_not_the_models(error: Exception, why: str) -> None:
    assert why_lost(classic(Java(answer=False)), error) == why


@pytest.mark.parametrize("error", [FileNotFoundError(errno.ENOENT, "nothing"), ValueError("UNAVAILABLE"), None])
def test_other_errors_do_not(error: Exception | None) -> None:
    assert why_lost(classic(Java(answer=False)), error) is None


@pytest.mark.parametrize(
    ("java", "error", "kind", "why"),
    [
        (False, OSError(errno.EIO, "Input/output error", "/x/1"), StorageLostError, "The disk of /x/1 fails (Input/"),
        (False, RuntimeError("Read-only file system"), StorageLostError, "The disk of /x is read-only"),
        (True, RuntimeError("a task failed"), EngineLostError, STOPPED),
        (False, EngineLostError("It is gone", "so much is done."), EngineLostError, "It is gone"),
    ],
)
def test_whatever_is_lost_is_said_by_one_kind_of_error(java: bool, error: Exception, kind: type, why: str) -> None:  # noqa: FBT001
    lost = lost_ground(classic(Java(answer=java)), error, Path("/x"))
    assert type(lost) is kind
    assert isinstance(lost, EngineLostError)
    assert lost.reason.startswith(why)


def test_a_run_that_has_lost_nothing_keeps_its_error() -> None:
    assert lost_ground(classic(Java(answer=False)), ValueError("no such column"), Path("/x")) is None


def connect(port: int) -> Any:
    return SimpleNamespace(client=SimpleNamespace(_builder=SimpleNamespace(endpoint=f"127.0.0.1:{port}")))


def test_a_server_that_refuses_three_times_in_a_row_is_gone() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(8)
        watch = ServerWatch(connect(server.getsockname()[1]))
        assert not watch.is_gone()
    assert [watch.is_gone() for _ in range(3)] == [False, False, True]


def test_a_server_that_was_never_reached_directly_is_not_watched() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for watch in (ServerWatch(connect(port)), ServerWatch(SimpleNamespace())):
        assert not any(watch.is_gone() for _ in range(5))


def test_py4j_is_kept_from_logging_what_it_raises_and_nobody_else_is(caplog: pytest.LogCaptureFixture) -> None:
    py4j = logging.getLogger("py4j.clientserver")
    with without_spark_pages():
        for logger in (py4j, logging.getLogger("mine")):
            logger.error("Exception while sending command.", exc_info=ConnectionRefusedError())
    py4j.error("afterwards")
    assert [record.name for record in caplog.records] == ["mine", "py4j.clientserver"]


def test_pyspark_4_prints_no_pages_for_errors_that_it_raises() -> None:
    kind = pytest.importorskip("pyspark.logger").PySparkLogger
    heard: list[str] = []
    ear = logging.Handler()
    ear.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    for name in _PYSPARK_4[:2]:
        logger = kind.getLogger(name)
        logger.addHandler(ear)
        with without_spark_pages():
            logger.error("within", errorClass="TABLE_OR_VIEW_NOT_FOUND")
        logger.error("afterwards", errorClass="TABLE_OR_VIEW_NOT_FOUND")
        logger.removeHandler(ear)
    assert heard == ["afterwards"] * 2


def test_py4j_is_silent_for_good_once_java_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    py4j = logging.getLogger("py4j.clientserver")
    loggers = [logging.getLogger(), logging.getLogger("py4j.java_gateway"), py4j, *_loggers_of_pyspark_4()]
    before = [list(logger.filters) for logger in loggers]
    try:
        for _ in range(2):
            with pytest.raises(EngineLostError), without_spark_pages():
                raise EngineLostError(JAVA_GONE)
        py4j.error("Exception while sending command.", exc_info=ConnectionRefusedError())
        py4j.error("without a page")
        assert [record.message for record in caplog.records] == ["without a page"]
        assert [len(logger.filters) for logger in loggers] == [len(each) + 1 for each in before]
    finally:
        for logger, filters in zip(loggers, before, strict=True):
            logger.filters = filters
