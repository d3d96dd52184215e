"""The columns of a source: there, of types that models can use, and a target in every row."""

from __future__ import annotations

import datetime as dt
import decimal
import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bakeoff.config import RunConfig
from bakeoff.errors import UserError

_LIST_AT_MOST = 30


def check_columns(columns: Sequence[str] | pd.Index[Any], config: RunConfig) -> None:
    """Raise a `UserError` where a column that was named is not there, or the target is the only one."""
    known = list(columns)
    wanted = [("--target", config.target), *(("--order-by", name) for name in config.order_by)]
    if config.time_col is not None:
        wanted.append(("--time-col", config.time_col))
    for option, name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or _same_letters(name, known)
            some = ", ".join(known[:_LIST_AT_MOST]) + (", ..." if len(known) > _LIST_AT_MOST else "")
            hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"its columns are {some}."
            raise UserError(f"{option}: there is no column {name!r} in {config.source}: {hint}")
    if len(known) == 1:
        raise UserError(
            f"{config.source} has no column besides the target {config.target!r}: there is nothing to learn from."
        )


def _same_letters(name: str, known: Sequence[str]) -> list[str]:
    return [other for other in known if other.strip().casefold() == name.strip().casefold()]


def plain_types(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Decimals as floats, dates and times without zone as times; what is no value at all is left out."""
    changed: dict[str, pd.Series[Any]] = {}
    left_out = []
    for name, column in frame.items():
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            changed[str(name)] = column.dt.tz_convert("UTC").dt.tz_localize(None)
        if column.dtype != object:
            continue
        first = next((value for value in column if value is not None and value is not pd.NaT), None)
        if isinstance(first, decimal.Decimal):
            changed[str(name)] = column.astype(float)
        elif isinstance(first, dt.date):
            changed[str(name)] = pd.to_datetime(column, errors="coerce")
            lost = int((changed[str(name)].isna() & column.notna()).sum())
            if lost:
                notes.append(f"{lost} dates in {name} are outside of what pandas can hold, and count as missing.")
        elif isinstance(first, (bytes, bytearray, list, tuple, dict, set, np.ndarray)):
            left_out.append(name)
    if left_out:
        notes.append(f"Left out {', '.join(map(str, left_out))}: models cannot use columns of bytes, arrays or maps.")
    return frame.assign(**changed).drop(columns=left_out)


def without_missing_target(frame: pd.DataFrame, target: str, notes: list[str]) -> pd.DataFrame:
    """PyCaret refuses a target with holes, so the rows without one are left out, and that is said."""
    present = frame[target].notna()
    if present.any():  # else the check of the target has the word
        note_missing_target(int((~present).sum()), target, notes)
        frame = frame[present]
    return frame


def note_missing_target(n_rows: int, target: str, notes: list[str]) -> None:
    """Say how many rows were left out for want of a target, if any were."""
    if n_rows:
        notes.append(f"Left out {n_rows} {'row' if n_rows == 1 else 'rows'} without a value of the target {target!r}.")
