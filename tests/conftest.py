"""What all tests share: one local Spark session, made when the first test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from bakeoff.session import local_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A local session with Delta and two slots. It is everybody's: leave its configuration as it is."""
    session = local_session(tmp_path_factory.mktemp("spark-home"), slots=2)
    yield session
    session.stop()
