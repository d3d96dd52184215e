"""The rows that nothing is chosen by: the options that say which they are, and what they do not go with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from bakeoff._options.values import flag
from bakeoff.errors import ConfigError


class SplitOptions(Protocol):
    """The options of a run that say which rows are held out, and those that this depends on."""

    @property
    def target(self) -> str:
        """The column to predict."""

    @property
    def task(self) -> str | None:
        """The task, if it was named."""

    @property
    def setup(self) -> Mapping[str, Any]:
        """Further arguments of PyCaret's ``setup()``."""

    @property
    def holdout(self) -> float | None:
        """The share of the rows."""

    @property
    def split_time(self) -> str | None:
        """The column by whose times the newest rows are held out."""

    @property
    def split_col(self) -> str | None:
        """The column that says of each row what it is for."""


def check_split(options: SplitOptions) -> None:
    """Refuse options that say which rows are held out where they contradict each other, or something else.

    Raises:
        ConfigError: They do.
    """
    given = [name for name in ("holdout", "split_time", "split_col") if getattr(options, name) is not None]
    if options.task == "time_series" and given:
        raise ConfigError(f"{flag(given[0])} is for tables, not for time series: leave it out.")
    if given and "train_size" in options.setup:
        raise ConfigError(f"{flag(given[0])} and 'train_size' in --setup say the same: leave one of them out.")
    if options.split_col is not None and len(given) > 1:
        raise ConfigError(f"--split-col says which rows are held out, and so does {flag(given[0])}: leave one out.")
    for name in ("split_time", "split_col"):
        if getattr(options, name) == options.target:
            raise ConfigError(f"{flag(name)} and --target are both {options.target!r}: name another column.")
        if getattr(options, name) is not None and options.setup.get("data_split_stratify"):
            raise ConfigError(
                f"{flag(name)} says which rows are held out, so 'data_split_stratify' in --setup does nothing: leave "
                "it out."
            )
