"""The parameters that tuning may choose for a family of models, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Choice:
    """A parameter that has one of a few values, which JSON can hold."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Range:
    """A parameter that is a number between two others, both of them included.

    Attributes:
        whole: whether it is a whole number.
        log: whether its logarithm is spread evenly, and not the number itself.
    """

    low: float
    high: float
    whole: bool = False
    log: bool = False


Space = Mapping[str, Choice | Range]
"""What each parameter may be, by its name."""
