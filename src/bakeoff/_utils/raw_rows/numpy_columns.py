"""Columns of pandas' extension types, as numpy holds them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

_KEPT = (np.dtype, pd.DatetimeTZDtype, pd.PeriodDtype, pd.IntervalDtype)
"""Types of columns that are no other storage of what numpy can hold, too."""


def numpy_column(column: Any) -> Any:
    """Return a column of one of pandas' extension types as `pandas.read_csv` would hold it; others unchanged.

    Example:
        >>> numpy_column(pd.Series([1, None], dtype="Int64")).tolist()
        [1.0, nan]
        >>> numpy_column(pd.Series([True, None], dtype="boolean")).tolist()
        [True, nan]
    """
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        categories = column.cat.categories
        if isinstance(categories.dtype, _KEPT):
            return column
        return column.cat.rename_categories(numpy_column(pd.Series(categories)).to_numpy())
    if isinstance(dtype, _KEPT):
        return column
    if isinstance(dtype, pd.SparseDtype):
        return numpy_column(pd.Series(np.asarray(column), column.index, name=column.name))
    if isinstance(dtype, pd.ArrowDtype):
        values: Any = column.array
        plain = values.__arrow_array__().to_pandas()
        return numpy_column(plain.set_axis(column.index).rename(column.name))
    return _without_mask(column)


def _without_mask(column: Any) -> Any:
    """Return a column of nullable values, or of pandas' strings, with NaN for its gaps."""
    gaps, dtype = column.isna(), column.dtype
    if not isinstance(dtype, pd.StringDtype) and hasattr(dtype, "numpy_dtype"):
        if not gaps.any():
            return column.astype(dtype.numpy_dtype)
        if not pd.api.types.is_bool_dtype(dtype):
            return pd.Series(column.to_numpy(dtype=float, na_value=np.nan), column.index, name=column.name)
    return column.astype(object).where(~gaps, np.nan)
