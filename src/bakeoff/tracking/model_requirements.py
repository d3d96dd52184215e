"""The packages that a logged model needs, so that it loads in an environment made from its own requirements."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any

from bakeoff._utils import installed
from bakeoff._utils.wheels import repack, wheel_name

_ALWAYS_NEEDED = (
    "pycaret-core", "pycaret", "scikit-learn", "imbalanced-learn", "category-encoders",
    "pandas", "numpy", "scipy", "joblib", "cloudpickle",
)  # fmt: skip
_RELAXED = "pycaret-core"
"""The distribution whose local version (`bakeoff._utils.relaxed_pycaret`) no index has."""
_WHEELS = "wheels"
"""The folder of a model for wheels, as MLflow's own models with wheels have it."""


def pip_requirements(pipeline: Any) -> list[str]:
    """Return the packages that are needed to load the pipeline, at exactly the versions that are installed here.

    A relaxed pycaret-core is named by its wheel, which `add_wheels` puts into the model's folder. Of other local
    versions, such as ``2.1.0+cpu``, the public part is named, which pip takes for the same.
    """
    owners = installed.packages_of_modules()
    names = set(_ALWAYS_NEEDED)
    for part in parts_of(pipeline):
        for cls in type(part).__mro__:
            names.update(owners.get(cls.__module__.partition(".")[0], ()))
    names.discard("bakeoff")
    return sorted(_line(name, version) for name in names if (version := _installed_version(name)))


def add_wheels(folder: Path) -> None:
    """Put the wheels that `pip_requirements` names into the folder of a model."""
    if _is_relaxed():
        (folder / _WHEELS).mkdir(exist_ok=True)
        repack(_RELAXED, folder / _WHEELS)


def parts_of(pipeline: Any) -> list[Any]:
    """Return a pipeline, its steps, and what these are made of."""
    return [pipeline, *pipeline.get_params(deep=True).values()]


def _line(name: str, version: str) -> str:
    if name == _RELAXED and _is_relaxed():
        return f"{_WHEELS}/{wheel_name(_RELAXED)}"
    return f"{name}=={version.partition('+')[0]}"


def _is_relaxed() -> bool:
    return "+" in (_installed_version(_RELAXED) or "")


def _installed_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
