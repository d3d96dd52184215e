"""The wheel holds what it should, installs in an empty environment, and its entry point runs there."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support.bundle import ROOT, build_commands, load, project

UV = Path(sys.executable).with_name("uv")
PYTHON = "\nimport sys, bakeoff; print(bakeoff.__version__); assert 'pyspark' not in sys.modules"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by the bundle's own command, into a folder of its own."""
    command = build_commands(load())[0]
    if not UV.exists():
        pytest.skip("there is no uv beside this Python")
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([UV, *command[1:], "--quiet", "--out-dir", folder], check=True, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    mine = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src" / "bakeoff").rglob("*.py")}
    assert mine <= set(names)
    assert "bakeoff/py.typed" in names
    info = {name.split("/")[0] for name in names} - {"bakeoff"}
    assert [name.endswith(".dist-info") for name in info] == [True]
    assert [name for name in names if name.endswith((".pyc", ".sql", ".json", ".yml")) or "test" in name] == []


def test_the_wheel_says_what_it_needs(wheel: Path) -> None:
    wanted = project()
    with zipfile.ZipFile(wheel) as content:
        told = {name.split("/")[1]: content.read(name).decode() for name in content.namelist() if ".dist-info" in name}
    assert f"bakeoff = {wanted['scripts']['bakeoff']}" in told["entry_points.txt"]
    assert told["METADATA"].count("Requires-Dist: ") > len(wanted["dependencies"])
    without_extras = [line for line in told["METADATA"].splitlines() if "Requires-Dist" in line and "extra" not in line]
    assert [line for line in without_extras if "pyspark" in line or "delta" in line] == []  # the cluster's


@pytest.mark.slow
def test_it_installs_in_an_empty_environment_and_runs(wheel: Path, tmp_path: Path) -> None:
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([UV, "pip", "install", "--quiet", "--python", python, wheel], check=True, timeout=280)
    said = subprocess.run([python, "-c", PYTHON], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert said.stdout.strip()
    helped = subprocess.run([python.with_name("bakeoff"), "run", "--help"], capture_output=True, text=True, check=True)
    assert "--champion-margin" in helped.stdout
    shutil.rmtree(tmp_path / "venv")
