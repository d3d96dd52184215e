"""What processes that were killed leave behind goes when the next one comes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil

from bakeoff.spark.scratch import remove_left_over, scratch_folder


def test_folders_go_with_their_process_and_no_sooner(tmp_path: Path) -> None:
    host, pid, began = socket.gethostname(), os.getpid(), int(psutil.Process().create_time())
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    gone = [f"{host}-{ended.pid}-{began}", f"{host}-{pid}-{began - 1_000}"]  # another process has the number by now
    kept = [f"{host}-{pid}-{began}", f"elsewhere-{ended.pid}-{began}", "ivy"]
    for name in (*gone, *kept):
        (tmp_path / name / "blockmgr-1").mkdir(parents=True)
    remove_left_over(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)


def test_a_process_keeps_its_folder_to_itself_and_removes_it() -> None:
    said = "from bakeoff.spark.scratch import scratch_folder as f; print(f()); open(f() / 'x', 'w').close()"
    asked = subprocess.run([sys.executable, "-c", said], check=True, capture_output=True, text=True)
    theirs = Path(asked.stdout.strip())
    assert theirs != scratch_folder()
    assert not theirs.exists()
    assert theirs.parent.stat().st_mode & 0o077 == 0
