"""The result tables in a local folder, read without Spark: delta-rs reads the logs, DuckDB answers queries."""

from __future__ import annotations

import difflib
import os
import re
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from bakeoff._utils.platform import is_installed
from bakeoff.errors import ConfigError, TablesError
from bakeoff.storage import delta_sql
from bakeoff.storage.folder_ddl import has_table, is_writable, unusable_in
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.schema import TABLES, VIEWS, Table
from bakeoff.storage.sql_translation import UntranslatableError, translate
from bakeoff.storage.table_queries import TableQueries

if TYPE_CHECKING:
    import pandas as pd
    from deltalake import DeltaTable
    from typing_extensions import Self

_Rows = TypeVar("_Rows")

READERS = ("deltalake", "duckdb", "sqlglot")
"""Packages by which tables in a folder are used without Spark."""
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
_NO_LIMIT = 10**12
_MAPPING = "delta.columnMapping.mode"


class _Database:
    """DuckDB without access to files: tables are handed in. One query runs at a time, with views of its own."""

    def __init__(self) -> None:
        import duckdb

        self.lock = threading.Lock()
        self.views: list[str] = []
        self._registered: list[str] = []
        self.connection = duckdb.connect(":memory:", config={"enable_external_access": "false"})
        # 1 / 0 is NULL, as it is in Spark. Earlier versions have only the first setting, and do as the second says.
        for setting in ("ieee_floating_point_ops", "error_on_division_by_zero"):
            with suppress(duckdb.CatalogException):
                self.connection.execute(f"SET {setting} = false")

    def add_table(self, name: str, rows: Any) -> None:
        """Make a view of rows in Arrow.

        Conditions of a query are DuckDB's business, which the limit keeps it from handing on: pyarrow cannot compare
        texts to their bounds in files that delta-rs has merged, where they have another type of Arrow's.
        """
        self.connection.register(f"{name}_rows", rows)
        self._registered.append(f"{name}_rows")
        self.add_view(name, f"SELECT * FROM {_quoted(f'{name}_rows')} LIMIT {_NO_LIMIT}")  # noqa: S608

    def add_view(self, name: str, query: str) -> None:
        """Make a view of a query."""
        self.connection.execute(f"CREATE VIEW {_quoted(name)} AS {query}")
        self.views.append(name)

    def forget(self) -> None:
        """Drop all views, because the tables may have been written to since."""
        for view in self.views:
            self.connection.execute(f"DROP VIEW {_quoted(view)}")
        for name in self._registered:
            self.connection.unregister(name)
        self.views.clear()
        self._registered.clear()

    def close(self) -> None:
        """Free its memory and threads once the running query has ended."""
        with self.lock:
            self.connection.close()


class FolderReader(TableQueries):
    """`ResultReader` for Delta tables in a folder, from any thread. Each query reads what is there when it is asked.

    DuckDB's memory and threads are freed at the end of a ``with`` block, or with the reader.

    Args:
        location: location of the tables, in a folder.
    """

    def __init__(self, location: ResultsLocation) -> None:
        if location.path is None:
            raise TablesError(f"The tables in {location.place} are in a metastore, which only Spark can read.")
        self.location = location
        self._folder = Path(os.path.realpath(location.path))
        self._database: _Database | None = None
        self._lock = threading.Lock()

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
        with self._lock:
            database, self._database = self._database, None
        if database is not None:
            database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _has(self, table: Table) -> bool:
        return has_table(self._folder / table.name)

    def _columns(self, table: Table) -> Sequence[str]:
        columns: Sequence[str] = [field.name for field in _open(self._folder / table.name).schema().fields]
        return columns

    def _rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        def rows(answer: Any) -> list[dict[str, Any]]:
            return [dict(zip(answer.columns, row, strict=True)) for row in answer.fetchall()]

        return self._ask(query, values, rows)

    def _ask(self, query: str, values: Mapping[str, Any] | None, fetch: Callable[[Any], _Rows]) -> _Rows:
        import duckdb

        database = self._opened_database()
        with database.lock:
            database.forget()
            translated = translate(query, partial(self._view, database), values)
            try:
                return fetch(database.connection.sql(translated))
            except (duckdb.Error, OSError) as error:
                if str(error).startswith(_ELSEWHERE) and not _MISSING.match(str(error)):
                    raise UntranslatableError(str(error).partition("\n")[0]) from error
                raise ConfigError(f"This query cannot be answered: {_reason(error)}.") from error

    def _opened_database(self) -> _Database:
        with self._lock:
            if self._database is None:
                self._database = _Database()
                weakref.finalize(self, self._database.close)
            return self._database

    def _view(self, database: _Database, name: str, version: int | None) -> str | None:
        """Make the view for a table, if there is such a table; return its name."""
        plain = name.lower()
        path = Path(name)
        if path.is_absolute():
            is_here = path.parent == self._folder and has_table(path)
            return self._table(database, path.name, version) if is_here else None
        if version is None and (plain in VIEWS or plain == "trials") and self.exists():
            return self._selected(database, plain)
        tables = {table.lower(): table for table in self._tables()}
        if plain in tables:
            return self._table(database, tables[plain], version)
        if name.isidentifier() and (similar := difflib.get_close_matches(plain, [*tables, *VIEWS], n=2)):
            raise ConfigError(f"There is no table {name!r}: did you mean {' or '.join(map(repr, similar))}?")
        return None

    def _tables(self) -> list[str]:
        """Return the names of the Delta tables in the folder."""
        if not self._folder.is_dir():
            return []
        return sorted(path.name for path in self._folder.iterdir() if has_table(path))

    def _table(self, database: _Database, name: str, version: int | None) -> str:
        view = f"delta_{name}" if version is None else f"delta_{name}_{version}"
        if view not in database.views:
            database.add_table(view, _dataset(_open(self._folder / name, version)))
        return view

    def _selected(self, database: _Database, name: str) -> str:
        """Make the view of a query of ours: one of `schema.VIEWS`, or ``trials`` with each trial once."""
        view = f"view_{name}"
        if view not in database.views:
            query = translate(delta_sql.queries(self.location)[name], partial(self._view, database))
            database.add_view(view, query)
        return view


def missing_reader() -> str | None:
    """Return the first of the packages for tables in a folder that is not installed, if any is not."""
    return next((package for package in READERS if not is_installed(package)), None)


def needs_spark(location: ResultsLocation, *, to_write: bool = False) -> bool:
    """Whether tables can be used through Spark only: those of a metastore, or with a feature that delta-rs lacks.

    Args:
        location: location of the tables, which need not exist yet.
        to_write: whether they are written to, too.
    """
    if location.path is None or missing_reader() is not None:
        return True
    if to_write and unusable_in(location.path):
        return True
    with suppress(Exception):  # a broken table is reported by who reads it
        opened = [_open(location.path / name) for name in TABLES if has_table(location.path / name)]
        return to_write and not all(map(is_writable, opened))
    return True


def _open(folder: Path, version: int | None = None) -> DeltaTable:
    """Open a Delta table for reading.

    Raises:
        UntranslatableError: it has a feature that only Spark can read, or no such version.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        table = DeltaTable(str(folder), version=version)
    except DeltaError as error:
        raise UntranslatableError(f"its log cannot be read: {error}") from error
    features, metadata = table.protocol().reader_features or (), table.metadata()
    if "deletionVectors" in features or metadata.partition_columns:
        raise UntranslatableError("it has deletion vectors or partitions")
    if metadata.configuration.get(_MAPPING, "none") != "none":
        raise UntranslatableError("its files have other names for columns")
    return table


def _dataset(table: DeltaTable) -> Any:
    """Return the rows of a Delta table as a data set of Arrow."""
    import pyarrow as pa
    import pyarrow.dataset as ds

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
