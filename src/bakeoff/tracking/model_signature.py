"""What a logged model takes, returns and needs: the schemas of its rows and predictions, and its packages."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import pandas as pd
from mlflow.types import ColSpec, DataType, Schema

_ALWAYS_NEEDED = (
    "pycaret-core", "pycaret", "scikit-learn", "imbalanced-learn", "category-encoders",
    "pandas", "numpy", "scipy", "joblib", "cloudpickle",
)  # fmt: skip


def input_schema(raw_rows: pd.DataFrame) -> Schema:
    """Return the schema of the pipeline's input columns, typed so that it accepts any raw row of the same source.

    Every column is required, and all may have missing values: an optional column would keep `mlflow.pyfunc.spark_udf`
    from finding its columns by itself.
    """
    return Schema([ColSpec(_column_type(raw_rows[name]), str(name)) for name in raw_rows.columns])


def pip_requirements(pipeline: Any) -> list[str]:
    """Return the packages that are needed to load the pipeline, at exactly the versions that are installed here."""
    owners = importlib.metadata.packages_distributions()
    names = set(_ALWAYS_NEEDED)
    for part in [pipeline, *pipeline.get_params(deep=True).values()]:
        for cls in type(part).__mro__:
            names.update(owners.get(cls.__module__.partition(".")[0], ()))
    names.discard("bakeoff")
    return sorted(f"{name}=={version}" for name in names if (version := _installed_version(name)))


def output_schema(pipeline: Any, example: pd.DataFrame) -> Schema:
    """Return the type of a prediction, from predicting the example, which also checks that raw rows are accepted."""
    kind = pd.api.types.infer_dtype(pd.Series(pipeline.predict(example)), skipna=True)
    kinds = {"integer": DataType.long, "floating": DataType.double, "boolean": DataType.boolean}
    return Schema([ColSpec(kinds.get(kind, DataType.string), "prediction")])


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
        return _any_type() or DataType.long
    if kind in ("floating", "mixed-integer-float"):
        whole = bool((column.dropna() % 1 == 0).all())
        return (_any_type() if whole else None) or DataType.double
    return _any_type() or DataType.string  # MLflow lets every object pass as a string


def _any_type() -> Any:
    try:
        from mlflow.types.schema import AnyType
    except ImportError:
        return None
    return AnyType()


def _installed_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
