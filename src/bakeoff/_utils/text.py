"""Format text for a single line of output."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable


def one_line(value: object) -> str:
    r"""Return a text on one line, without control characters that a terminal would interpret.

    Example:
        >>> one_line("two\nlines \x1b[31min red")
        'two lines [31min red'
    """
    text = " ".join(str(value).split())
    return "".join(character for character in text if character.isprintable())


def first_line(error: Exception) -> str:
    r"""Return the first line of an error's message, or the name of its class if it has none.

    Example:
        >>> first_line(ValueError("no such table.\nat line 3"))
        'no such table'
    """
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


_CODES = re.compile(r"^\[USER_RAISED_EXCEPTION\] |\s*\bSQLSTATE: \w{5}\b\.?")
"""What Spark 4 puts around the sentence of an error, and what a query says by itself."""


def root_line(error: Exception) -> str:
    r"""Return the message of an error, or of its first cause in Java, without the classes and stacks around it.

    Example:
        >>> root_line(ValueError("[NO_COLUMN] There is no column x.; line 1 pos 7;\n'Project"))
        '[NO_COLUMN] There is no column x.; line 1 pos 7'
        >>> root_line(ValueError("[USER_RAISED_EXCEPTION] Too few rows. SQLSTATE: P0001"))
        'Too few rows'
    """
    text = str(error)
    cause = getattr(error, "java_exception", None)
    while cause is not None:
        text = str(cause.getMessage() or cause.toString())
        cause = cause.getCause()
    first = _CODES.sub("", next(iter(text.strip().splitlines()), ""))
    return one_line(first).rstrip(".;") or type(error).__name__


_SPELLED = {"±": "+/-", "…": "...", "→": "->", "—": "-", "“": '"', "”": '"'}
"""Signs that Bakeoff prints, in ASCII."""


def encodable(text: str, encoding: str | None) -> str:
    """Return a text without the characters that an encoding does not have, spelled in others or as a question mark.

    Example:
        >>> encodable("Tür: 0.9 ± 0.1", "ascii"), encodable("0.9 ± 0.1 …", "latin-1")
        ('T?r: 0.9 +/- 0.1', '0.9 ± 0.1 ...')
    """
    return "".join(_in_encoding(character, encoding or "ascii") for character in text)


def _in_encoding(character: str, encoding: str) -> str:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return _SPELLED.get(character, "?")
    return character


def print_text(text: str) -> None:
    """Print a text on any terminal: what its encoding does not have is spelled otherwise."""
    try:
        sys.stdout.write(f"{text}\n")
    except UnicodeEncodeError:
        sys.stdout.write(f"{encodable(text, sys.stdout.encoding)}\n")


def first_of(names: Iterable[object], limit: int) -> str:
    """Return names for a sentence: all of them, or the first ones and the number of the others.

    Example:
        >>> first_of(["size", "price"], 3), first_of(["size", "price", "rooms"], 1)
        ('size, price', 'size and 2 more')
    """
    every = list(map(str, names))
    return ", ".join(every[:limit]) + (f" and {len(every) - limit} more" if len(every) > limit else "")


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it is not 1.

    Example:
        >>> counted(1, "fold"), counted(1200, "fold")
        ('1 fold', '1,200 folds')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
