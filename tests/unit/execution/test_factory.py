"""Which engine takes the work of a user who named none, and what becomes of one that cannot run here."""

from __future__ import annotations

import logging
import math
from typing import Any

import pytest

from bakeoff.comparison.limits import Isolation, TrialLimits
from bakeoff.errors import UserError
from bakeoff.execution.engines import factory
from bakeoff.execution.engines.factory import open_engine, usual_engine

LITTLE, MUCH = 1.0, 600.0


@pytest.fixture(autouse=True)
def _two_free_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two cores, on which nothing of ours runs."""
    monkeypatch.setattr(factory, "usable_cores", lambda: 2)
    monkeypatch.setattr(factory, "is_server_ready", lambda: False)
    monkeypatch.setattr(factory, "active_session", lambda: None)


@pytest.mark.parametrize(("seconds", "engine"), [(LITTLE, "native"), (MUCH, "local"), (math.inf, "local")])
def test_processes_are_started_for_work_that_is_worth_it(seconds: float, engine: str) -> None:
    assert usual_engine(seconds, TrialLimits()) == engine


def test_an_active_session_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    session = object()
    monkeypatch.setattr(factory, "active_session", lambda: session)
    assert usual_engine(MUCH, TrialLimits()) is session


def test_where_workers_are_ready_little_work_is_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factory, "is_server_ready", lambda: True)
    assert usual_engine(LITTLE, TrialLimits()) == "local"


@pytest.mark.parametrize("limits", [TrialLimits(timeout=60.0), TrialLimits(isolation=Isolation.PROCESS)])
def test_where_a_process_has_to_be_started_anyway_it_has_all_cores(limits: TrialLimits) -> None:
    assert usual_engine(LITTLE, limits) == "local"


@pytest.mark.parametrize("asked", [{"n_slots": 1}, {"limits": TrialLimits(isolation=Isolation.NONE)}])
def test_one_slot_or_no_isolation_needs_no_process(asked: dict[str, Any]) -> None:
    assert usual_engine(MUCH, **{"limits": TrialLimits(), **asked}) == "native"


def test_one_core_needs_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factory, "usable_cores", lambda: 1)
    assert usual_engine(MUCH, TrialLimits()) == "native"


def test_where_nothing_can_be_forked_models_are_fitted_in_this_process(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(factory, "can_fork", lambda: False)
    assert usual_engine(MUCH, TrialLimits()) == "native"
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        assert open_engine("local").name == "native"
    assert "Processes cannot be forked on this system" in caplog.text


def test_what_is_no_engine_is_refused() -> None:
    with pytest.raises(UserError, match=r"cannot run on 'ray': use None, 'local', 'native'"):
        open_engine("ray")
