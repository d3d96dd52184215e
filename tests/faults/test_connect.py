"""A Spark Connect server that is killed: the comparison ends within seconds, and what was finished is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import connect_server
import pytest


@pytest.mark.slow
@pytest.mark.timeout(560)
def test_where_the_connect_server_is_killed_the_comparison_is_interrupted(tmp_path: Path) -> None:
    support = Path(connect_server.__file__).parent.parent / "support"
    said = subprocess.run(
        [sys.executable, "-W", "ignore", connect_server.__file__, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=540,
        cwd=tmp_path,  # where Spark's server keeps what sessions send it
        env={**os.environ, "PYTHONPATH": str(support)},
    )
    assert said.returncode == 0, said.stderr[-3000:]
    seen = json.loads(said.stdout.strip().splitlines()[-1])
    n_trials = len(connect_server.MODELS) * connect_server.N_FOLDS
    assert seen["said"].startswith("The Spark Connect server cannot be reached any more: ")
    assert seen["statuses"] == ["ok"]
    assert connect_server.KILLED_AFTER <= seen["n"] < n_trials
    assert 0 < len(seen["pull"]) <= len(connect_server.MODELS)
    assert seen["seconds"] < 120  # by itself the client tries for ten minutes
