"""Limits, margins and the steps of a forecast."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from bakeoff._options.values import given, parse_number, parse_whole
from bakeoff.errors import ConfigError

_STEPS = re.compile(r"(\d+)\s*-\s*(\d+)")
_MAX_STEPS = 10_000
FAMILIES_KEPT = 3
"""Number of families of a race that run on all folds in any case, if no other number is asked for."""
_SWITCH = {**dict.fromkeys(("yes", "true", "on"), FAMILIES_KEPT), **dict.fromkeys(("no", "false", "off"), 0)}


def parse_above_zero(hint: str) -> Callable[[str, Any], float]:
    """Return a parser of numbers above 0.

    Args:
        hint: what to do, or why, as the end of the error.
    """

    def parse(option: str, value: Any) -> float:
        number = parse_number(option, value)
        if number <= 0:
            raise ConfigError(f"{option} must be more than 0, not {value!r}: {hint}.")
        return number

    return parse


def parse_from_zero(hint: str, least: str = "0") -> Callable[[str, Any], float]:
    """Return a parser of numbers that are not below 0.

    Args:
        hint: what to do, or why, as the end of the error.
        least: the least number, with its unit.
    """

    def parse(option: str, value: Any) -> float:
        number = parse_number(option, value)
        if number < 0:
            raise ConfigError(f"{option} must be at least {least}, not {value!r}: {hint}.")
        return number

    return parse


def parse_race(option: str, value: Any) -> int:
    """Return how many families of a race run on all folds in any case, 0 for no race."""
    word = str(value).strip().lower()
    if word in _SWITCH:
        return _SWITCH[word]
    try:
        return parse_whole(0)(option, value)
    except ConfigError as error:
        raise ConfigError(
            f"{option} must be yes, no, or the number of families that run on all folds in any case, not {value!r}."
        ) from error


def parse_tune(option: str, value: Any) -> int:
    """Return how many families are tuned, 0 for none.

    Raises:
        ConfigError: It is no such number, or Optuna is needed and not installed.
    """
    word = str(value).strip().lower()
    if word in _SWITCH and not _SWITCH[word]:
        return 0
    try:
        n_families = parse_whole(0)(option, value)
    except ConfigError as error:
        raise ConfigError(f"{option} must be no, or the number of families that are tuned, not {value!r}.") from error
    if n_families and find_spec("optuna") is None:
        raise ConfigError(f"{option} needs Optuna, which is not installed: pip install 'bakeoff[tune]'.")
    return n_families


def parse_horizon(option: str, value: Any) -> int | tuple[int, ...]:
    """Return a number of steps ahead, or the steps themselves in order."""
    parts = list(value) if isinstance(value, (list, tuple)) else str(value).strip("[]() ").split(",")
    steps = tuple(step for part in parts if given(part) is not None for step in _parse_steps(option, part))
    if not steps:
        raise ConfigError(
            f"{option} must be a number of steps or the steps themselves, as in 12, 1,2,3 or 4-6, not {value!r}."
        )
    is_list = isinstance(value, (list, tuple)) or re.search(r"[,\[(]|\d\s*-", str(value)) is not None
    return tuple(sorted(set(steps))) if is_list else steps[0]


def _parse_steps(option: str, part: Any) -> tuple[int, ...]:
    """Read one step ahead, or the steps from one to another."""
    ends = _STEPS.fullmatch(part.strip()) if isinstance(part, str) else None
    if ends is None:
        return (parse_whole(1)(option, part),)
    first, last = parse_whole(1)(option, ends.group(1)), parse_whole(1)(option, ends.group(2))
    if last < first or last - first > _MAX_STEPS:
        raise ConfigError(f"{option} must go from a nearer step to a farther one, as in 4-6, not {part!r}.")
    return tuple(range(first, last + 1))


def parse_share(option: str, value: Any) -> float:
    """Return a share between 0 and 1, without the ends."""
    share = parse_number(option, value)
    if not 0 < share < 1:
        raise ConfigError(f"{option} must be a share of the rows between 0 and 1, as in 0.2, not {value!r}.")
    return share
