"""The files that say things about the project agree with each other."""

from __future__ import annotations

import re
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import yaml

import bakeoff

ROOT = Path(__file__).parents[2]
PROJECT = (ROOT / "pyproject.toml").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def test_the_version_is_said_once() -> None:
    assert 'path = "src/bakeoff/__init__.py"' in PROJECT
    assert not re.search(r"^version *=", PROJECT, re.MULTILINE)
    assert version("bakeoff") == bakeoff.__version__


def test_the_changelog_has_the_version_or_says_that_it_is_to_come() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert f"## [{bakeoff.__version__}]" in changelog or f"{bakeoff.__version__}, the first release" in changelog


def test_ci_runs_on_every_python_that_the_wheel_is_for() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    elsewhere = jobs["pythons"]["strategy"]["matrix"]["python"]
    claimed = re.findall(r"Python :: (3\.\d+)", PROJECT)
    assert sorted([*elsewhere, "3.11"]) == sorted(claimed)
    for python in elsewhere:
        assert (ROOT / "requirements" / f"py{python}.txt").exists()
        assert f"\ntest-py{python.replace('.', '')}: ##" in MAKEFILE


def test_what_documents_tell_people_to_make_can_be_made() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE))
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.*")]
    named = {
        target
        for page in pages
        for target in re.findall(r"(?:^|`|run: )make ([a-z0-9-]+)", page.read_text(), re.MULTILINE)
    }
    assert named
    assert named <= targets


def test_no_lock_names_where_packages_come_from() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        assert not re.search(r"^(?:--|-[if] )|://", lock.read_text(), re.MULTILINE), lock.name


def test_all_test_files_can_be_collected_together() -> None:
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
