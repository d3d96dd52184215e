"""Creation of the tables and views through Spark, and the upgrade of those of an earlier version.

The session stays unchanged. Classic and Connect sessions both work, since nothing here needs a Spark context or Delta's
Python library.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from bakeoff.errors import TablesError
from bakeoff.storage.commits import LOST_A_RACE, NOT_ALLOWED, commit, reason_of
from bakeoff.storage.disk import check_folder
from bakeoff.storage.folder_ddl import has_table
from bakeoff.storage.location import ResultsLocation, quoted
from bakeoff.storage.schema import DEFINITION, SCORED, VIEWS, Table, View, definitions
from bakeoff.storage.upgrades import explaining_creation, lacking_columns

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LOG = logging.getLogger(__name__)


def check_writable(spark: SparkSession, location: ResultsLocation) -> None:
    """Check, without writing anything, that tables can be created at a location.

    Raises:
        StorageError: the folder cannot be written to, or its disk has no room left.
        TablesError: the catalog does not exist, or the user may not use it.
    """
    if location.path is not None:
        check_folder(location.path, "folder of the tables")
    elif location.catalog and not _works(spark, f"DESCRIBE SCHEMA {location.place}"):
        catalog = quoted(location.catalog)
        if not _works(spark, f"SHOW SCHEMAS IN {catalog}"):
            raise TablesError(f"There is no catalog {catalog} that you may use: name one that SHOW CATALOGS lists.")


def try_writing(spark: SparkSession, location: ResultsLocation) -> bool:
    """Make a small table in a schema, write a row to it and drop it, since rights show only when they are used.

    Returns:
        Whether the schema is there; where it is not, nothing is made.

    Raises:
        TablesError: the catalog does not exist, or tables cannot be made or written.
    """
    check_writable(spark, location)
    if not _works(spark, f"DESCRIBE SCHEMA {location.place}"):
        return False
    name = location.name(f"bakeoff_preflight_{secrets.token_hex(4)}")
    with explaining_creation(location):
        spark.sql(f"CREATE TABLE {name} (looked_at TIMESTAMP) USING DELTA")
        try:
            spark.sql(f"INSERT INTO {name} VALUES (current_timestamp())")  # noqa: S608 - a name of ours
        finally:
            spark.sql(f"DROP TABLE {name}")
    return True


def table_exists(spark: SparkSession, location: ResultsLocation, table: str) -> bool:
    """Whether a table, or in a metastore a view, exists."""
    if location.path is not None:
        return has_table(location.path / table)
    try:
        return bool(spark.catalog.tableExists(location.name(table)))
    except Exception as error:  # noqa: BLE001 - for a catalog that does not exist every platform raises something else
        _LOG.debug("%s is taken as missing: %s", location.name(table), error)
        return False


class TableMaker:
    """Creator of the tables at one location."""

    def __init__(self, spark: SparkSession, location: ResultsLocation) -> None:
        self._spark, self._location = spark, location

    def make(self, tables: Sequence[Table]) -> None:
        """Create tables and, in a metastore, the schema and the views, if they do not exist yet.

        Args:
            tables: the tables.

        Raises:
            StorageError: the folder cannot be written to, or its disk has no room left.
            TablesError: the tables cannot be created, or other tables have their names.
        """
        location = self._location
        missing = [table for table in tables if not self._exists(table.name)]
        if missing:
            check_writable(self._spark, location)
        with explaining_creation(location):
            if missing and location.in_metastore and not _works(self._spark, f"DESCRIBE SCHEMA {location.place}"):
                self._spark.sql(f"CREATE SCHEMA IF NOT EXISTS {location.place}")
            for table in tables:
                commit(location.path, partial(self._ensure_table, table))
            if location.in_metastore:
                self._make_shared()

    def _exists(self, table: str) -> bool:
        return table_exists(self._spark, self._location, table)

    def _make_shared(self) -> None:
        """Create what only a metastore has: an empty table of scored rows, and the views."""
        if not self._exists(SCORED.name):
            statement = (
                f"CREATE TABLE IF NOT EXISTS {self._location.name(SCORED.name)} {SCORED.definition(clustered=True)}"
            )
            commit(self._location.path, lambda: self._spark.sql(statement))
        for view in VIEWS.values():
            commit(self._location.path, partial(self._ensure_view, view))

    def _ensure_table(self, table: Table) -> None:
        name = self._location.name(table.name)
        if not self._exists(table.name):
            self._create(table)
        self._upgrade(name, table)
        if self._location.in_metastore:
            # Reading the properties is slow on local disks, and tables there were made in one step, with their checks.
            properties = self._properties(name)
            for check, condition in table.checks:
                if f"delta.constraints.{check}" not in properties:
                    self._spark.sql(f"ALTER TABLE {name} ADD CONSTRAINT {check} CHECK ({condition})")

    def _upgrade(self, name: str, table: Table) -> None:
        """Add the columns that a table of an earlier version does not have, and renew its checks.

        Raises:
            TablesError: the table is not Bakeoff's, or has a column of another type.
        """
        types = {column: kind.upper() for column, kind in self._spark.table(name).dtypes}
        lacking = lacking_columns(table, types, name)
        if lacking:
            _LOG.info("%s is an earlier version's and gets %s.", name, ", ".join(column.name for column in lacking))
            # The checks come first, since they may allow more by now: if this is cut off, the columns show the version.
            for check, condition in table.checks:
                self._spark.sql(f"ALTER TABLE {name} DROP CONSTRAINT IF EXISTS {check}")
                self._spark.sql(f"ALTER TABLE {name} ADD CONSTRAINT {check} CHECK ({condition})")
            self._spark.sql(f"ALTER TABLE {name} ADD COLUMNS ({definitions(lacking)})")

    def _create(self, table: Table) -> None:
        name, definition = self._location.name(table.name), table.definition(clustered=self._location.in_metastore)
        # Delta takes checks as properties when a table is created, which saves a commit and a scan each. On a platform
        # that does not, they are added afterwards.
        checks = ", ".join(f"'delta.constraints.{check}' = \"{condition}\"" for check, condition in table.checks)
        try:
            self._spark.sql(f"CREATE TABLE IF NOT EXISTS {name} {definition} TBLPROPERTIES ({checks})")
        except Exception as error:
            if not self._location.in_metastore or LOST_A_RACE.search(reason_of(error)):
                raise
            _LOG.debug("Made without its checks: %s", reason_of(error))
            self._spark.sql(f"CREATE TABLE IF NOT EXISTS {name} {definition}")

    def _ensure_view(self, view: View) -> None:
        name = self._location.name(view.name)
        is_there = self._exists(view.name)
        if is_there and self._properties(name).get(DEFINITION) == view.version:
            return
        try:
            self._spark.sql(f"CREATE OR REPLACE VIEW {name} {view.definition(self._location.name)}")
        except Exception as error:
            # Only its owner may replace a view, and an older definition is no reason not to train.
            if not (is_there and NOT_ALLOWED.search(reason_of(error))):
                raise
            _LOG.warning("The view %s is another version's and cannot be replaced: %s", name, reason_of(error))

    def _properties(self, name: str) -> dict[str, str]:
        return {row["key"]: row["value"] for row in self._spark.sql(f"SHOW TBLPROPERTIES {name}").collect()}


def _works(spark: SparkSession, statement: str) -> bool:
    try:
        spark.sql(statement).collect()
    except Exception as error:  # noqa: BLE001 - what is raised differs between platforms; that it fails is the answer
        _LOG.debug("%s: %s", statement, error)
        return False
    return True
