"""Where workers have little room, trials have a limit of memory, and what does not fit runs on the driver."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from bakeoff.comparison.limits import Isolation, TrialLimits
from bakeoff.errors import ClusterError
from bakeoff.execution.engines import room
from bakeoff.execution.engines.room import limits_in, open_with_room
from bakeoff.execution.options import ExecutionOptions
from bakeoff.spark.kind import is_serverless

MB = 1_000_000
SMALL, LARGE = SimpleNamespace(n_bytes=40 * MB), SimpleNamespace(n_bytes=60 * MB)


@pytest.fixture(autouse=True)
def _engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Serverless compute, a cluster and the driver, none of which is started."""
    rooms = {"serverless": 1024.0, "cluster": None, "local": None}
    monkeypatch.setattr(room, "open_engine", lambda name, *_: SimpleNamespace(name=name, worker_mb=rooms[name]))
    monkeypatch.setattr(room, "usable_cores", lambda: 4)


def opened(asked: str, frozen: Any, **options: Any) -> tuple[str, ExecutionOptions]:
    found = open_with_room(asked, ExecutionOptions(**options), frozen)
    assert found.on_driver == (found.engine.name == "local")
    return found.engine.name, found.options


def test_what_fits_stays_on_the_workers_with_a_limit_of_memory() -> None:
    name, options = opened("serverless", SMALL, n_slots=16)
    assert (name, options.n_slots, options.limits.memory_mb) == ("serverless", 16, 700.0)


def test_what_does_not_fit_runs_on_the_cores_of_the_driver_without_that_limit(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        name, options = opened("serverless", LARGE, n_slots=16)
    assert (name, options.n_slots, options.limits.memory_mb) == ("local", 4, None)
    assert "The training rows take 60 MB, and a worker here may take 1,024 MB in all" in caplog.text
    assert "fitted on the driver" in caplog.text


def test_on_a_cluster_everything_stays_on_the_workers() -> None:
    name, options = opened("cluster", LARGE, n_slots=16)
    assert (name, options.n_slots, options.limits.memory_mb) == ("cluster", 16, None)


def test_where_the_driver_is_ruled_out_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ClusterError, match=r"enough for about 50 MB of rows: leave driver_trials out"):
        opened("serverless", LARGE, driver_trials=False)


def test_a_limit_that_was_given_stays_and_without_a_process_to_end_there_is_none() -> None:
    assert limits_in(1024, TrialLimits(memory_mb=900)).memory_mb == 900
    assert limits_in(1024, TrialLimits(isolation=Isolation.NONE)).memory_mb is None


@pytest.mark.parametrize(
    ("name", "value", "is_it"),
    [
        ("DATABRICKS_RUNTIME_VERSION", "client.5.1", True),
        ("DATABRICKS_ENV_VERSION", "5", True),
        ("DATABRICKS_RUNTIME_VERSION", "18.x-scala2.13", False),
    ],
)
def test_serverless_compute_is_known_by_its_version(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    is_it: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setenv(name, value)
    assert is_serverless(object()) is is_it


@pytest.mark.parametrize(
    ("key", "is_it"), [("x-databricks-session-id", True), ("x-databricks-cluster-id", False), ("user-agent", False)]
)
def test_from_another_machine_it_is_known_by_what_the_client_sends(key: str, is_it: bool) -> None:  # noqa: FBT001
    builder = SimpleNamespace(metadata=lambda: [(key, "1")])
    assert is_serverless(SimpleNamespace(client=SimpleNamespace(_builder=builder))) is is_it
