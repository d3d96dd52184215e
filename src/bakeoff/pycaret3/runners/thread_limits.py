"""Limit of a trial to the threads of its slot.

The caps apply during the trial only: what is returned or stored has the parameters that the driver gave.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from threadpoolctl import ThreadpoolController

_THREAD_PARAMS = ("n_jobs", "thread_count", "nthread", "num_threads")
_FILES_PARAM = "allow_writing_files"
"""CatBoost's: without it a folder named catboost_info is left wherever a model is fitted."""


def cap_threads(estimator: Any, limit: int) -> dict[str, Any]:
    """Set every thread parameter of an estimator, nested ones too, to ``limit``, and keep CatBoost from writing files.

    Returns:
        The replaced values by parameter name, for `restore_threads`; ``None`` for those of CatBoost that were not
        given.
    """
    try:
        params = estimator.get_params(deep=True)
    except Exception:  # an estimator that cannot list its parameters has none that could be capped
        return {}
    wanted: dict[str, Any] = {name: limit for name in params if name.rpartition("__")[2] in _THREAD_PARAMS}
    for prefix, part in [("", estimator), *((f"{name}__", value) for name, value in params.items())]:
        if _is_catboost(part):  # which lists only what it was given, and takes -1 threads for nothing given
            wanted |= {f"{prefix}thread_count": limit, f"{prefix}{_FILES_PARAM}": False}
    changed = {name: params.get(name) for name, value in wanted.items() if params.get(name) != value}
    if changed:
        estimator.set_params(**{name: wanted[name] for name in changed})
    return changed


def restore_threads(estimator: Any, before: dict[str, Any]) -> None:
    """Restore the parameters that `cap_threads` changed. What was fitted stays fitted."""
    if not before:
        return
    params = estimator.get_params(deep=True)
    for name, value in before.items():
        prefix, _, param = name.rpartition("__")
        owner = params[prefix] if prefix else estimator
        if _is_catboost(owner):  # whose set_params() refuses a fitted model
            owner._init_params.pop(param, None)
            owner._init_params.update({} if value is None else {param: value})
            owner._canonized_params = None
        elif hasattr(owner, "reset"):  # a forecaster of sktime, whose set_params() forgets what was fitted
            setattr(owner, param, value)
        else:
            owner.set_params(**{param: value})


def _is_catboost(part: Any) -> bool:
    return any(cls.__module__.partition(".")[0] == "catboost" for cls in type(part).__mro__)


@contextmanager
def limited_pools(limit: int) -> Iterator[None]:
    """Limit the BLAS and OpenMP pools of this process while a trial runs."""
    with _pools(len(sys.modules)).limit(limits=limit):
        yield


@lru_cache(maxsize=1)
def _pools(n_modules: int) -> ThreadpoolController:
    """Return a controller of the thread pools of all loaded libraries, searched again when there are more modules.

    A search takes 4 ms, since Linux has to list all mapped files of the process: longer than many a trial.
    """
    del n_modules
    return ThreadpoolController()
