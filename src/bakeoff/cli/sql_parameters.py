"""Values for the parameters of a statement of SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from bakeoff.errors import ConfigError
from bakeoff.source.locate import name_parts
from bakeoff.storage.location import quoted

_NAME = re.compile(r"[A-Za-z_]\w*")
_NAMED_TABLE = re.compile(r"\bIDENTIFIER\(\s*:(\w+)\s*\)", re.IGNORECASE)


def read_parameters(texts: Iterable[str]) -> dict[str, str]:
    """Take texts such as ``days=30`` apart.

    Example:
        >>> read_parameters(["days=30", "scored=main.sales.scored"])
        {'days': '30', 'scored': 'main.sales.scored'}

    Raises:
        ConfigError: One is not of this form.
    """
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise ConfigError(f"--param {text!r} is not of the form NAME=VALUE, as in --param days=30.")
        values[name] = value
    return values


def with_named_tables(query: str, values: Mapping[str, str]) -> str:
    """Write the tables that ``IDENTIFIER(:name)`` stands for into a query, so that it shows what it reads.

    Example:
        >>> with_named_tables("SELECT * FROM IDENTIFIER(:scored)", {"scored": "main.scored"})
        'SELECT * FROM `main`.`scored`'

    Raises:
        ConfigError: A value is missing, or cannot be the name of a table.
    """

    def table(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in values:
            raise ConfigError(f"The query asks for a table {name!r}: add --param {name}=TABLE.")
        parts = name_parts(values[name])
        if parts is None:
            raise ConfigError(f"--param {name}={values[name]} is not the name of a table.")
        return ".".join(map(quoted, parts))

    return _NAMED_TABLE.sub(table, query)
