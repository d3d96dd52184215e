"""Rows that keep their order through PyCaret's preprocessing, whichever pandas there is.

Where a step takes some of the columns only, PyCaret puts its result and the other columns together by an outer merge on
the index. Up to pandas 2.1 that keeps the order of equal indices; from 2.2 on it sorts them. The rows of a training set
are in no order, and PyCaret gives the target the new index without moving its values, so every model would learn
from rows that have the targets of others: no error, and scores as by chance. A fitted model would answer in another
order than it was asked, and several times for rows that share an index.
"""

from __future__ import annotations

from functools import partial, wraps
from typing import Any

from pycaret.internal.preprocess.transformers import TransformerWrapper

from bakeoff.pycaret3.pipeline_steps import RowsInOrder, merged_in_order

_MARK = "_bakeoff_keeps_order"


def keep_row_order() -> None:
    """Make PyCaret's steps return rows in the order in which they were given; called again, it does nothing.

    Example:
        >>> keep_row_order()
        >>> hasattr(TransformerWrapper._reorder_cols, _MARK)
        True
    """
    merged = TransformerWrapper._reorder_cols
    if hasattr(merged, _MARK):
        return

    @wraps(merged)
    def reordered(self: Any, df: Any, original_df: Any) -> Any:
        return merged_in_order(partial(merged, self), df, original_df)

    setattr(reordered, _MARK, True)
    TransformerWrapper._reorder_cols = reordered


def keep_its_row_order(pipeline: Any) -> None:
    """Let a pipeline's own steps return rows in their order, also where Bakeoff is not installed."""
    for _, step in pipeline.steps:
        if type(step) is TransformerWrapper:
            step.__class__ = RowsInOrder
