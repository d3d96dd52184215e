"""A real cluster, with a master and workers that are processes of their own: executors come and go."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cluster
import pytest


def seen_on_a_cluster(tmp_path: Path, *what: str) -> dict[str, Any]:
    tests = Path(cluster.__file__).parent.parent
    said = subprocess.run(
        [sys.executable, "-W", "ignore", cluster.__file__, str(tmp_path), *what],
        capture_output=True,
        text=True,
        check=False,
        timeout=540,
        env={**os.environ, "PYTHONPATH": str(tests)},
    )
    assert said.returncode == 0, said.stderr[-3000:]
    seen: dict[str, Any] = json.loads(said.stdout.strip().splitlines()[-1])
    return seen


@pytest.mark.slow
@pytest.mark.timeout(560)
def test_executors_come_and_go(tmp_path: Path) -> None:
    seen = seen_on_a_cluster(tmp_path)
    n_trials = cluster.N_MODELS * cluster.N_FOLDS
    assert seen["statuses"] == ["ok"]
    assert seen["trials"] == n_trials
    assert seen["best"] == "Slow"
    # The executor that was killed had one slot, so one task; what was finished is not run again.
    assert seen["tried_again"] <= seen["largest_task"] < n_trials / 2
    assert n_trials + 1 <= seen["fits"] <= n_trials + 1 + seen["tried_again"]  # and the refit
    assert seen["used_third"]
    assert seen["slots"] == 3
    assert seen["broadcasts"] == 1
    assert seen["payload_reads"] == seen["executors"]


@pytest.mark.slow
@pytest.mark.timeout(560)
def test_a_comparison_survives_the_master_and_is_interrupted_by_the_end_of_its_session(tmp_path: Path) -> None:
    """Executors go on without a master, which is needed for new ones only."""
    seen = seen_on_a_cluster(tmp_path, "without_master")
    assert (seen["statuses"], seen["trials"]) == (["ok"], 4 * cluster.N_FOLDS)
    assert seen["said"].startswith("The Spark session was stopped: ")
    assert seen["left"] == ["ok"]
    assert 4 <= seen["n_left"] < 4 * cluster.N_FOLDS
