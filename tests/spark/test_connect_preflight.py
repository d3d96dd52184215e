"""The preflight on Spark Connect, and what a run says of such a session before anything else.

In a process of its own: one that has held a Connect session gives no classic one any more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

LOOK = """
import json, sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from bakeoff import RunConfig, run
from bakeoff.errors import UserError
from bakeoff.job.ground_request import GroundRequest
from bakeoff.job.preflight_table import preflight
from support.connect_session import start_connect

home = Path(sys.argv[1])
spark = start_connect(home)
spark.sql("CREATE SCHEMA made")
shared = home / "shared"
rows = preflight(GroundRequest.from_options({"home": home, "schema": "made", "payload_dir": shared}), spark)
told = []
asked = dict(source="nowhere", target="y", home=home, schema="made")
errors = []
for folder in (shared, "/proc/nowhere"):
    try:
        run(RunConfig(**asked, payload_dir=folder), spark, told.append)
    except UserError as error:
        errors.append([type(error).__name__, str(error)])
tables = [row.tableName for row in spark.sql("SHOW TABLES IN made").collect()]
print(json.dumps({
    "rows": [row.as_object() for row in rows],
    "left": [*(path.name for path in shared.iterdir()), *tables],
    "told": told,
    "errors": errors,
}))
"""


def test_a_connect_session_is_looked_at_as_a_classic_one_and_a_run_says_only_what_is_odd(tmp_path: Path) -> None:
    # Driver and workers have the same numpy, and it is newer than pycaret-core admits.
    info = tmp_path / "packages" / "numpy-3.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 3.1.0\n")
    command = [sys.executable, "-c", LOOK, str(tmp_path), str(Path(__file__).parents[1])]
    environment = {**os.environ, "PYTHONPATH": str(info.parent)}
    said = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=800, env=environment
    )
    assert said.returncode == 0, said.stdout[-1000:] + said.stderr[-3000:]
    found = json.loads(said.stdout.splitlines()[-1])
    rows = {row["check"]: row for row in found["rows"]}
    assert rows["compute"]["found"] == "Spark Connect"
    assert rows["slots"]["found"] == "2"
    assert rows["tables"]["found"] == "`made`"
    assert rows["payload folder"]["ok"]
    assert [name for name, row in rows.items() if not row["ok"]] == ["numpy"]
    assert found["left"] == []
    odd = [line for line in found["told"] if line.startswith("numpy: 3.1.0, needed is ")]
    assert len(odd) == 1  # the second run ended before that
    assert "pip install 'numpy" in odd[0]
    (first, source), (second, folder) = found["errors"]
    assert (first, second) == ("SourceError", "ConfigError")
    assert "nowhere" in source
    assert folder.startswith("--payload-dir /proc/nowhere cannot be written to")
