"""Processes that write, read and end at once, as commands do: delta-rs and DuckDB have threads of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bakeoff.storage.folder_tables import FolderTables
from bakeoff.storage.location import ResultsLocation

WRITE = """
import sys
from pathlib import Path
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Metric, Model, Outcome
from bakeoff.storage.folder_tables import FolderTables
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.rows import RunRecord

plan = Plan((Model("lr", "Logistic"),), 2, (Metric("auc", "AUC"),), "auc")
tables = FolderTables(ResultsLocation(path=Path(sys.argv[1])))
tables.create()
tables.enter_run(RunRecord(sys.argv[2], "running"))
tables.append_trials(sys.argv[2], plan, "d", [Outcome("lr", fold, finished_at=1.0) for fold in (0, 1)])
tables.merge_trials(sys.argv[2], plan, [Outcome("lr", 0, finished_at=2.0)])
tables.upsert_run(RunRecord(sys.argv[2], "finished"))
print(len(tables.trials(sys.argv[2])), tables.run(sys.argv[2]).status)
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_short_processes_end_well(tmp_path: Path) -> None:
    names = [f"r{n}" for n in range(50)]
    ended = [
        subprocess.run([sys.executable, "-c", WRITE, str(tmp_path), name], capture_output=True, text=True, check=False)
        for name in names
    ]
    assert {(one.returncode, one.stdout, one.stderr) for one in ended} == {(0, "2 finished\n", "")}
    with FolderTables(ResultsLocation(path=tmp_path)) as tables:
        assert sorted(run.run_id for run in tables.runs()) == sorted(names)
        assert len(tables.read("trials")) == 2 * len(names)
