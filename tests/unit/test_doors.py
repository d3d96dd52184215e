"""Modules that strangers' scripts import, wherever the code behind them has moved."""

from __future__ import annotations

import importlib

import pytest

import bakeoff


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("bakeoff.session", ["OpenSession", "open_session"]),
        ("bakeoff.run_results", ["RunResults", "results"]),
        ("bakeoff.job", ["RunResult", "run"]),
        ("bakeoff.fugue_backend", ["FugueBackend", "_get_context_lock"]),
        ("bakeoff.config", ["RunConfig"]),
        ("bakeoff.errors", ["UserError", "ConfigError"]),
        ("bakeoff.comparison.events", ["TrialDone", "Listener"]),
        ("bakeoff.cli", ["main"]),
    ],
)
def test_a_name_is_where_it_was_shown(module: str, names: list[str]) -> None:
    found = importlib.import_module(module)
    assert [name for name in names if not hasattr(found, name)] == []


def test_the_package_still_gives_the_function_after_all_its_doors_were_imported() -> None:
    importlib.import_module("bakeoff.run_results")
    assert callable(bakeoff.results)
    assert callable(bakeoff.run)


def test_a_script_works_on_a_session_of_its_own() -> None:
    from bakeoff.session import open_session

    mine = object()
    with open_session(mine) as (spark, owned):  # type: ignore[arg-type]
        assert spark is mine
        assert not owned
