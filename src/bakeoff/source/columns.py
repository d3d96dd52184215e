"""Check the columns of a source, convert their types, and drop rows without a target."""

from __future__ import annotations

import datetime as dt
import decimal
import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bakeoff.config import RunConfig
from bakeoff.errors import ConfigError, SourceError
from bakeoff.source.findings import FindingKind, Findings

_MAX_LISTED = 30
"""Number of columns that an error lists."""


def check_columns(columns: Sequence[str] | pd.Index[Any], config: RunConfig) -> None:
    """Check that the columns requested by the config exist, and that there are others besides the target.

    Raises:
        ConfigError: A column does not exist; the sentence names the option and similar columns.
        SourceError: The target is the only column.
    """
    names = list(columns)
    requested = [("--target", config.target), *(("--order-by", column) for column in config.order_by)]
    if config.time_col is not None:
        requested.append(("--time-col", config.time_col))
    for option, name in requested:
        if name not in names:
            similar = difflib.get_close_matches(name, names, n=3, cutoff=0.5) or _equal_but_for_case(name, names)
            listed = ", ".join(names[:_MAX_LISTED]) + (", ..." if len(names) > _MAX_LISTED else "")
            hint = f"did you mean {' or '.join(map(repr, similar))}?" if similar else f"its columns are {listed}."
            raise ConfigError(f"{option}: there is no column {name!r} in {config.source}: {hint}")
    if len(names) == 1:
        raise SourceError(
            f"{config.source} has no column besides the target {config.target!r}: there is nothing to learn from."
        )


def _equal_but_for_case(name: str, names: Sequence[str]) -> list[str]:
    return [other for other in names if other.strip().casefold() == name.strip().casefold()]


def plain_types(frame: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """Convert columns to types that models can use, and drop those that hold no single values.

    Decimals become floats; dates, and times with a time zone, become times without one (in UTC). Columns of bytes,
    arrays or maps are dropped.

    Args:
        frame: the rows; not changed.
        findings: gets one about dropped columns and one about lost dates.
    """
    converted: dict[str, pd.Series[Any]] = {}
    dropped = []
    for name, column in frame.items():
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            converted[str(name)] = column.dt.tz_convert("UTC").dt.tz_localize(None)
        if column.dtype != object:
            continue
        first = next((value for value in column if value is not None and value is not pd.NaT), None)
        if isinstance(first, decimal.Decimal):
            converted[str(name)] = column.astype(float)
        elif isinstance(first, dt.date):
            converted[str(name)] = pd.to_datetime(column, errors="coerce")
            n_lost = int((converted[str(name)].isna() & column.notna()).sum())
            if n_lost:
                sentence = f"{n_lost} dates in {name} are outside of what pandas can hold, and count as missing."
                findings.add(FindingKind.GAPS, sentence, columns=[str(name)], n_affected=n_lost)
        elif isinstance(first, (bytes, bytearray, list, tuple, dict, set, np.ndarray)):
            dropped.append(name)
    if dropped:
        sentence = f"Left out {', '.join(map(str, dropped))}: models cannot use columns of bytes, arrays or maps."
        findings.add(FindingKind.LEFT_OUT, sentence, columns=list(map(str, dropped)))
    return frame.assign(**converted).drop(columns=dropped)


def without_missing_target(frame: pd.DataFrame, target: str, findings: Findings) -> pd.DataFrame:
    """Return the rows that have a value of the target, since PyCaret refuses missing ones.

    Args:
        frame: the rows; not changed.
        target: column to predict.
        findings: gets one about the dropped rows.
    """
    present = frame[target].notna()
    if present.any():  # otherwise `check_target` raises the error
        report_missing_target(int((~present).sum()), target, findings)
        frame = frame[present]
    return frame


def report_missing_target(n_rows: int, target: str, findings: Findings) -> None:
    """Add a finding on the number of rows that were dropped because they have no target."""
    if n_rows:
        sentence = f"Left out {n_rows} {'row' if n_rows == 1 else 'rows'} without a value of the target {target!r}."
        findings.add(FindingKind.LEFT_OUT, sentence, columns=[target], n_affected=n_rows)
