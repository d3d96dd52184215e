"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import bakeoff

ROOT = Path(bakeoff.__file__).parent
WITH_EXAMPLES = {
    "bakeoff.comparison.backlog",
    "bakeoff.comparison.costs",
    "bakeoff.comparison.events",
    "bakeoff.comparison.summary",
    "bakeoff.comparison.trial",
    "bakeoff.config",
    "bakeoff._options.setup_option",
    "bakeoff._options.values",
    "bakeoff.errors",
    "bakeoff.job.ground_request",
    "bakeoff.job.preflight",
    "bakeoff.job.preflight_rows",
    "bakeoff.job.provenance",
    "bakeoff._utils.redaction",
    "bakeoff.storage.journal",
    "bakeoff.storage.rows",
    "bakeoff.storage.location",
    "bakeoff.spark.session",
    "bakeoff.source.driver_memory",
    "bakeoff.source.sampling",
    "bakeoff.source.target",
}
"""Modules that must have an example."""
HEAVY = ("display", "execution", "fugue_backend", "pycaret3", "results/entries", "results/store")
"""Modules that import PyCaret, Fugue or MLflow, which takes seconds."""


def found():
    """Modules of the package that have an example and are quick to import."""
    for path in ROOT.rglob("*.py"):
        name = path.relative_to(ROOT).with_suffix("").as_posix()
        if ">>>" in path.read_text(encoding="utf-8") and not name.startswith(HEAVY):
            yield f"bakeoff.{name.replace('/', '.').removesuffix('.__init__')}"


@pytest.mark.parametrize("name", sorted(WITH_EXAMPLES | set(found())))
def test_the_examples_of_a_module_are_true(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted, f"{name} has no example left: take it off the list, or give it one."
    assert results.failed == 0
