"""Processes beside the tests': a run that is killed on the way, and code that does without Bakeoff."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bakeoff.comparison.trial import Trial
from bakeoff.storage.journal import read_folder

_DIES = """
import json, os, signal, sys
from bakeoff import RunConfig, run
from bakeoff.comparison.events import TrialDone

class Dies:
    left = int(sys.argv[1])
    def handle(self, event):
        self.left -= isinstance(event, TrialDone)
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)

run(RunConfig(**json.loads(sys.argv[2])), listeners=[Dies()])
"""

_HIDES = """
import sys

class Missing:
    def find_spec(self, name, *_):
        if name.partition(".")[0] == "bakeoff":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
"""


def killed_after(n_trials: int, asked: Mapping[str, Any], folder: Path) -> set[Trial]:
    """Begin a run in a process that kills itself when so many trials have ended, and return what its journal holds.

    Args:
        n_trials: number of trials.
        asked: what the run is asked, `run_id` and `home` among it.
        folder: folder that the process works in.
    """
    command = [sys.executable, "-W", "ignore", "-c", _DIES, str(n_trials), json.dumps(asked)]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    journal = Path(asked["home"]) / "runs" / asked["run_id"] / "journal"
    return {outcome.trial for outcome in read_folder(journal)}


def said_without_bakeoff(code: str, *arguments: str) -> list[str]:
    """Run code where Bakeoff cannot be imported, and return the lines that it prints."""
    command = [sys.executable, "-c", _HIDES + code, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip().splitlines()
