"""A small disk of a test's own, which can be filled and made read-only."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

NEEDS_MOUNT = "mounting a file system needs root and a mount namespace of its own"


def can_mount() -> bool:
    """Whether this process may mount a file system where nobody else sees it."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    tried = subprocess.run(
        ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=1m bakeoff /mnt"],
        check=False,
        capture_output=True,
    )
    return tried.returncode == 0


def on_small_disk(folder: Path, megabytes: int, script: str) -> str:
    """Run a shell script in a mount namespace of its own, in which there is a small disk at ``folder``.

    Args:
        folder: Made when it is missing; empty for everybody else.
        megabytes: The size of the disk.
        script: Runs with ``DISK`` set to the folder.

    Returns:
        What it prints.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mounted = f'mount -t tmpfs -o size={megabytes}m bakeoff "$DISK" && {{ {script}\n}}'
    with subprocess.Popen(
        ["unshare", "-m", "bash", "-c", mounted],
        env={**os.environ, "DISK": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            return process.communicate()[0]
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)  # a test that is out of time leaves nothing running
            raise
