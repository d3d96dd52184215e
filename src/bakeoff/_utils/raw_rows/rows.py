"""The transformer that stands in front of a logged model."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import pandas as pd

from bakeoff._utils.raw_rows.conversions import PLAIN, SAME, TEXT, TRUTH, converted_column
from bakeoff._utils.raw_rows.gaps import is_gap_word, without_gaps

CONVERSIONS = "bakeoff.conversions"
"""Entry of a logged model's metadata: what the model makes of the raw values of its columns, by name."""
WORDS = "bakeoff.words"
"""Entry of a logged model's metadata: by column, words that are values and that pandas takes for gaps."""


class RawColumn(NamedTuple):
    """A column of the source, and what becomes of it.

    Attributes:
        name: its name in the source.
        inner: its name in the rows that the pipeline is fitted on.
        kind: the conversion, one of the words above.
        detail: the decimal mark of written numbers, the zone of times, or the truth that stands in for a gap.
        gaps: raw values, words and numbers as text, that count as missing.
        words: words that are values and that pandas takes for gaps; for those who read files for the model.
    """

    name: Any
    inner: str
    kind: str = SAME
    detail: Any = None
    gaps: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


class RawRows:
    """Transformer from rows of the source to rows that a pipeline can be fitted on, as scikit-learn calls it.

    It takes what it gives, too: values that are converted already stay what they are.

    Args:
        columns: the columns, in their order; others in the rows are ignored.
    """

    def __init__(self, columns: tuple[RawColumn, ...] = ()) -> None:
        self.columns = columns

    def fit(self, X: Any = None, y: Any = None) -> RawRows:  # noqa: ARG002, N803 - scikit-learn's names
        """Do nothing: the conversions are known from the table."""
        return self

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002, FBT001, FBT002 - scikit-learn's names
        """Return the arguments that it was made with."""
        return {"columns": self.columns}

    def set_params(self, **params: Any) -> RawRows:
        """Set the arguments."""
        self.columns = params.get("columns", self.columns)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Whether it can transform, which is always so."""
        return True

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:  # noqa: N803 - scikit-learn's name
        """Convert rows; text that cannot be read as a number or time counts as missing, with a warning.

        Raises:
            ValueError: columns are missing; all of them are named.
        """
        known = {str(name).strip(): name for name in X.columns}
        found = {}
        for column in self.columns:
            spellings = (column.name, column.inner, known.get(str(column.name).strip()))
            found[column] = next((name for name in spellings if name is not None and name in X.columns), None)
        if missing := [str(column.name) for column, name in found.items() if name is None]:
            raise ValueError(f"The rows lack {', '.join(map(repr, missing))} that the model takes.")
        converted = {}
        for column, name in found.items():
            raw = without_gaps(X[name], column.gaps)
            converted[column.inner] = values = converted_column(raw, column.kind, column.detail)
            if unread := _unread(raw, values, column):
                message = f"{len(unread)} values of {column.name!r}, such as {unread[0]!r}, count as missing."
                warnings.warn(message, stacklevel=2)
        return pd.DataFrame(converted, index=X.index)


def _unread(raw: pd.Series[Any], values: pd.Series[Any], column: RawColumn) -> list[str]:
    """Return the texts that should be numbers or times and cannot be read as such."""
    if column.kind in {SAME, PLAIN, TEXT, TRUTH}:
        return []
    lost = raw[values.isna().to_numpy() & raw.notna().to_numpy()]
    return [value for value in lost if isinstance(value, str) and not is_gap_word(value)]
