"""Creation and upgrades of tables, which both adapters share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bakeoff._utils.disk import disk_trouble
from bakeoff.errors import TablesError, UserError
from bakeoff.storage.commits import reason_of
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.schema import Column, Table


def lacking_columns(table: Table, types: Mapping[str, str], name: str) -> list[Column]:
    """Return the columns that a table of an earlier version does not have.

    Args:
        table: the definition.
        types: types of the table that is there, in SQL, by column.
        name: name of the table that is there.

    Raises:
        TablesError: the table is not Bakeoff's, or has a column of another type.
    """
    lacking = [column for column in table.columns if column.name not in types]
    if needed := [column.name for column in lacking if not column.nullable]:
        raise TablesError(
            f"{name} is there already and is not Bakeoff's (it has no column {min(needed)}): "
            "name another place for the tables."
        )
    for column in table.columns:
        if (kind := types.get(column.name, column.type)) != column.type:
            raise TablesError(
                f"{name} has {column.name} as {kind}, and this version of Bakeoff writes {column.type}: name "
                "another place for the tables, or change the column's type."
            )
    return lacking


@contextmanager
def explaining_creation(location: ResultsLocation) -> Iterator[None]:
    """Turn what goes wrong while tables are made into a sentence; errors of a disk stay as they are.

    Args:
        location: location of the tables.

    Raises:
        TablesError: the tables cannot be made.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if disk_trouble(error):
            raise
        raise TablesError(
            f"The tables cannot be made in {location.place} ({reason_of(error)}): name a place where you may "
            "create tables."
        ) from error
