"""Inputs of a logged model: the schema of its columns, an example, and what turns raw rows into them."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any

import pandas as pd
from mlflow.types import ColSpec, DataType, Schema

from bakeoff._utils.raw_rows.conversions import PLAIN, SAME, TRUTH, WRITTEN
from bakeoff._utils.raw_rows.numpy_columns import numpy_column
from bakeoff._utils.raw_rows.rows import RawRows

_AS_DECLARED = {SAME, PLAIN, TRUTH}
"""Conversions of values that MLflow knows the type of, unless they are held in one of pandas' extension types."""


@dataclass(frozen=True)
class Entrance:
    """Part in front of a pipeline that takes other columns than the source has.

    Attributes:
        raw_rows: transformer from raw rows to the columns that the pipeline takes.
        example: a few raw rows.
    """

    raw_rows: RawRows
    example: pd.DataFrame

    @property
    def conversions(self) -> dict[str, str]:
        """Conversions of the raw values of columns, by name, where they do not stay what they are."""
        return {
            str(column.name): column.kind
            for column in self.raw_rows.columns
            if column.kind not in {SAME, PLAIN, TRUTH}
            or pd.api.types.is_extension_array_dtype(self.example[column.name])
        }

    @property
    def words(self) -> dict[str, list[str]]:
        """The words that are values of a column and that pandas takes for gaps, by name."""
        return {str(column.name): list(column.words) for column in self.raw_rows.columns if column.words}

    def before(self, pipeline: Any) -> Any:
        """Return a pipeline that takes raw rows."""
        pipeline = copy(pipeline)
        pipeline.steps = [("raw_rows", self.raw_rows), *pipeline.steps]
        return pipeline

    def schema(self, rows: pd.DataFrame) -> Schema:
        """Return the schema of the raw columns: the values of those that are converted may be of any type."""
        types = {spec.name: spec.type for spec in input_schema(rows).inputs}
        columns = self.raw_rows.columns
        lenient = {name: any_type() or DataType.string for name in self.conversions}
        return Schema([ColSpec(lenient.get(str(each.name), types[each.inner]), str(each.name)) for each in columns])

    def rows(self) -> pd.DataFrame:
        """Return the example, with text for values that JSON does not know."""
        rows = self.example[[column.name for column in self.raw_rows.columns]].rename(columns=str)
        unknown = [name for name, kind in self.conversions.items() if kind not in {PLAIN, TRUTH, WRITTEN}]
        plain = {name: numpy_column(rows[name]).astype(object) for name in self.conversions}
        texts = {name: plain[name].map(str, na_action="ignore").where(plain[name].notna(), None) for name in unknown}
        return plain_categories(rows.assign(**plain).assign(**texts))


def input_schema(raw_rows: pd.DataFrame) -> Schema:
    """Return the schema of the pipeline's input columns, typed so that it accepts any raw row of the same source.

    Every column is required, and all may have missing values: an optional column would keep `mlflow.pyfunc.spark_udf`
    from finding its columns by itself.
    """
    return Schema([ColSpec(_column_type(raw_rows[name]), str(name)) for name in raw_rows.columns])


def _column_type(column: pd.Series[Any]) -> Any:
    """Return a type that accepts the column with and without missing values, however the reader typed it.

    MLflow converts neither int64 to double nor a float with gaps to long, and pandas reads the same column of whole
    numbers as either, depending on whether the rows at hand have gaps. So whole numbers are declared as any type, if
    this MLflow supports it.
    """
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "categorical":
        kind = pd.api.types.infer_dtype(column.cat.categories, skipna=True)
    if kind in ("string", "empty"):
        return DataType.string
    if kind == "boolean":
        return DataType.boolean
    if kind == "datetime64" and getattr(column.dt, "tz", None) is None:
        return DataType.datetime
    if kind == "integer":
        return any_type() or DataType.long
    if kind in ("floating", "mixed-integer-float"):
        whole = bool((column.dropna() % 1 == 0).all())
        return (any_type() if whole else None) or DataType.double
    return any_type() or DataType.string  # MLflow lets every object pass as a string


def any_type() -> Any:
    """Return MLflow's type of a column that may hold anything; ``None`` if this MLflow has none."""
    try:
        from mlflow.types.schema import AnyType
    except ImportError:
        return None
    return AnyType()


def plain_categories(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with pandas' categories as objects, because MLflow's checks do not accept them as strings."""
    categories = [name for name in rows.columns if isinstance(rows[name].dtype, pd.CategoricalDtype)]
    return rows.astype(dict.fromkeys(categories, object))
