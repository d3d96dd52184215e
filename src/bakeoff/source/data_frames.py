"""Data frames of a table's rows, also where times are in years that pandas' nanoseconds do not reach."""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bakeoff.storage.location import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def to_pandas(table: DataFrame) -> pd.DataFrame:
    """Return the rows of Spark's data frame; times are without a zone, in that of the session.

    Many tables say "until further notice" by 9999-12-31, where ``toPandas`` fails. Then times travel as text.
    """
    try:
        with warnings.catch_warnings():
            # The error is raised all the same.
            warnings.filterwarnings("ignore", "toPandas attempted Arrow optimization", UserWarning)
            return in_nanoseconds(table.toPandas())
    except ValueError:  # by pandas or Arrow, depending on Spark's version
        times = [name for name, kind in table.dtypes if kind.startswith("timestamp")]
        if not times:
            raise
    columns = [
        f"CAST({quoted(name)} AS STRING) AS {quoted(name)}" if name in times else quoted(name) for name in table.columns
    ]
    frame: pd.DataFrame = table.selectExpr(*columns).toPandas()
    return in_nanoseconds(frame.assign(**{name: np.array(frame[name], dtype="datetime64[us]") for name in times}))


def in_nanoseconds(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a data frame with times of the unit that pandas has by default, wherever that reaches them.

    Example:
        >>> times = pd.to_datetime(["2024-01-01", "2024-01-02"]).as_unit("us")
        >>> in_nanoseconds(pd.DataFrame({"at": times})).dtypes["at"]
        dtype('<M8[ns]')
    """
    frame = frame.copy(deep=False)
    for name in frame.select_dtypes("datetime").columns:
        with contextlib.suppress(pd.errors.OutOfBoundsDatetime):
            frame[name] = frame[name].astype("datetime64[ns]")
    return frame
