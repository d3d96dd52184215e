"""Checks of arguments of PyCaret's ``setup()`` that name columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from bakeoff._utils.dates import date_format
from bakeoff.source.setup_checks import Argument, some


def columns(argument: Argument) -> list[str]:
    """Return a list of columns; one name alone is a list of one."""
    value = argument.value
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, Iterable) or isinstance(value, Mapping):
        raise argument.error(f"takes a list of columns, not {value!r}")
    return list(dict.fromkeys(argument.column(name) for name in value))


def number_columns(argument: Argument) -> list[str]:
    """Return a list of columns that hold numbers."""
    names = columns(argument)
    for name in names:
        column = argument.frame[name]
        if not pd.api.types.is_numeric_dtype(column):
            example = next(iter(column.dropna()), None)
            raise argument.error(f"names {name!r}, which holds {example!r} and no numbers: leave it out")
    return names


def date_columns(argument: Argument) -> list[str]:
    """Return a list of columns that hold dates, or texts of dates in one format."""
    names = columns(argument)
    for name in names:
        column = argument.frame[name]
        if not pd.api.types.is_datetime64_any_dtype(column) and date_format(column) is None:
            example = next(iter(column.dropna()), None)
            raise argument.error(
                f"names {name!r}, which holds {example!r} and not only dates in one format: "
                "make it a date in the source, or leave it out"
            )
    return names


def text_columns(argument: Argument) -> list[str]:
    """Return a list of columns that hold texts."""
    names = columns(argument)
    for name in names:
        example = next((value for value in argument.frame[name].dropna() if not isinstance(value, str)), None)
        if example is not None:
            raise argument.error(f"names {name!r}, which holds {example!r} and not only texts: leave it out")
    return names


def ranks(argument: Argument) -> dict[str, list[Any]]:
    """Return the values of columns in their order."""
    if not isinstance(argument.value, Mapping):
        raise argument.error(f"""takes columns with their values in order, as in {{"size": ["S", "M", "L"]}}, not \
{argument.value!r}""")
    ranks = {}
    for name, order in argument.value.items():
        column = argument.frame[argument.column(name)]
        if isinstance(order, str) or not isinstance(order, Iterable):
            raise argument.error(f"takes a list of the values of {name!r} in their order, not {order!r}")
        ranks[name] = list(order)
        values = list(column.dropna().unique())
        if not set(ranks[name]) & set(values):
            raise argument.error(f"ranks values of {name!r} that it does not hold: it holds {some(values)}")
    return ranks


def groups_of_columns(argument: Argument) -> dict[str, list[str]]:
    """Return lists of columns of numbers, by the name of each group."""
    if not isinstance(argument.value, Mapping):
        raise argument.error(f"""takes names with lists of columns, as in {{"sizes": ["width", "height"]}}, not \
{argument.value!r}""")
    return {
        str(name): number_columns(Argument(argument.name, columns, argument.frame, argument.target))
        for name, columns in argument.value.items()
    }


def fold_groups(argument: Argument) -> Any:
    """Return a column's name, or a group for each row, which `bakeoff.source.fold_groups` has lined up with them."""
    value = argument.value
    if isinstance(value, str):
        argument.column(value)
        value = argument.frame[value]
    if n_missing := int(pd.isna(value).sum()):
        raise argument.error(f"says nothing for {n_missing} {'row' if n_missing == 1 else 'rows'}: each needs a group")
    return argument.value


def stratify(argument: Argument) -> Any:
    """Return whether to stratify, or the columns to stratify by, the target among them."""
    if isinstance(argument.value, bool):
        return argument.value
    value = [argument.value] if isinstance(argument.value, str) else argument.value
    if not isinstance(value, Iterable):
        raise argument.error(f"takes true, false or a list of columns, not {argument.value!r}")
    return [name if name == argument.target else argument.column(name) for name in value]


def parts_of_dates(argument: Argument) -> list[str]:
    """Return the parts of dates that become columns."""
    value = [argument.value] if isinstance(argument.value, str) else list(argument.value)
    for part in value:
        if not isinstance(part, str) or not hasattr(pd.Series(dtype="datetime64[ns]").dt, part):
            raise argument.error(
                f"names {part!r}, which is no part of a date: use day, month, year, hour, weekday and the like"
            )
    return value
