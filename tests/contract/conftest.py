"""One suite for every engine: a test that asks for ``engine`` runs on each of them.

``make test`` runs what is marked ``everywhere``: a cross-section, on every engine. ``make test-all`` runs all of it on
all of them. A process that has held a Spark Connect session gives no classic one any more, so Connect's part is run by
itself, with ``--connect``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        engines = ["connect"] if metafunc.config.getoption("--connect") else ["native", "local", "dask", "spark"]
        metafunc.parametrize("engine", engines, indirect=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    mine = [item for item in items if item.path.is_relative_to(HERE)]
    for item in mine:
        # Plain PyCaret is run beside ours here, and what it and its libraries warn of is theirs.
        item.add_marker(pytest.mark.filterwarnings("ignore"))
        if _engine_of(item) is not None and item.get_closest_marker("everywhere") is None:
            item.add_marker("slow")
    if config.getoption("--connect"):
        items[:] = [item for item in mine if _engine_of(item) == "connect" or item.get_closest_marker("connect")]
    else:
        items[:] = [item for item in items if item.get_closest_marker("connect") is None]


def _engine_of(item: pytest.Item) -> str | None:
    callspec = getattr(item, "callspec", None)
    engine = callspec.params.get("engine") if callspec else None
    return engine if isinstance(engine, str) else None


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Any:
    """What is passed to the backend as its engine."""
    if request.param in {"native", "local"}:
        return request.param
    return request.getfixturevalue("dask_client" if request.param == "dask" else "spark")


@pytest.fixture(scope="session")
def dask_client() -> Iterator[Any]:
    import dask
    from distributed import Client

    # Dask gives a task that kills its workers four of them, each of which has to start and to import PyCaret.
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client,
    ):
        yield client


@pytest.fixture
def connect(spark: Any) -> Any:
    """The Spark Connect session, for tests that are about it alone."""
    return spark
