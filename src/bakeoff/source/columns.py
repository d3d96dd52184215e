"""Check that a source has the columns that are named, and drop rows without a target."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import pandas as pd

from bakeoff._options.values import flag
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
    optional = {option: getattr(config, option) for option in ("time_col", "split_time", "split_col")}
    requested += [(flag(option), name) for option, name in optional.items() if name is not None]
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


def without_missing_target(frame: pd.DataFrame, target: str, findings: Findings) -> pd.DataFrame:
    """Return the rows that have a value of the target, since PyCaret refuses missing ones.

    Args:
        frame: the rows; not changed.
        target: column to predict.
        findings: gets one about the dropped rows.
    """
    present = frame[target].notna()
    if present.any():  # otherwise `check_target` raises the error
        n_missing = int((~present).sum())
        report_missing_target(n_missing, target, findings)
        frame = frame[present]
    return frame


def report_missing_target(n_rows: int, target: str, findings: Findings) -> None:
    """Add a finding on the number of rows that were dropped because they have no target."""
    if n_rows:
        sentence = f"Left out {n_rows} {'row' if n_rows == 1 else 'rows'} without a value of the target {target!r}."
        findings.add(FindingKind.LEFT_OUT, sentence, columns=[target], n_affected=n_rows)
