"""A job leaves no log of PyCaret's in the folder that it is started in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SETS_UP = """
import os
import numpy as np, pandas as pd
from bakeoff import RunConfig
from bakeoff.job.main import ask
rows = pd.DataFrame({"x": np.arange(40.0), "y": ["a", "b"] * 20})
rows.to_csv("rows.csv", index=False)
config = RunConfig("rows.csv", "y", include=("dummy",), fold=2)
ask(config, None, print)
print("PYCARET_CUSTOM_LOGGING_PATH" in os.environ)
"""


@pytest.mark.parametrize("named", [False, True])
def test_a_job_leaves_no_log_unless_the_user_named_a_path(tmp_path: Path, *, named: bool) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYCARET_CUSTOM_LOGGING_PATH"}
    if named:
        environment["PYCARET_CUSTOM_LOGGING_PATH"] = str(tmp_path / "mine.log")
    command = [sys.executable, "-W", "ignore", "-c", SETS_UP]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split()[-1:] == [str(named)], done.stderr[-2000:]
    assert sorted(path.name for path in tmp_path.glob("*.log")) == ["mine.log"] * named
