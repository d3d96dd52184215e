"""Pickling for workers that have the same packages installed, but not the user's own modules.

A class that a user wrote beside a notebook or script is importable on the driver only. Such classes and functions
travel by value; everything that is installed travels by name.
"""

from __future__ import annotations

import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import cloudpickle

_LOCK = threading.Lock()  # the list of what is pickled by value is the process's
_NEVER = ("bakeoff", "__main__", "__mp_main__")  # the first is installed on workers, the others always go by value


def dumps(value: Any, own: list[Any] | None = None) -> bytes:
    """Pickle something for a worker, the user's own classes and functions by value.

    Args:
        value: what is to travel.
        own: what `own_modules` says, where several things are pickled one after the other.
    """
    with _LOCK, _by_value(own_modules() if own is None else own):
        content: bytes = cloudpickle.dumps(value)
    return content


def own_modules() -> list[Any]:
    """The modules of this process that are not installed: found neither in Python nor in its site-packages."""
    own = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] in _NEVER or not file or getattr(module, "__name__", None) != name:
            continue
        if file.endswith(".py") and not _is_installed(file):
            own.append(module)
    return own


@cache  # thousands of modules are asked about for each pickle, and a path that was resolved once is known
def _is_installed(file: str) -> bool:
    if "/site-packages/" in file or "/dist-packages/" in file:
        return True  # which spares looking at each folder on the way there, half a second for all of PyCaret
    path = Path(file).resolve()
    if "site-packages" in path.parts or "dist-packages" in path.parts:
        return True
    return any(path.is_relative_to(place) for place in _places())


@cache
def _places() -> frozenset[Path]:
    paths = sysconfig.get_paths()
    named = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return frozenset(Path(place).resolve() for place in (*named, sys.prefix, sys.base_prefix))


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
