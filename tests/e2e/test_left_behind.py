"""What runs leave behind in their process and on its machine: nothing but results."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.datasets import breast_cancer

THREE_RUNS = """
import json, os, sys
from pathlib import Path
import bakeoff

def open_files():
    links = []
    for number in os.listdir("/proc/self/fd"):
        if int(number) < 3:
            continue  # whose output pytest collects in a file of its own, without a name
        try:
            links.append(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:
            pass  # the listing's own
    return sorted(links)

found = []
for _ in range(3):
    config = bakeoff.RunConfig(sys.argv[1], "target", include=("dummy",), fold=2, home=Path(sys.argv[2]))
    bakeoff.run(config, say=lambda _: None)
    found.append(open_files())
print(json.dumps([found, [entry for entry in sys.path if "userFiles" in entry]]))
"""

HOLDS_A_SESSION = """
import sys
from pathlib import Path
from bakeoff.spark.scratch import scratch_folder
from bakeoff.spark.session import local_session

session = local_session(Path(sys.argv[1]), slots=1)
session.range(3).collect()
print(scratch_folder(), flush=True)
sys.stdin.read()
session.stop()
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc"),
]


def start(script: str, *arguments: object, **more: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore", "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **more)  # type: ignore[call-overload, no-any-return]


def test_runs_of_one_process_leave_no_file_open(tmp_path: Path) -> None:
    source = tmp_path / "cancer.csv"
    breast_cancer(80).to_csv(source, index=False)
    with start(THREE_RUNS, source, tmp_path / "home", cwd=tmp_path) as process:
        told, _ = process.communicate()
    (first, *later), on_the_path = json.loads(told.splitlines()[-1])
    for found in later:
        assert len(found) <= len(first), sorted(set(found) - set(first))
    assert not [link for link in later[-1] if link.endswith(("(deleted)", ".jar"))]
    assert on_the_path == []


def test_what_a_killed_process_leaves_goes_with_the_next_one(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with start(HOLDS_A_SESSION, tmp_path / "home", env=environment) as killed:
        assert killed.stdout is not None
        theirs = Path(killed.stdout.readline().strip())
        assert theirs.is_relative_to(temporary)
        assert any(theirs.glob("blockmgr-*"))
        killed.send_signal(signal.SIGKILL)
    with start(HOLDS_A_SESSION, tmp_path / "home", env=environment) as following:
        said, _ = following.communicate("")
    assert following.returncode == 0
    assert not theirs.exists()
    assert not Path(said.strip()).exists()
    stray = [path.name for path in temporary.iterdir() if path.name.startswith(("spark-", "blockmgr-", "liblz4"))]
    assert stray == []
