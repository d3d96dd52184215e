"""Steps of PyCaret's preprocessing that hold on every fold, and on any row that a kept model gets.

Each does what PyCaret's own step does wherever that works. The classes travel inside of a model that must load where
Bakeoff is not installed, so they are pickled by value, and this module imports nothing of Bakeoff.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype
from pycaret.internal.preprocess.transformers import EmbedTextFeatures, TransformerWrapper
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.impute import SimpleImputer

MOST_MISSING = 0.1
"""Share of missing dates above which PyCaret makes no features of a column of dates."""


NO_TEXT = "missing"
"""Text for the gaps of a column that has no text at all in the rows of a fold."""
_LINE_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
"""Characters at which LightGBM takes one name for two."""


class DateParts(BaseEstimator, TransformerMixin):  # type: ignore[misc]  # scikit-learn is not typed
    """Parts of dates, such as the month, where which columns have parts does not depend on the rows at hand.

    PyCaret decides that by the share of gaps in each table that it transforms, so that the rows of a fold, or those
    that a model is to predict, can have other columns than those that the model was fitted on.

    Args:
        features: the parts, attributes of pandas' ``.dt``.
        kept: columns that parts are made of; the other columns are dropped.
        fill: whether missing dates get the middle part of the rows that it was fitted on, as models need a number.
        formats: how dates are written, by the names of columns that hold them as text.
    """

    def __init__(
        self,
        features: Sequence[str],
        kept: Sequence[str],
        *,
        fill: bool = True,
        formats: Mapping[str, str] | None = None,
    ) -> None:
        self.features = features
        self.kept = kept
        self.fill = fill
        self.formats = formats

    def fit(self, X: pd.DataFrame, y: Any = None) -> DateParts:  # noqa: ARG002 - scikit-learn's interface
        """Learn what stands in for missing dates."""
        self.middles_: dict[str, float] = {}
        for column in self.kept:
            for part, values in self._parts_of(X[column]).items():
                middle = values.median()
                self.middles_[part] = 0.0 if pd.isna(middle) else float(int(middle))
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the rows with parts in the place of dates."""
        for column in list(X.columns):
            if column in self.kept:
                at = X.columns.get_loc(column) + 1
                for part, values in self._parts_of(X[column]).items():
                    filled = values.fillna(self.middles_[part]) if self.fill else values
                    X.insert(at, part, filled)  # each before the last one, as PyCaret does
            X = X.drop(columns=column)
        return X

    def _parts_of(self, column: pd.Series[Any]) -> dict[str, pd.Series[Any]]:
        dates = column
        if column.dtype.kind != "M":
            written = (self.formats or {}).get(str(column.name))
            dates = pd.to_datetime(column.astype(object), format=written, errors="coerce" if written else "raise")
        return {f"{column.name}_{part}": getattr(dates.dt, part) for part in self.features}


class EmbedTexts(EmbedTextFeatures):  # type: ignore[misc]  # PyCaret is not typed
    """PyCaret's embedding of texts, where a missing text is an empty one."""

    def fit(self, X: pd.DataFrame, y: Any = None) -> EmbedTexts:
        """Learn the words."""
        super().fit(_without_gaps(X), y)
        return self

    def transform(self, X: pd.DataFrame, y: Any = None) -> pd.DataFrame:
        """Return the rows with a column for each word in the place of texts."""
        embedded: pd.DataFrame = super().transform(_without_gaps(X), y)
        return embedded


class GapsImputer(SimpleImputer):  # type: ignore[misc]  # scikit-learn is not typed
    """Scikit-learn's imputer, to which every gap is one: rows from Spark or a parquet file have ``None`` for them.

    A column of text that has no value in the rows of a fold is not dropped, since later steps ask for it by name.
    """

    def fit(self, X: pd.DataFrame, y: Any = None) -> GapsImputer:
        """Learn what stands in for gaps."""
        rows = _with_nan(X)
        empty = [name for name in X.columns if not is_numeric_dtype(X[name]) and X[name].isna().all()]
        super().fit(rows.assign(**dict.fromkeys(empty, NO_TEXT)) if empty else rows, y)
        return self

    def transform(self, X: pd.DataFrame) -> Any:
        """Return the rows without gaps."""
        return super().transform(_with_nan(X))


class SafeNames(BaseEstimator, TransformerMixin):  # type: ignore[misc]  # scikit-learn is not typed
    """Names of columns that every model takes, also those that are made of a column's values.

    Args:
        kept: names that stay as they are.
        blanks: whether names may have blanks, for which LightGBM puts underscores.
    """

    def __init__(self, kept: Sequence[str] = (), *, blanks: bool = True) -> None:
        self.kept = kept
        self.blanks = blanks

    def fit(self, X: pd.DataFrame, y: Any = None) -> SafeNames:  # noqa: ARG002 - scikit-learn's interface
        """Find a name for each column."""
        self.names_ = safe_names(X.columns, self.kept, blanks=self.blanks)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the rows under their new names."""
        return X.rename(columns=self.names_)


class RowsInOrder(TransformerWrapper):  # type: ignore[misc]  # PyCaret is not typed
    """A step that returns rows in the order in which they were given, see `bakeoff.pycaret3.row_order`."""

    def _reorder_cols(self, df: pd.DataFrame, original_df: pd.DataFrame) -> pd.DataFrame:
        return merged_in_order(super()._reorder_cols, df, original_df)


def merged_in_order(
    merge: Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame], changed: pd.DataFrame, rows: pd.DataFrame
) -> pd.DataFrame:
    """Put what a step made of some columns together with the other columns, row by row.

    Args:
        merge: PyCaret's way, which merges by the index and gives the rows that of the first table.
        changed: what the step made; the index can be in any order, and have values more than once.
        rows: what the step was given.
    """
    index = changed.index
    together = merge(changed.reset_index(drop=True), rows)
    rows.index = index
    together.index = index
    return together


def safe_names(names: Iterable[Any], kept: Sequence[str] = (), *, blanks: bool = True) -> Mapping[str, str]:
    """Return the names that change, with what they become: without the characters that models refuse, and each once.

    LightGBM refuses the characters that JSON needs, takes a blank for an underscore, and a name with a tab or a line
    break for several; XGBoost refuses brackets and ``<``.

    Args:
        names: all names of a table.
        kept: those that must not change.
        blanks: whether names may have blanks.

    Example:
        >>> safe_names(["age: 18", "age 18", "size"])
        {'age: 18': 'age 18_2'}
        >>> safe_names(["size [m2]", "floor: no"], kept=["floor: no"])
        {'size [m2]': 'size m2'}
    """
    names = [str(name) for name in names]
    wanted = {name: name if name in kept else _clean(name, blanks=blanks) for name in names}
    staying = {_one_word(name) for name in names if wanted[name] == name}
    changed: dict[str, str] = {}
    seen: set[str] = set()
    for name in names:
        new, number = wanted[name], 1
        taken = seen if new == name else seen | staying  # a name that can stay gives way to none that changes
        while name not in kept and _one_word(new) in taken:
            number, taken = number + 1, seen | staying
            new = f"{wanted[name]}_{number}"
        seen.add(_one_word(new))
        if new != name:
            changed[name] = new
    return changed


def _clean(name: str, *, blanks: bool) -> str:
    cleaned = re.sub(r'[\]\[,{}":<]+', "", _LINE_BREAKS.sub(" ", name)) or "column"
    return cleaned if blanks else _one_word(cleaned)


def _one_word(name: str) -> str:
    return re.sub(r"\s", "_", name)


def _with_nan(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with NaN in the place of ``None``; rows that have none are returned as they are."""
    objects = [name for name in rows.columns if rows[name].dtype == object and rows[name].isna().any()]
    return (
        rows.assign(**{str(name): rows[name].where(rows[name].notna(), np.nan) for name in objects})
        if objects
        else rows
    )


def _without_gaps(texts: pd.DataFrame) -> pd.DataFrame:
    gaps = [name for name in texts.columns if texts[name].isna().any()]
    return texts.assign(**{str(name): texts[name].astype(object).fillna("") for name in gaps}) if gaps else texts
