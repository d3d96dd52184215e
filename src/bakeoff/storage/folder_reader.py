"""The result tables in a local folder, read without Spark: delta-rs reads the logs, DuckDB answers queries."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from bakeoff.errors import ConfigError, TablesError
from bakeoff.storage import delta_sql
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.schema import TABLES, VIEWS, Table
from bakeoff.storage.sql_translation import UntranslatableError, translate
from bakeoff.storage.table_queries import TableQueries

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Self

_Rows = TypeVar("_Rows")

LOG = "_delta_log"
_ELSEWHERE = (
    "Catalog Error",
    "Not implemented Error",
    "Parser Error",
    "Binder Error",
    "Conversion Error",
    "Out of Range",
)
"""Errors for functions, forms of SQL and values with which Spark may be able to do something."""
_MISSING = re.compile("^Binder Error: .*(not found|does not have a column)")
"""Errors for columns that are not there, which Spark would not find either."""


class FolderReader(TableQueries):
    """`ResultReader` for Delta tables in a folder. Used as a context manager, which frees DuckDB's memory and threads.

    Args:
        location: location of the tables, in a folder.
    """

    def __init__(self, location: ResultsLocation) -> None:
        if location.path is None:
            raise TablesError(f"The tables in {location.place} are in a metastore, which only Spark can read.")
        self.location = location
        self._folder = Path(os.path.realpath(location.path))
        self._database: Any = None
        self._views: set[str] = set()

    def read(self, name: str) -> pd.DataFrame:
        """Return a table or a view by its plain name; see `ResultReader.read`."""
        return self.frame(self._query(name))

    def frame(self, query: str, values: Mapping[str, str] | None = None) -> pd.DataFrame:
        """Answer a query of Spark's SQL over the tables, the views, and the other Delta tables in the folder.

        Args:
            query: one query.
            values: its parameters.

        Returns:
            The rows; points in time are times of this machine's zone, as Spark gives them.

        Raises:
            ConfigError: the query names a table or a column that does not exist, or fails.
            UntranslatableError: only Spark may understand it.
        """
        return self._ask(query, values, self._to_pandas)

    @staticmethod
    def _to_pandas(answer: Any) -> pd.DataFrame:
        import pandas as pd

        # Sums of whole numbers are wider than any type of pandas.
        wide = [name for name, kind in zip(answer.columns, answer.types, strict=True) if str(kind) == "HUGEINT"]
        if wide:
            columns = ", ".join(
                f"{_quoted(name)}::BIGINT AS {_quoted(name)}" if name in wide else _quoted(name)
                for name in answer.columns
            )
            answer = answer.project(columns)
        found: pd.DataFrame = answer.df()
        times = [name for name in found.columns if isinstance(found[name].dtype, pd.DatetimeTZDtype)]
        found = found.assign(**{name: found[name].dt.tz_localize(None) for name in times})
        days = [name for name, kind in zip(found.columns, answer.types, strict=True) if str(kind) == "DATE"]
        found = found.assign(**{name: found[name].dt.date for name in days})
        return found.rename(columns=lambda name: name.replace("count_star()", "count(1)"))  # Spark's name for it

    def close(self) -> None:
        """Free DuckDB's memory and threads."""
        database, self._database = self._database, None
        self._views.clear()
        if database is not None:
            database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _has(self, table: Table) -> bool:
        return (self._folder / table.name / LOG).is_dir()

    def _columns(self, table: Table) -> Sequence[str]:
        columns: Sequence[str] = _open(self._folder / table.name, None).schema.names
        return columns

    def _rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        def rows(answer: Any) -> list[dict[str, Any]]:
            return [dict(zip(answer.columns, row, strict=True)) for row in answer.fetchall()]

        return self._ask(query, values, rows)

    def _ask(self, query: str, values: Mapping[str, Any] | None, fetch: Callable[[Any], _Rows]) -> _Rows:
        import duckdb

        if self._database is None:
            # Without access to files: tables are handed in.
            self._database = duckdb.connect(":memory:", config={"enable_external_access": "false"})
            # 1 / 0 is NULL, as it is in Spark. Earlier versions have only the first setting, and do as the second says.
            for setting in ("ieee_floating_point_ops", "error_on_division_by_zero"):
                with suppress(duckdb.CatalogException):
                    self._database.execute(f"SET {setting} = false")
        translated = translate(query, self._view, values)
        try:
            return fetch(self._database.sql(translated))
        except (duckdb.Error, OSError) as error:
            if str(error).startswith(_ELSEWHERE) and not _MISSING.match(str(error)):
                raise UntranslatableError(str(error).partition("\n")[0]) from error
            raise ConfigError(f"This query cannot be answered: {_reason(error)}.") from error

    def _view(self, name: str, version: int | None) -> str | None:
        """Make the view for a table, if there is such a table; return its name."""
        plain = name.lower()
        path = Path(name)
        if path.is_absolute():
            return self._table(path.name, version) if path.parent == self._folder and (path / LOG).is_dir() else None
        if version is None and (plain in VIEWS or plain == "trials") and self.exists():
            return self._selected(plain)
        tables = {table.lower(): table for table in self._tables()}
        if plain in tables:
            return self._table(tables[plain], version)
        if name.isidentifier() and (similar := difflib.get_close_matches(plain, [*tables, *VIEWS], n=2)):
            raise ConfigError(f"There is no table {name!r}: did you mean {' or '.join(map(repr, similar))}?")
        return None

    def _tables(self) -> list[str]:
        """Return the names of the Delta tables in the folder."""
        if not self._folder.is_dir():
            return []
        return sorted(path.name for path in self._folder.iterdir() if (path / LOG).is_dir())

    def _table(self, name: str, version: int | None) -> str:
        view = f"delta_{name}" if version is None else f"delta_{name}_{version}"
        if view not in self._views:
            self._database.register(view, _open(self._folder / name, version))
            self._views.add(view)
        return view

    def _selected(self, name: str) -> str:
        """Make the view of a query of ours: one of `schema.VIEWS`, or ``trials`` with each trial once."""
        view = f"view_{name}"
        if view not in self._views:
            query = translate(delta_sql.queries(self.location)[name], self._view)
            self._database.execute(f"CREATE VIEW {_quoted(view)} AS {query}")
            self._views.add(view)
        return view


def needs_spark(location: ResultsLocation) -> bool:
    """Whether tables can be read through Spark only: those of a metastore, or with a feature that delta-rs lacks."""
    if location.path is None or not all(map(find_spec, ("deltalake", "duckdb", "sqlglot"))):
        return True
    with suppress(Exception):  # a broken table is reported by who reads it
        for name in TABLES:
            if (location.path / name / LOG).is_dir():
                _open(location.path / name, None)
        return False
    return True


def _open(folder: Path, version: int | None) -> Any:
    """Open a Delta table as a data set of Arrow.

    Raises:
        UntranslatableError: it has a feature that only Spark can read, or no such version.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        table = DeltaTable(str(folder), version=version)
    except DeltaError as error:
        raise UntranslatableError(f"its log cannot be read: {error}") from error
    features = table.protocol().reader_features or ()
    if "deletionVectors" in features or table.metadata().partition_columns:
        raise UntranslatableError("it has deletion vectors or partitions")
    schema = pa.schema(table.schema().to_arrow())
    # Spark writes points in time in a form with nanoseconds, which end in 2262.
    options = ds.ParquetReadOptions(coerce_int96_timestamp_unit="us")
    files = [unquote(uri) for uri in table.file_uris()]
    return ds.dataset(files, schema=schema, format=ds.ParquetFileFormat(read_options=options))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _reason(error: Exception) -> str:
    """Return what DuckDB says of a query, without the excerpt that it shows of the translated text."""
    lines = [line for line in str(error).split("\n\n")[0].splitlines() if line.strip()]
    return " ".join(" ".join(lines).split()).rstrip(".")
