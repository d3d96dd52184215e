"""Installed packages: their versions, and which of them a module comes from.

`importlib.metadata` tells the same, but parses each package's description for each question, and looks for each of its
files on disk: in an environment with 200 packages that is 0.2 to 0.5 s of CPU each time, and a run asks four times.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import inspect
from collections.abc import Iterator, Mapping
from typing import Any


@functools.cache
def versions() -> Mapping[str, str]:
    """Return the versions of all packages by their names; where one is there twice, of the one that is imported."""
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        name, version = _name_and_version(distribution)
        if name and version:
            found.setdefault(name, version)
    return found


@functools.cache
def packages_of_modules() -> Mapping[str, list[str]]:
    """Return the names of the packages that each top-level module comes from, as `importlib.metadata` would."""
    found: dict[str, list[str]] = {}
    for distribution in importlib.metadata.distributions():
        name, _ = _name_and_version(distribution)
        for module in _top_level(distribution):
            found.setdefault(module, []).append(name)
    return found


def _name_and_version(distribution: Any) -> tuple[str, str]:
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    fields = dict(reversed([line.partition(":")[::2] for line in _head(text)]))  # the first of a name counts
    return fields.get("Name", "").strip(), fields.get("Version", "").strip()


def _head(text: str) -> Iterator[str]:
    """Yield the lines of a description before the first empty one."""
    for line in text.splitlines():
        if not line:
            return
        yield line


def _top_level(distribution: Any) -> set[str] | list[str]:
    """Return the modules of a package: as it declares them, or told from the list of its files."""
    declared = (distribution.read_text("top_level.txt") or "").split()
    if declared:
        return declared
    paths = (line.partition(",")[0].strip('"') for line in (distribution.read_text("RECORD") or "").splitlines())
    return {module for path in paths if (module := _module_of(path)) and "." not in module}


def _module_of(path: str) -> str | None:
    first, slash, _ = path.partition("/")
    if slash and first == "bin":  # scripts that were not unpacked, of packages inside of others
        return None
    return first if slash else inspect.getmodulename(first)


@contextlib.contextmanager
def answering_for(owner: Any, name: str, function: Any) -> Iterator[None]:
    """Let a function answer for another module's function of the same result in the block; nothing if it has none."""
    original = getattr(owner, name, None)
    if original is None:
        yield
        return
    setattr(owner, name, function)
    try:
        yield
    finally:
        setattr(owner, name, original)
