"""Import of PyCaret without what a run does not use of it: half of the time that a short run would spend on imports.

Some packages are only looked for: PyCaret imports MLflow for a logger of its own, and LightGBM imports Dask for models
on a Dask cluster. They are hidden while these modules are imported, and there again afterwards. What looked for them
believes for the life of the process that they are not installed, so this is for processes of Bakeoff's own
(`bakeoff._utils.own_process`), in which nobody asks for these features.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from typing import Any

from bakeoff._utils import installed
from bakeoff._utils.own_process import is_own_process, uncollected

_UNUSED = {
    "lightgbm.compat": ("dask",),
    "pycaret.loggers": ("mlflow", "wandb", "comet_ml", "dagshub"),
    "tqdm.notebook": ("ipywidgets",),
}
"""Packages that a run does not use, by the module that looks for them."""
_ASKED = "skbase.utils.dependencies._dependencies"
"""The module that PyCaret asks which packages are installed."""


def import_lean() -> None:
    """Import what is slow of PyCaret, and nothing that only other processes need; elsewhere this does nothing."""
    if not is_own_process():
        return
    with uncollected():
        _answer_quickly()
        for module, unused in _UNUSED.items():
            with _hidden(unused), contextlib.suppress(Exception):  # whoever needs it imports it and hears why not
                importlib.import_module(module)


@contextlib.contextmanager
def _hidden(packages: tuple[str, ...]) -> Iterator[None]:
    """Let Python take packages for missing in the block, unless they are imported already, which costs nothing."""
    hidden = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # makes Python treat them as not installed
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def _answer_quickly() -> None:
    """Answer PyCaret's question which packages are installed, for which the description of each is parsed, twice."""
    with contextlib.suppress(ImportError):  # PyCaret before 3.4 asks for single packages
        asked: Any = importlib.import_module(_ASKED)
        if hasattr(asked, "_get_installed_packages_private"):
            asked._get_installed_packages_private = _versions


def _versions(lowercase: bool = False) -> dict[str, str]:  # noqa: FBT001, FBT002 - as the function that it answers for
    found = installed.versions()
    plain: Any = importlib.import_module(_ASKED)._norm_pkgname
    return {plain(name): version for name, version in found.items()} if lowercase else dict(found)
