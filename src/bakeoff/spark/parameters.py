"""Parameters of SQL, put into the statement as literals.

Spark 4.1 puts parameters into a statement before it is parsed, which the parser that Delta brings does not do, so that
``spark.sql(statement, args)`` fails with Delta in Spark 4.1 and 4.2.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_PIECE = re.compile(
    r"""
    '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*" | `[^`]*`     # texts and names
    | --[^\n]* | /\*.*?\*/                              # comments
    | ::                                                # casts
    | (?<![\w)\]`'":]):(?P<name>[A-Za-z_]\w*)           # parameters, but not fields of JSON
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN = re.compile(r"[^'\\$\x00-\x1f]*")


def sql(spark: SparkSession, statement: str, values: Mapping[str, object]) -> DataFrame:
    """Run a statement with values for its parameters; about one without, Spark itself complains."""
    return spark.sql(bound(statement, values))


def bound(statement: str, values: Mapping[str, object]) -> str:
    """Return a statement with literals in place of its parameters.

    Example:
        >>> bound("SELECT ':a', x::int FROM t WHERE a = :a AND b > :b -- :c", {"a": "it's", "b": 3})
        "SELECT ':a', x::int FROM t WHERE a = CAST(unbase64('aXQncw==') AS STRING) AND b > 3 -- :c"
    """

    def piece(found: re.Match[str]) -> str:
        name = found["name"]
        return literal(values[name]) if name in values else found[0]

    return _PIECE.sub(piece, statement)


def literal(value: object) -> str:
    """Return a value as a literal that reads the same under all settings of Spark's parser.

    Example:
        >>> [literal(value) for value in ("a b", None, True, 3, 0.5)]
        ["'a b'", 'NULL', 'true', '3', "double('0.5')"]
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"double('{value!r}')"
    text = str(value)
    if _PLAIN.fullmatch(text):
        return f"'{text}'"
    # Whether backslashes escape, and whether ${...} is replaced, is a matter of settings.
    return f"CAST(unbase64('{base64.b64encode(text.encode()).decode()}') AS STRING)"
