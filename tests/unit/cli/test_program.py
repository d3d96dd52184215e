"""Commands that are shown can be typed as they stand, however the program was started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(sys.executable).with_name("bakeoff")


def said(*command: str, path: str, folder: Path) -> str:
    done = subprocess.run(
        [*command, "leaderboard", "--home", "nowhere"],
        env={**os.environ, "PATH": path},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    return done.stderr


def test_a_program_on_the_path_is_called_by_its_name(tmp_path: Path) -> None:
    told = said(str(SCRIPT), path=f"{SCRIPT.parent}{os.pathsep}{os.environ['PATH']}", folder=tmp_path)

    assert "run `bakeoff demo`" in told


def test_a_program_that_is_not_on_the_path_is_called_by_its_path(tmp_path: Path) -> None:
    assert f"run `{SCRIPT} demo`" in said(str(SCRIPT), path="/usr/bin:/bin", folder=tmp_path)


def test_a_path_below_the_folder_is_relative(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bakeoff").symlink_to(SCRIPT)

    assert "run `bin/bakeoff demo`" in said("bin/bakeoff", path="/usr/bin:/bin", folder=tmp_path)


@pytest.mark.parametrize("is_on_path", [True, False])
def test_a_module_is_called_as_a_module(tmp_path: Path, *, is_on_path: bool) -> None:
    python = Path(sys.executable)
    path = f"{python.parent}{os.pathsep}/usr/bin" if is_on_path else "/usr/bin:/bin"

    told = said(str(python), "-m", "bakeoff", path=path, folder=tmp_path)

    assert f"run `{python.name if is_on_path else python} -m bakeoff demo`" in told
