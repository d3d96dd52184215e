"""`make test` runs every part of the tests, shows what each printed, and fails where any of them does."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from support.waiting import until

ROOT = Path(__file__).parents[2]
ASIDE = ("tests/bundle", "tests/e2e", "tests/faults")
PARTS = {
    "connect": "--connect tests/contract",
    "aside": "tests/e2e tests/faults",
    "spark": "slow tests/spark",
    "rest": "--ignore=tests/bundle",
}
"""By which arguments each part can be known."""

pytestmark = pytest.mark.skipif(shutil.which("pkill") is None, reason="the lanes need pkill")


@pytest.fixture
def lanes(tmp_path: Path) -> Path:
    """The script, in a folder in which it does no harm."""
    (tmp_path / "tests").mkdir()
    return Path(shutil.copy(ROOT / "tests" / "run_lanes.sh", tmp_path / "tests"))


def interpreter(folder: Path, body: str) -> dict[str, str]:
    """An environment in which the script runs these lines of shell in place of pytest."""
    script = folder / "python"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return os.environ | {"PYTHON": str(script)}


@pytest.mark.parametrize("failing", [*PARTS, None])
def test_the_lanes_fail_where_a_part_fails(lanes: Path, tmp_path: Path, failing: str | None) -> None:
    body = f'case "$*" in *"{PARTS[failing]}"*) exit 1;; esac' if failing else "exit 0"
    ended = subprocess.run([lanes, "-m", "not slow"], env=interpreter(tmp_path, body), check=False, timeout=60)
    assert ended.returncode == (1 if failing else 0)


def test_each_part_gets_the_arguments_and_the_first_lane_is_shown_last(lanes: Path, tmp_path: Path) -> None:
    env = interpreter(tmp_path, 'for word in "$@"; do printf "[%s]" "$word"; done; echo')
    ended = subprocess.run([lanes, "-m", "not slow"], env=env, capture_output=True, text=True, check=True, timeout=60)
    ignored = "".join(f"[--ignore={part}]" for part in (*ASIDE, "tests/spark"))
    assert ended.stdout.splitlines() == [
        f"[-m][pytest][-m][not slow]{ignored}",
        "[-m][pytest][-m][not slow][--connect][tests/contract]",
        f"[-m][pytest][-m][not slow][{']['.join(ASIDE)}]",
        "[-m][pytest][-m][not slow][tests/spark]",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="signals to a process group as a terminal sends them")
def test_ctrl_c_ends_both_lanes(lanes: Path, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    pids.mkdir()
    env = interpreter(tmp_path, f"touch {pids}/$$; exec sleep 60")
    # A session of its own: Ctrl-C goes to all of a terminal's foreground processes.
    with subprocess.Popen([lanes], env=env, start_new_session=True) as script:
        until(lambda: len(list(pids.iterdir())) == 2)
        os.killpg(script.pid, signal.SIGINT)
        assert script.wait(timeout=30) == 130
    for pid in pids.iterdir():
        until(lambda gone=Path("/proc", pid.name): not gone.exists())
