"""The table as the judgements see it: a sample of its rows, its features, and each column as codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bakeoff.config import RunConfig

Codes = npt.NDArray[np.int64]

MAX_ROWS = 100_000
"""Number of rows that are judged; of a longer table a seeded sample, in the order of its rows."""
_BINS = 64
"""Number of bins of numbers with more distinct values than that."""
_ROWS_PER_BIN = 10


@dataclass(frozen=True)
class Coded:
    """A column as codes: its distinct values, or the bins of its numbers, in order; gaps have the last code.

    Attributes:
        codes: a code for each row, from 0.
        n_codes: number of codes, that of gaps included.
        is_ordered: whether neighbouring codes are neighbouring values.
    """

    codes: Codes
    n_codes: int
    is_ordered: bool


@dataclass(frozen=True)
class JudgedTable:
    """The rows that are judged.

    Attributes:
        frame: the rows, or a sample of them, numbered from 0, in their order.
        target: column to predict.
        task: ``classification``, ``regression`` or ``time_series``.
        n_rows: number of rows of the table.
        setup: the user's arguments of ``setup()``.
        seed: seed of the sample and of what is drawn from it.
    """

    frame: pd.DataFrame
    target: str
    task: str
    n_rows: int
    setup: dict[str, Any] = field(default_factory=dict)
    seed: int = 0

    @classmethod
    def of(cls, frame: pd.DataFrame, task: str, config: RunConfig) -> JudgedTable:
        """Return the table that a config asks about, or a sample of it if it is long."""
        n_rows = len(frame)
        rows = frame.drop(columns=[name for name in _ignored(config.setup) if name in frame and name != config.target])
        if n_rows > MAX_ROWS:
            chosen = np.random.default_rng(config.seed).choice(n_rows, size=MAX_ROWS, replace=False)
            rows = rows.iloc[np.sort(chosen)]
        return cls(rows.reset_index(drop=True), config.target, task, n_rows, dict(config.setup), config.seed)

    def __len__(self) -> int:
        return len(self.frame)

    @cached_property
    def features(self) -> list[str]:
        """Names of the columns that models learn from."""
        return [name for name in self.frame.columns if name != self.target]

    @cached_property
    def n_missing(self) -> dict[str, int]:
        """Number of gaps of each column."""
        return {name: int(self.frame[name].isna().sum()) for name in self.frame.columns}

    @cached_property
    def factors(self) -> dict[str, tuple[Codes, int]]:
        """Each column's values as codes in the order of their first appearance (-1 for gaps), and their number."""
        found = {}
        for name in self.frame.columns:
            column = self.frame[name]
            try:
                codes, distinct = pd.factorize(column)
            except TypeError:  # values that cannot be hashed
                codes, distinct = pd.factorize(column.astype(str).where(column.notna()))
            found[name] = codes.astype(np.int64), len(distinct)
        return found

    def n_distinct(self, name: str) -> int:
        """Return the number of distinct values of a column, without gaps."""
        return self.factors[name][1]

    def is_number(self, name: str) -> bool:
        """Whether a column holds numbers that are no yes or no."""
        column = self.frame[name]
        return bool(pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column))

    def is_time(self, name: str) -> bool:
        """Whether a column holds times."""
        return bool(pd.api.types.is_datetime64_any_dtype(self.frame[name]))

    def is_text(self, name: str) -> bool:
        """Whether a column holds texts."""
        column = self.frame[name]
        return column.dtype == object or isinstance(column.dtype, (pd.StringDtype, pd.CategoricalDtype))

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """Return a column of numbers or times as floats, with NaN for what is missing or infinite."""
        column = self.frame[name]
        if self.is_time(name):
            values = column.astype("datetime64[us]").astype("int64").to_numpy(dtype=float)
            values[column.isna().to_numpy()] = np.nan
            return values
        values = column.to_numpy(dtype=float, na_value=np.nan, copy=True)
        values[~np.isfinite(values)] = np.nan
        return values

    @cached_property
    def coded(self) -> dict[str, Coded]:
        """Each column as codes; numbers and times with many distinct values in bins of like size."""
        return {name: self._code(name) for name in self.frame.columns}

    def _code(self, name: str) -> Coded:
        codes, n_distinct = self.factors[name]
        n_bins = max(2, min(_BINS, len(self) // _ROWS_PER_BIN))
        if not (self.is_number(name) or self.is_time(name)):
            return Coded(np.where(codes < 0, n_distinct, codes), n_distinct + 1, is_ordered=False)
        numbers = self.numbers(name)
        present = numbers[~np.isnan(numbers)]
        if not len(present):
            return Coded(np.zeros(len(self), dtype=np.int64), 1, is_ordered=True)
        if n_distinct <= n_bins:
            edges = np.unique(present)[1:]
        else:
            edges = np.unique(np.quantile(present, np.linspace(0, 1, n_bins + 1)[1:-1]))
        binned = np.searchsorted(edges, numbers, side="right")
        missing = len(edges) + 1
        return Coded(np.where(np.isnan(numbers), missing, binned).astype(np.int64), missing + 1, is_ordered=True)


def _ignored(setup: Any) -> Sequence[str]:
    """Return the columns that the user leaves out by ``ignore_features``."""
    ignored = setup.get("ignore_features") or []
    return [ignored] if isinstance(ignored, str) else list(ignored)


def listed(names: Sequence[str], limit: int = 4) -> str:
    """Return names for a sentence, the first few of many.

    Example:
        >>> listed(["a"]), listed(["a", "b", "c"]), listed(list("abcdefg"))
        ("'a'", "'a', 'b' and 'c'", "'a', 'b', 'c', 'd' and 3 more")
    """
    shown = [repr(name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1]}…") for name in map(str, names[:limit])]
    if len(names) > limit:
        return f"{', '.join(shown)} and {len(names) - limit} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


_MAX_NAME = 60
"""Number of characters of a name in a sentence."""
