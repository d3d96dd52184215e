"""Checks of single arguments of PyCaret's ``setup()``: numbers, words and objects."""

from __future__ import annotations

import difflib
import numbers
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bakeoff.errors import ConfigError
from bakeoff.source.names import shown_names

_MAX_LISTED = 12
"""Number of columns that an error lists."""


@dataclass(frozen=True)
class Argument:
    """One argument of ``setup()``, and the rows that it is for.

    Attributes:
        name: its name.
        value: what was given.
        frame: the rows.
        target: the column to predict.
    """

    name: str
    value: Any
    frame: pd.DataFrame
    target: str

    def error(self, problem: str) -> ConfigError:
        """Return the error that says what is wrong with the argument."""
        return ConfigError(f"--setup: {self.name!r} {problem}.")

    def column(self, name: Any) -> str:
        """Return the name of a column of features, which may be given as the source has it: on several lines.

        Raises:
            ConfigError: There is no such column, or it is the target.
        """
        if isinstance(name, str) and name not in self.frame.columns:
            (name,) = shown_names([name])
        if name == self.target:
            raise self.error(f"names the target {name!r}, which is no feature: leave it out")
        if name not in self.frame.columns:
            raise self.error(f"names {name!r}, which is no column: {instead(name, self.frame.columns)}")
        return str(name)


Check = Callable[[Argument], Any]
"""Returns the value that ``setup()`` gets, or raises a `ConfigError` that names the argument."""


def true_or_false(argument: Argument) -> bool:
    """Return a truth value, pandas' and numpy's among them."""
    if not isinstance(argument.value, bool) and type(argument.value).__name__ != "bool_":
        raise argument.error(f"takes true or false, not {argument.value!r}")
    return bool(argument.value)


def one_of(*choices: str, case: bool = False, others: Check | None = None) -> Check:
    """Return a check for one of some words, or for what is no text and passes another check."""

    def check(argument: Argument) -> Any:
        value = argument.value
        if isinstance(value, str):
            if (value if case else value.lower()) in choices:
                return value
            close = difflib.get_close_matches(value.lower(), choices, n=1)
            hint = f"the nearest is {close[0]!r}" if close else f"choose from {', '.join(choices)}"
            raise argument.error(f"cannot be {value!r}: {hint}")
        if others is None:
            raise argument.error(f"takes one of {', '.join(choices)}, not {value!r}")
        return others(argument)

    return check


def number(
    least: float | None = None, most: float | None = None, *, whole: bool = False, between: bool = False
) -> Check:
    """Return a check for a number in a range, which the limits belong to unless it lies ``between`` them."""

    def check(argument: Argument) -> Any:
        value: Any = argument.value
        is_number = isinstance(value, numbers.Integral if whole else numbers.Real) and not isinstance(value, bool)
        outside = (
            not is_number
            or value != value  # noqa: PLR0124 - NaN
            or (least is not None and (value <= least if between else value < least))
            or (most is not None and (value >= most if between else value > most))
        )
        if outside:
            wanted = "a whole number" if whole else "a number"
            if least is not None and most is not None:
                wanted += f" between {least} and {most}" if between else f" from {least} to {most}"
            elif least is not None:
                wanted += f" above {least}" if between else f" of at least {least}"
            raise argument.error(f"takes {wanted}, not {value!r}")
        return value

    return check


def model(argument: Argument) -> Any:
    """Return the id of a model, or an estimator."""
    if not isinstance(argument.value, str) and not hasattr(argument.value, "fit"):
        raise argument.error(f"takes the id of a model, such as 'lightgbm', not {argument.value!r}")
    return argument.value


def estimator(method: str) -> Check:
    """Return a check for an object that has a method."""

    def check(argument: Argument) -> Any:
        if not hasattr(argument.value, method):
            raise argument.error(f"takes an object with a method {method}(), not {argument.value!r}")
        return argument.value

    return check


def split(argument: Argument) -> Any:
    """Return the name of a way to split, or a splitter."""
    if not hasattr(argument.value, "split"):
        raise argument.error(f"takes a name or a splitter, not {argument.value!r}")
    return argument.value


def gpu(argument: Argument) -> Any:
    """Return whether to use a GPU, or that there has to be one."""
    if argument.value == "force" or isinstance(argument.value, bool):
        return argument.value
    raise argument.error(f"takes true, false or 'force', not {argument.value!r}")


def instead(name: Any, columns: Iterable[Any]) -> str:
    """Return the end of a sentence about a name that no column has."""
    names = list(map(str, columns))
    similar = difflib.get_close_matches(str(name), names, n=2, cutoff=0.6)
    similar = similar or [other for other in names if other.strip().casefold() == str(name).strip().casefold()]
    if similar:
        return f"the nearest is {' or '.join(map(repr, similar))}"
    return f"the columns are {', '.join(names[:_MAX_LISTED])}" + (", ..." if len(names) > _MAX_LISTED else "")


def some(values: list[Any]) -> str:
    """Return the first of some values as text."""
    return ", ".join(map(repr, values[:_MAX_LISTED])) + (", ..." if len(values) > _MAX_LISTED else "")
