"""What an error, a session or a port says of what a run stands on."""

from __future__ import annotations

import errno
import logging
import socket
from types import SimpleNamespace
from typing import Any

import pytest

from bakeoff.errors import EngineLostError
from bakeoff.spark.liveness import JAVA_GONE, STOPPED, ServerWatch, why_lost, without_py4j_pages


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
        (OSError(errno.ENOSPC, "No space left on device"), "There is no room left on the disk ([Errno 28]"),
        (OSError(errno.EROFS, "Read-only file system"), "The disk fails ([Errno 30]"),
        (RuntimeError("java.io.IOException: No space left on device"), "There is no room left on the disk (No space"),
        (RuntimeError("Job 3 cancelled because SparkContext was shut down"), STOPPED),
        (EngineLostError("It is gone", "so much is done."), "It is gone"),
    ],
)
def test_some_errors_say_by_themselves_that_it_is_not_the_models(error: Exception, why: str) -> None:
    assert str(why_lost(classic(Java(answer=False)), error)).startswith(why)


@pytest.mark.parametrize("error", [FileNotFoundError(errno.ENOENT, "nothing"), ValueError("UNAVAILABLE"), None])
def test_other_errors_do_not(error: Exception | None) -> None:
    assert why_lost(classic(Java(answer=False)), error) is None


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
    with without_py4j_pages():
        for logger in (py4j, logging.getLogger("mine")):
            logger.error("Exception while sending command.", exc_info=ConnectionRefusedError())
    py4j.error("afterwards")
    assert [record.name for record in caplog.records] == ["mine", "py4j.clientserver"]
