"""What all tests share: one local Spark session, made when the first test asks for it, and an MLflow of nobody's."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from bakeoff.execution.warm_up import warm_up
from bakeoff.spark.session import local_session
from support.connect_session import start_connect

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# How long an example takes is the machine's business.
settings.register_profile("bakeoff", deadline=None)
settings.load_profile("bakeoff")


def pytest_configure() -> None:
    """Heed Ctrl-C and a closed terminal, which background jobs ignore and their processes, too: tests send both."""
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--connect",
        action="store_true",
        help="run on Spark Connect, which wants a process of its own",
    )


@pytest.fixture(scope="session", autouse=True)
def _own_mlflow() -> None:
    """No test logs to the tracking server of whoever runs it."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)


@pytest.fixture(autouse=True)
def _no_tracking_uri_left() -> Iterator[None]:
    """MLflow's tracking URI and experiment are the process's, and an environment variable too: none outlives a test.

    Fixtures of a module are made before those of its first test, so it is the test before that has to clean up.
    """
    yield
    if "mlflow" in sys.modules:
        sys.modules["mlflow"].set_tracking_uri("")
        sys.modules["mlflow.tracking.fluent"]._active_experiment_id = None
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID"):
        os.environ.pop(name, None)


@pytest.fixture(scope="session")
def spark(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A session with Delta and two slots: a local one, or with ``--connect`` one of a Spark Connect server.

    It is everybody's: leave its configuration as it is. Its workers are warm, so that work for them goes to them,
    however small it is and whichever test comes first.
    """
    folder = tmp_path_factory.mktemp("spark-home")
    session = start_connect(folder) if request.config.getoption("--connect") else local_session(folder, slots=2)
    warm_up(session).join()
    yield session
    session.stop()
