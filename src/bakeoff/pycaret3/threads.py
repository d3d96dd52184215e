"""Keeping a trial to the threads that its slot has.

The caps are put on for the trial only: what is returned or stored carries the parameters that the driver gave.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import threadpool_limits

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
    """Limit the BLAS and OpenMP pools of this process while trials run."""
    with threadpool_limits(limits=limit):
        yield
