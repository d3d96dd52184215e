"""Destination of scored rows: a csv or parquet file, a Delta folder, or a table of the metastore."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bakeoff._options.values import given, refuse_placeholder
from bakeoff._utils.platform import expanded, on_databricks
from bakeoff.errors import ConfigError
from bakeoff.source.locate import name_parts
from bakeoff.storage.location import ResultsLocation, quoted
from bakeoff.storage.schema import TABLES, VIEWS

_FILES = {".csv": "csv", ".parquet": "parquet"}
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:/")


@dataclass(frozen=True)
class Destination:
    """Destination of scored rows.

    Attributes:
        name: Name as it was given.
        kind: ``csv``, ``parquet`` or ``table``.
        file: The file, if it is csv or parquet.
        sql: Name of the table in SQL.
        folder: Folder beside a Delta table on this machine, for the lock by which its writers take turns.
        plain: Name of a table under ``--home`` in `bakeoff sql`.
    """

    name: str
    kind: str
    file: Path | None = None
    sql: str = ""
    folder: Path | None = None
    plain: str | None = None


def read_destination(text: str | None, home: Path, *, has_metastore: bool) -> Destination:
    """Read ``--to``.

    Args:
        text: A path that ends in .csv or .parquet, the path of a Delta folder, or a table's name.
        home: Folder of runs, in which tables with a plain name are if the session has no metastore.
        has_metastore: Whether a table in the session's catalog outlives the session.

    Raises:
        ConfigError: It is missing, or rows cannot be written to it.
    """
    refuse_placeholder("to", text)
    if given(text) is None:
        raise ConfigError("--to is missing: name a table, or a file that ends in .csv or .parquet.")
    name = str(text).strip()
    if is_file(name):
        file = expanded(name, "--to")
        return Destination(name, _FILES[file.suffix.lower()], file=file)
    if _SCHEME.match(name):
        return Destination(name, "table", sql=f"delta.{quoted(name)}")
    if re.search(r"[/\\]|^[.~]", name):
        folder = expanded(name, "--to").absolute()
        lock = None if on_databricks() else folder.parent / f".{folder.name}"
        return Destination(name, "table", sql=f"delta.{quoted(str(folder))}", folder=lock)
    parts = name_parts(name)
    if parts is None:
        raise ConfigError(f"--to {name!r} is neither a path nor a table's name such as catalog.schema.table.")
    if parts[-1] in {*TABLES, *VIEWS}:
        raise ConfigError(f"--to {name} is a table or view of Bakeoff's own: choose another name, such as scored.")
    if has_metastore:
        return Destination(name, "table", sql=".".join(map(quoted, parts)))
    if len(parts) > 1:
        raise ConfigError(
            f"--to {name} needs a metastore, which a local session has not: give a plain name, as in --to {parts[-1]}, "
            "or a path."
        )
    tables = ResultsLocation.at(home)
    return Destination(
        name, "table", sql=tables.name(parts[0]), folder=home / "tables" / f".{parts[0]}", plain=parts[0]
    )


def is_file(name: str) -> bool:
    """Whether a destination is a csv or parquet file.

    Example:
        >>> is_file("scored.csv"), is_file("main.sales.scored")
        (True, False)
    """
    return Path(name).suffix.lower() in _FILES and _SCHEME.match(name) is None
