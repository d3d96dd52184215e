"""Keeping a trial to the threads that its slot has.

The caps are put on for the trial only: what is returned or stored carries the parameters that the driver gave.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from threadpoolctl import ThreadpoolController

_THREAD_PARAMS = ("n_jobs", "thread_count", "nthread", "num_threads")


def cap_threads(estimator: Any, limit: int) -> dict[str, Any]:
    """Set every thread parameter of an estimator, nested ones too, to ``limit``.

    Returns:
        What they were before, for `restore_threads`.
    """
    try:
        params = estimator.get_params(deep=True)
    except Exception:  # an estimator that cannot list its parameters has none that could be capped
        return {}
    mine = {name: value for name, value in params.items() if name.rpartition("__")[2] in _THREAD_PARAMS}
    changed = {name: value for name, value in mine.items() if value != limit}
    if changed:
        estimator.set_params(**dict.fromkeys(changed, limit))
    return changed


def restore_threads(estimator: Any, before: dict[str, Any]) -> None:
    """Put back what `cap_threads` changed."""
    if before:
        estimator.set_params(**before)


@contextmanager
def limited_pools(limit: int) -> Iterator[None]:
    """Limit the BLAS and OpenMP pools of this process while a trial runs."""
    with _pools(len(sys.modules)).limit(limits=limit):
        yield


@lru_cache(maxsize=1)
def _pools(n_modules: int) -> ThreadpoolController:
    """The pools of the libraries that are loaded, looked for again when there are more modules than before.

    Looking takes 4 ms, since Linux has to list all that the process has mapped: longer than many a trial.
    """
    del n_modules
    return ThreadpoolController()
