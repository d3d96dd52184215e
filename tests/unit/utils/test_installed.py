"""What is installed, told as `importlib.metadata` tells it."""

from __future__ import annotations

import importlib.metadata
import types
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import importlib_metadata
import pytest

from bakeoff._utils import installed


def test_the_versions_are_those_that_the_standard_library_tells() -> None:
    names = {distribution.metadata["Name"] for distribution in importlib.metadata.distributions()}
    assert installed.versions() == {name: importlib.metadata.version(name) for name in names}


def test_the_packages_of_modules_are_those_that_mlflow_would_be_told() -> None:
    expected = importlib_metadata.packages_distributions()
    found = installed.packages_of_modules()
    assert {module: sorted(set(names)) for module, names in found.items()} == {
        module: sorted(set(names)) for module, names in expected.items()
    }


def test_packages_without_a_list_of_their_modules_are_told_from_their_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "odd_name-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-name\nVersion: 1.2\n\nName: not this\n")
    (info / "RECORD").write_text(
        f"odd/__init__.py,,\n_odd{EXTENSION_SUFFIXES[0]},,\nodd_name-1.2.dist-info/METADATA,,\n"
    )
    monkeypatch.setattr(
        importlib.metadata,
        "distributions",
        lambda: importlib.metadata.MetadataPathFinder.find_distributions(
            importlib.metadata.DistributionFinder.Context(path=[str(tmp_path)])
        ),
    )
    installed.versions.cache_clear()
    installed.packages_of_modules.cache_clear()
    try:
        assert installed.versions() == {"odd-name": "1.2"}
        assert installed.packages_of_modules() == {"odd": ["odd-name"], "_odd": ["odd-name"]}
    finally:
        installed.versions.cache_clear()
        installed.packages_of_modules.cache_clear()


def test_a_function_answers_for_another_one_in_the_block_only() -> None:
    owner = types.SimpleNamespace(asked=lambda: "slow")
    with installed.answering_for(owner, "asked", lambda: "quick"):
        assert owner.asked() == "quick"
    assert owner.asked() == "slow"
    with installed.answering_for(owner, "nothing", lambda: "quick"):
        assert not hasattr(owner, "nothing")
