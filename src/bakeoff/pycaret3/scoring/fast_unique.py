"""A faster ``numpy.unique`` for the labels of a fold, which many models call for each of their trees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import numpy as np

NUMPY_UNIQUE = np.unique
_LEAST_VALUES = 1_000
"""With fewer values, sorting is as quick as counting."""
_WIDEST_RANGE = 1_000
"""Labels have few values; numbers with a wider range are left to numpy."""


@wraps(NUMPY_UNIQUE)
def unique(ar: Any, return_index: Any = False, return_inverse: Any = False, *args: Any, **kwargs: Any) -> Any:  # noqa: FBT002 - numpy's
    """Return exactly what ``numpy.unique`` returns; whole numbers of a small range are counted instead of sorted."""
    supported = type(ar) is np.ndarray and not (return_index or args or kwargs or (return_inverse and ar.ndim > 1))
    if supported and (minimum_and_offsets := _offsets(ar.ravel())) is not None:
        low, offsets = minimum_and_offsets
        occurs = np.bincount(offsets) > 0
        distinct = (np.flatnonzero(occurs) + low).astype(ar.dtype)
        return (distinct, (np.cumsum(occurs) - 1)[offsets]) if return_inverse else distinct
    return NUMPY_UNIQUE(ar, return_index, return_inverse, *args, **kwargs)


def _offsets(values: np.ndarray[Any, Any]) -> tuple[int, Any] | None:
    """Return the minimum of whole numbers and how far each lies above it; ``None`` for any other values."""
    if len(values) < _LEAST_VALUES or values.dtype.kind not in "iuf":
        return None
    low, high = values.min(), values.max()
    # A chain of comparisons, since NaN has to fail it, too.
    if not -(2**53) < low <= high < 2**53 or int(high) - int(low) > _WIDEST_RANGE:
        return None
    integers = values.astype(np.intp)
    if values.dtype.kind == "f" and (
        (integers != values).any() or (low <= 0 and np.signbit(values[values == 0]).any())
    ):
        return None  # fractions, or a negative zero: sorting decides which zero is kept
    return int(low), integers - int(low)


@contextmanager
def quick_unique() -> Iterator[None]:
    """Replace ``numpy.unique`` by `unique` in this block.

    scikit-learn sorts all labels twice for each tree of a forest and each step of AdaBoost: a quarter of what these
    take on 28,000 rows with two classes.

    Example:
        >>> labels = np.repeat([1.0, 3.0], 1_000)
        >>> with quick_unique():
        ...     np.unique(labels)
        array([1., 3.])
    """
    np.unique = unique
    try:
        yield
    finally:
        np.unique = NUMPY_UNIQUE
