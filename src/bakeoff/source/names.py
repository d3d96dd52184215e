"""Names of columns: as people see them, and as PyCaret does, where those of the source would not do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from bakeoff._utils.text import first_of

_REFUSED = re.compile(r'[\]\[,{}":]+')
"""Characters that LightGBM refuses, and which PyCaret removes only after some of its own steps."""
_RESERVED = frozenset({"prediction_label", "prediction_score"})
"""Names that PyCaret gives to columns of its own."""
_DROPPED = "__drop__"
"""Ending of names whose columns PyCaret drops."""
_LINES = re.compile(r"\s*[\r\n\t]+\s*")
_LONGEST = 200
_NAMED = 8
"""Number of columns that a sentence names."""
_DATE_PARTS = ("day", "month", "year", "hour", "minute", "second")


def shown_names(columns: Iterable[Any]) -> list[str]:
    r"""Return the names of columns as text of one line without blanks around it, where that leaves them distinct.

    Example:
        >>> shown_names(["age", " income", "price\n(net)", 7, " age", ""])
        ['age', 'income', 'price (net)', '7', ' age', 'unnamed']
    """
    raw = [str(name) for name in columns]
    plain = [_LINES.sub(" ", name).strip() or "unnamed" for name in raw]
    taken = {name for name in raw if name in plain}
    shown: list[str] = []
    for name, short in zip(raw, plain, strict=True):
        wanted = name if name in taken and name not in shown else short
        if wanted in shown or (wanted in taken and wanted != name):
            wanted = _free(name, {*shown, *taken})
        shown.append(wanted)
    return shown


def inner_names(frame: pd.DataFrame) -> dict[str, str]:
    """Return the names inside PyCaret of the columns that cannot keep their own there.

    Example:
        >>> inner_names(pd.DataFrame(columns=["size [m2]", "size m2", "rooms"]))
        {'size [m2]': 'size m2_2'}
    """
    clashing = _clashing(frame)
    taken = {name for name in frame.columns if _usable(name) and name not in clashing}
    names = {}
    for name in frame.columns:
        if name not in taken:
            plain = _REFUSED.sub("", name)[:_LONGEST].strip().replace(_DROPPED, "drop")
            names[name] = _free(plain or "column", {*taken, *clashing, *_RESERVED})
            taken.add(names[name])
    return names


def listed(names: Iterable[str]) -> str:
    """Return names for a sentence: all of them, or the first ones and the number of the others.

    Example:
        >>> listed(["size", "price", "rooms"])
        'size, price, rooms'
    """
    return first_of(names, _NAMED)


def inside(value: Any, names: Mapping[Any, str]) -> Any:
    """Return an argument of setup() with the names of columns that they have inside PyCaret.

    Example:
        >>> inside({"group_features": {"sizes": ["size [m2]", "rooms"]}}, {"size [m2]": "size m2"})
        {'group_features': {'sizes': ['size m2', 'rooms']}}
    """
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, Mapping):
        return {inside(key, names): inside(each, names) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(inside(each, names) for each in value)
    return value


def _usable(name: str) -> bool:
    refused = name in _RESERVED or len(name) > _LONGEST or name.endswith(_DROPPED) or _REFUSED.search(name)
    return not refused


def _free(plain: str, taken: set[str]) -> str:
    if plain not in taken:
        return plain
    return next(name for number in range(2, len(taken) + 3) if (name := f"{plain}_{number}") not in taken)


def _clashing(frame: pd.DataFrame) -> set[str]:
    """Return the names that PyCaret would give to parts of another column: ``day_month``, or ``place_north``."""
    names = {str(name) for name in frame.columns}
    clashing: set[str] = set()
    for name, column in frame.items():
        longer = {other for other in names if other.startswith(f"{name}_")}
        if not longer or pd.api.types.is_numeric_dtype(column):
            continue
        if pd.api.types.is_datetime64_any_dtype(column):
            parts: Iterable[Any] = _DATE_PARTS
        else:
            parts = column.dropna().unique()
        clashing |= longer & {f"{name}_{part}" for part in parts}
    return clashing
