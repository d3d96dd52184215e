"""Enums whose members are words, as in a table or on the command line."""

from __future__ import annotations

from enum import Enum


class WordEnum(str, Enum):
    """A set of words; each prints as itself, as in ``enum.StrEnum`` of Python 3.11."""

    def __str__(self) -> str:
        return str(self.value)
