"""pycaret-core's wheel with other bounds: its code is the same, its record is right, and models carry it along."""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.metadata
import re
import zipfile
from pathlib import Path

import pytest

from bakeoff._utils.relaxed_pycaret import REQUIREMENT, relax, relaxed
from bakeoff._utils.wheels import repack
from bakeoff.tracking.model_requirements import add_wheels, pip_requirements

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the installed release."""
    return repack("pycaret-core", tmp_path_factory.mktemp("original"))


@pytest.fixture(scope="module")
def made(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return relax(original, tmp_path_factory.mktemp("relaxed"))


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def test_the_requirement_is_that_of_the_project() -> None:
    assert f'"{REQUIREMENT}"' in (ROOT / "pyproject.toml").read_text()


def test_only_metadata_changes(original: Path, made: Path) -> None:
    before, after = contents(original), contents(made)
    assert {name: content for name, content in before.items() if ".dist-info/" not in name} == {
        name: content for name, content in after.items() if ".dist-info/" not in name
    }
    assert sorted(name.split("/", 1)[1] for name in before if ".dist-info/" in name) == sorted(
        name.split("/", 1)[1] for name in after if ".dist-info/" in name
    )
    release = importlib.metadata.version("pycaret-core").partition("+")[0]
    assert made.name == f"pycaret_core-{release}+relaxed-py3-none-any.whl"


def test_the_bounds_of_python_313_are_those_of_all_pythons(made: Path) -> None:
    (metadata,) = (content.decode() for name, content in contents(made).items() if name.endswith("/METADATA"))
    needs = [line for line in re.findall(r"^Requires-Dist: (.*)", metadata, re.MULTILINE) if "extra ==" not in line]
    assert not [line for line in needs if "3.13" in line]
    for package in ("numpy", "pandas", "scipy", "scikit-learn", "matplotlib"):
        assert len([line for line in needs if re.match(rf"{package}\b", line)]) == 1
    assert "numpy<3,>=2.0" in needs
    assert 'setuptools; python_version >= "3.12"' in needs


def test_the_record_is_right(made: Path) -> None:
    files = contents(made)
    (record,) = (name for name in files if name.endswith("/RECORD"))
    rows = list(csv.reader(files[record].decode().splitlines()))
    assert sorted(row[0] for row in rows) == sorted(files)
    for name, told, size in rows:
        if name != record:
            digest = base64.urlsafe_b64encode(hashlib.sha256(files[name]).digest()).rstrip(b"=").decode()
            assert (told, size) == (f"sha256={digest}", str(len(files[name])))


def test_a_release_with_one_range_is_refused() -> None:
    with pytest.raises(ValueError, match="its own wheel will do"):
        relaxed("Version: 4.0\nRequires-Dist: numpy<3\n\nText")


def test_a_model_carries_the_wheel_that_no_index_has(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sklearn.dummy import DummyClassifier

    usual = [line for line in pip_requirements(DummyClassifier()) if line.startswith("pycaret-core")]
    installed = tmp_path / "installed"
    with zipfile.ZipFile(made) as wheel:
        wheel.extractall(installed)
    monkeypatch.syspath_prepend(str(installed))
    lines = pip_requirements(DummyClassifier())
    assert usual[0] not in lines
    assert f"wheels/{made.name}" in lines
    assert not [line for line in lines if "+" in line and not line.startswith("wheels/")]
    (tmp_path / "model").mkdir()
    add_wheels(tmp_path / "model")
    assert contents(tmp_path / "model" / "wheels" / made.name) == contents(made)
