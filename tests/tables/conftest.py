"""The adapters of the result tables. Each behaviour of the port is tried on all of them, and on two that take turns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bakeoff.storage.folder_tables import FolderTables
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.spark_tables import SparkTables
from support.stored_runs import InTurns


@pytest.fixture(scope="session", params=["spark", "folder", "in turns"])
def open_tables(request: pytest.FixtureRequest) -> Callable[[Path], Any]:
    """Opens the tables in a folder."""
    if request.param == "folder":
        return lambda folder: FolderTables(ResultsLocation(path=folder))
    spark = request.getfixturevalue("spark")
    if request.param == "spark":
        return lambda folder: SparkTables(spark, ResultsLocation(path=folder))

    def in_turns(folder: Path) -> InTurns:
        location = ResultsLocation(path=folder)
        return InTurns(FolderTables(location), SparkTables(spark, location))

    return in_turns
