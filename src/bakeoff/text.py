"""Text from elsewhere, made fit for a line of our own."""

from __future__ import annotations


def one_line(value: object) -> str:
    r"""A text on one line, without control characters that a terminal would obey.

    Example:
        >>> one_line("two\nlines \x1b[31min red")
        'two lines [31min red'
    """
    text = " ".join(str(value).split())
    return "".join(character for character in text if character.isprintable())
