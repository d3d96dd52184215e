"""Location of the result tables, and their names in SQL."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.errors import ConfigError

if TYPE_CHECKING:
    from pyspark.sql import DataFrameWriter

DELTA_LOG = "_delta_log"
"""The folder in a Delta table's that makes it one."""


@dataclass(frozen=True)
class ResultsLocation:
    """Location of the result tables: a schema of a metastore, or a local folder.

    Raises:
        ConfigError: both a schema and a folder are named, or neither, or a catalog without a schema.

    Example:
        >>> ResultsLocation(catalog="main", schema="my bake-offs").name("runs")
        '`main`.`my bake-offs`.`runs`'
        >>> ResultsLocation(path=Path("/data")).name("runs")
        'delta.`/data/runs`'
    """

    catalog: str | None = None
    schema: str | None = None
    path: Path | None = None

    def __post_init__(self) -> None:
        if bool(self.schema) == bool(self.path) or (self.catalog and not self.schema):
            raise ConfigError("Name either a schema (with or without its catalog) or a folder for the tables.")

    @classmethod
    def at(cls, home: Path, catalog: str | None = None, schema: str | None = None) -> ResultsLocation:
        """Return the location in a schema if one is named, else in a folder of runs.

        Example:
            >>> ResultsLocation.at(Path("/data")).name("runs")
            'delta.`/data/tables/runs`'
        """
        return cls(catalog=catalog, schema=schema) if schema else cls(path=home / "tables")

    @property
    def in_metastore(self) -> bool:
        """Whether the tables are in a metastore, where all its users can name them."""
        return self.path is None

    @property
    def place(self) -> str:
        """The schema as SQL, or the folder."""
        if self.path is not None:
            return str(self.path.absolute())
        return ".".join(quoted(part) for part in (self.catalog, self.schema) if part)

    def name(self, table: str) -> str:
        """Return the name of a table in SQL."""
        if self.path is not None:
            return f"delta.{quoted(str(self.path.absolute() / table))}"
        return f"{self.place}.{quoted(table)}"


def quoted(part: str) -> str:
    """Quote a part of a name for SQL.

    Example:
        >>> quoted("odd`name")
        '`odd``name`'
    """
    return "`" + part.replace("`", "``") + "`"


def run_folder(home: Path, run_id: str) -> Path:
    """Return the folder of a run under ``home``, which holds its report."""
    return home / "runs" / run_id


def place_options(tables: ResultsLocation, home: Path) -> str:
    """Return the options that make another command use the same tables, as typed in a shell.

    Example:
        >>> from bakeoff.storage.location import ResultsLocation
        >>> place_options(ResultsLocation(catalog="main", schema="bake offs"), Path(".bakeoff"))
        " --catalog main --schema 'bake offs'"
    """
    if not tables.in_metastore:
        return home_option(home)
    catalog = f" --catalog {shlex.quote(tables.catalog)}" if tables.catalog else ""
    return f"{catalog} --schema {shlex.quote(tables.schema or '')}"


def home_option(home: Path) -> str:
    """Return the option that makes another command use the same folder of runs.

    Example:
        >>> home_option(Path("my runs"))
        " --home 'my runs'"
    """
    return "" if home == Path(".bakeoff") else f" --home {shlex.quote(str(home))}"


def save_to(writer: DataFrameWriter, name: str) -> None:
    """Write a frame to a table by its name in SQL.

    A Delta table that is named by its path is written to at that path: Spark 4.1 finds it by ``saveAsTable`` in the
    thread that has made the session only, and says of it in others that it already exists.

    Args:
        writer: writer of the frame.
        name: name of the table, as in ``main.sales.orders`` or ``delta.`/data/orders` ``.
    """
    path = re.fullmatch(r"delta\.`(.+)`", name)
    if path is None:
        writer.saveAsTable(name)
    else:
        writer.save(path[1].replace("``", "`"))
