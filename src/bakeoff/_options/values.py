"""Values of options as they come, from text, numbers and lists.

A value that cannot be used raises an error whose sentence names the option.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bakeoff._utils.platform import expanded
from bakeoff.errors import ConfigError

_PLACEHOLDER = re.compile(r"\{\{.*?\}\}|\$\{.*?\}", re.DOTALL)


def flag(name: str) -> str:
    """Return the command-line flag of an option.

    Example:
        >>> flag("n_select")
        '--n-select'
    """
    return "--" + name.replace("_", "-")


def given(value: Any) -> Any:
    """Return the value, or ``None`` for one that counts as not given: blank text and empty collections."""
    if isinstance(value, str) and value != "\t":  # which is a separator
        value = value.strip()
    return None if value is None or (isinstance(value, (str, list, tuple, Mapping)) and not value) else value


def refuse_placeholder(name: str, value: Any) -> None:
    """Raise a `ConfigError` if a value holds a placeholder that the job's definition should have filled in."""
    if isinstance(value, str) and (match := _PLACEHOLDER.search(value)):
        raise ConfigError(
            f"{flag(name)} still holds {match.group()}, which nobody filled in: "
            "check the parameter's name where the job is defined, or give a value."
        )
    if isinstance(value, Mapping):
        for part in value.items():
            refuse_placeholder(name, part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            refuse_placeholder(name, part)


def parse_text(option: str, value: Any) -> str:
    """Return text, from text, a whole number or a path."""
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ConfigError(f"{option} must be text, not {value!r}: put it in quotes.")
    return str(value)


def parse_path(option: str, value: Any) -> Path:
    """Return a path, with a leading ``~`` expanded."""
    return expanded(parse_text(option, value), option)


def parse_home(option: str, value: Any) -> Path:
    """Return the folder for local files, which is part of the address of MLflow's database."""
    path = parse_path(option, value)
    if "?" in str(path):
        raise ConfigError(
            f"{option} {path} has a question mark, which no address of MLflow's database can have: name another."
        )
    return path


def parse_texts(option: str, value: Any) -> tuple[str, ...]:
    """Return the parts of texts that commas separate, each once."""
    parts = value if isinstance(value, (list, tuple)) else [value]
    split = [piece.strip() for part in parts for piece in parse_text(option, part).split(",")]
    return tuple(dict.fromkeys(piece for piece in split if piece))


def parse_number(option: str, value: Any) -> float:
    """Return a finite number."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if isinstance(value, bool) or number != number or number in {float("inf"), float("-inf")}:  # noqa: PLR0124 - NaN
        raise ConfigError(f"{option} must be a number, not {value!r}.")
    return number


def parse_whole(minimum: int, maximum: int | None = None) -> Callable[[str, Any], int]:
    """Return a parser of whole numbers within bounds."""

    def parse(option: str, value: Any) -> int:
        number = parse_number(option, value)
        if number != int(number) or number < minimum or (maximum is not None and number > maximum):
            limit = f"at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
            raise ConfigError(f"{option} must be a whole number, {limit}, not {value!r}.")
        return int(value) if isinstance(value, (int, str)) and str(value).strip().isdigit() else int(number)

    return parse
