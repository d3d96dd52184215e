"""What the command line sets up before anything else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bakeoff.cli.app import main


@pytest.mark.parametrize(("home", "is_kept"), [("home", True), ("file", False)])
def test_matplotlib_warns_of_no_cache_whatever_the_home_is(tmp_path: Path, home: str, is_kept: bool) -> None:  # noqa: FBT001
    (tmp_path / "home").mkdir()
    (tmp_path / "file").touch()
    script = (
        "import os; from bakeoff.cli.app import main; main(['--version'])\n"
        "import matplotlib; print(matplotlib.get_configdir())"
    )
    unset = ("MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
    inherited = {name: value for name, value in os.environ.items() if name not in unset}
    asked = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        env={**inherited, "HOME": str(tmp_path / home), "TMPDIR": str(tmp_path / "home")},
    )
    assert asked.stderr == ""
    own = ".config" if is_kept else f"bakeoff-{os.getuid()}"
    assert Path(asked.stdout.splitlines()[-1]) == tmp_path / "home" / own / "matplotlib"


def test_a_user_without_a_home_folder_is_told_to_name_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    with pytest.raises(SystemExit, match="2"):
        main(["runs"])
    assert "set HOME to a folder" in capsys.readouterr().err
