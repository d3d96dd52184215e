"""The writing of a text file: its separator, decimal mark, encoding, header and gaps."""

from __future__ import annotations

from typing import Any

from bakeoff._options.values import parse_text, parse_texts
from bakeoff.errors import ConfigError

_SEPARATORS = {
    "comma": ",",
    "semicolon": ";",
    "tab": "\t",
    "pipe": "|",
    "blank": " ",
    "blanks": " ",
    "space": " ",
    "\\t": "\t",
}


def parse_sep(option: str, value: Any) -> str:
    """Return a separator of columns, from itself or from its word."""
    text = parse_text(option, value)
    sep = _SEPARATORS.get(text.lower(), text)
    if sep.isalnum() or any(character in "\"'\n\r" for character in sep):
        raise ConfigError(
            f"{option} must be what stands between two columns, such as ';' or one of the words "
            f"{', '.join(word for word in _SEPARATORS if word.isalpha())}, not {value!r}."
        )
    return sep


def parse_decimal(option: str, value: Any) -> str:
    """Return a decimal mark, from itself or from its word."""
    mark = {"comma": ",", "point": "."}.get(parse_text(option, value).lower(), str(value))
    if mark not in {",", "."}:
        raise ConfigError(f"{option} must be ',' or '.', not {value!r}.")
    return mark


def parse_encoding(option: str, value: Any) -> str:
    """Return the name of an encoding that Python knows."""
    encoding = parse_text(option, value)
    try:
        "".encode(encoding)
    except LookupError as error:
        raise ConfigError(
            f"{option} {encoding} is no encoding of text: name one such as utf-8, cp1252, latin-1 or utf-16."
        ) from error
    return encoding


def parse_gaps(option: str, value: Any) -> tuple[str, ...]:
    """Return the words that stand for gaps."""
    parts = value if isinstance(value, (list, tuple)) else [value]
    return parse_texts(option, [str(part) if isinstance(part, float) else part for part in parts])


def parse_header(option: str, value: Any) -> str:
    """Return ``yes``, ``no``, or the number of a line."""
    text = {"true": "yes", "false": "no"}.get(str(value).lower(), str(value).lower())
    if text not in {"yes", "no"} and not (text.isdigit() and int(text) > 0):
        raise ConfigError(
            f"{option} must be yes, no, or the number of the line that holds the names of the columns (the first is "
            f"1), not {value!r}."
        )
    return text
