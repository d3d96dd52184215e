"""Pickle objects for workers that have the same packages installed, but not the user's own modules.

A class that a user wrote beside a notebook or script is importable on the driver only. Such classes and functions
travel by value; everything that is installed travels by name.
"""

from __future__ import annotations

import sys
import sysconfig
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import cloudpickle

_LOCK = threading.Lock()
"""Guards cloudpickle's list of modules that are pickled by value, which the whole process shares."""
_NEVER_OWN = ("bakeoff", "__main__", "__mp_main__")
"""Modules that need no registration: the first is installed on workers, cloudpickle pickles the others by value."""


def dumps(value: Any, own: list[Any] | None = None) -> bytes:
    """Pickle a value for a worker, the user's own classes and functions by value.

    Args:
        value: object to pickle.
        own: result of `own_modules`, to save that work when several values are pickled in a row.
    """
    with _LOCK, _by_value(own_modules() if own is None else own):
        content: bytes = cloudpickle.dumps(value)
    return content


@contextmanager
def standing_alone(parts: Iterable[Any]) -> Iterator[None]:
    """Pickle those of these objects by value whose classes are ours, for places where Bakeoff is not installed.

    So are the classes and functions of ours that their modules import, by name and not by module.
    """
    classes = [cls for part in parts for cls in type(part).__mro__]
    with _LOCK, _by_value([sys.modules[name] for name in _homes(classes)]):
        yield


def _homes(values: Iterable[Any]) -> set[str]:
    """Return the names of our modules that define classes and functions, and those that these modules import."""
    found: set[str] = set()
    waiting = list(values)
    while waiting:
        name = getattr(waiting.pop(), "__module__", None)
        if isinstance(name, str) and name.partition(".")[0] == "bakeoff" and name not in found:
            found.add(name)
            waiting += vars(sys.modules[name]).values()
    return found


def own_modules() -> list[Any]:
    """Return the imported modules that are part of neither Python nor its installed packages."""
    own = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] in _NEVER_OWN or not file or getattr(module, "__name__", None) != name:
            continue
        if file.endswith(".py") and not _is_installed(file):
            own.append(module)
    return own


@cache  # thousands of modules are checked for each pickle, and resolving a path is slow
def _is_installed(file: str) -> bool:
    if "/site-packages/" in file or "/dist-packages/" in file:
        return True  # without resolving the path, which takes half a second for all of PyCaret
    path = Path(file).resolve()
    if "site-packages" in path.parts or "dist-packages" in path.parts:
        return True
    return any(path.is_relative_to(folder) for folder in _installation_folders())


@cache
def _installation_folders() -> frozenset[Path]:
    paths = sysconfig.get_paths()
    folders = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return frozenset(Path(folder).resolve() for folder in (*folders, sys.prefix, sys.base_prefix))


@contextmanager
def _by_value(modules: list[Any]) -> Iterator[None]:
    known = cloudpickle.list_registry_pickle_by_value()
    added = [module for module in modules if module.__name__ not in known]
    for module in added:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in added:
            cloudpickle.unregister_pickle_by_value(module)
