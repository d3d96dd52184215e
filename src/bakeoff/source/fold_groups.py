"""Groups of rows that stay together in folds, given as one value for each row of the source."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd

from bakeoff.config import RunConfig
from bakeoff.errors import ConfigError

_COLUMN = "\0fold_groups"
"""Name that no column has, under which the groups go with their rows."""


def with_groups(frame: pd.DataFrame, config: RunConfig, *, ordered: bool) -> pd.DataFrame:
    """Return the rows with their groups beside them, so that rows that are sorted or dropped keep theirs.

    Args:
        frame: all rows, as they are in the source; not changed.
        config: arguments of ``setup()``.
        ordered: whether the rows of the source have an order.

    Raises:
        ConfigError: There are not as many groups as rows.
    """
    groups = config.setup.get("fold_groups")
    if groups is None or isinstance(groups, str):
        return frame
    if not isinstance(groups, Collection):
        raise ConfigError(
            f"--setup: 'fold_groups' takes the name of a column, or a group for each row, not {groups!r}."
        )
    if not ordered:
        raise ConfigError(
            "--setup: 'fold_groups' is a list, and the rows of a table have no order: name a column of groups instead."
        )
    if len(groups) != len(frame):
        raise ConfigError(
            f"--setup: 'fold_groups' has {len(groups)} values, and {config.source} has {len(frame)} rows: "
            "give one for each row, or name a column."
        )
    return frame.assign(**{_COLUMN: list(groups)})


def without_groups(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series[Any] | None]:
    """Return the rows, and apart from them the groups that `with_groups` put beside them."""
    if _COLUMN not in frame.columns:
        return frame, None
    return frame.drop(columns=_COLUMN), frame[_COLUMN].rename("fold_groups")
