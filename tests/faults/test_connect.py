"""A Spark Connect server that is killed: the comparison ends within seconds, and goes on with another server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import connect_server
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1900)]


def seen(step: str, folder: Path) -> dict[str, Any]:
    """What a step saw, in a process of its own."""
    said = subprocess.run(
        [sys.executable, "-W", "ignore", connect_server.__file__, step, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        cwd=folder,  # where Spark's server keeps what sessions send it
        env={**os.environ, "PYTHONPATH": str(Path(connect_server.__file__).parent.parent)},
    )
    assert said.returncode == 0, said.stderr[-3000:]
    found: dict[str, Any] = json.loads(said.stdout.strip().splitlines()[-1])
    return found


def went_on(killed: dict[str, Any], after: dict[str, Any]) -> None:
    """The ranking is that of a run that nobody disturbed, and what had ended did not run again."""
    struck, whole = after["struck"], after["whole"]
    assert connect_server.KILLED_AFTER <= len(killed["ended"]) < connect_server.N_TRIALS
    assert struck["ranking"] == whole["ranking"]
    assert len(struck["ranking"]) == len(connect_server.MODELS)
    assert len(struck["ended"]) == len(whole["ended"]) == connect_server.N_TRIALS
    assert struck["ended"].items() >= killed["ended"].items()
    assert struck["most_lines"] == 1


def test_where_the_connect_server_is_killed_the_comparison_is_interrupted_and_goes_on(tmp_path: Path) -> None:
    killed = seen("compare", tmp_path)
    assert killed["said"].startswith("The Spark Connect server cannot be reached any more: ")
    assert killed["statuses"] == ["ok"]
    assert 0 < len(killed["ranking"]) <= len(connect_server.MODELS)
    assert killed["seconds"] < 120  # by itself the client tries for ten minutes
    went_on(killed, seen("compare-again", tmp_path))


def test_where_the_connect_server_is_killed_the_job_is_interrupted_and_goes_on(tmp_path: Path) -> None:
    killed = seen("job", tmp_path)
    assert killed["said"].startswith("Run struck was interrupted. The Spark Connect server cannot be reached any more")
    assert "`bakeoff resume struck --home " in killed["said"]
    assert killed["seconds"] < 120
    after = seen("job-again", tmp_path)
    went_on(killed, after)
    struck = after["struck"]
    assert struck["status"] == "finished"
    assert struck["rows"] == struck["keys"] == connect_server.N_TRIALS
    assert f"Run struck goes on: {len(killed['ended'])} of its trials are finished already." in struck["told"]
