"""The SQL that the bundle's job `prepare` runs: every table and view of the results, empty, from their definitions.

`make sql` writes it to src/sql/prepare/tables.sql.
"""

from __future__ import annotations

import re

from bakeoff.storage.schema import PREDICTIONS, SCORED, TABLES, VIEWS, Table, View
from support.bundle import ROOT

FILE = ROOT / "src" / "sql" / "prepare" / "tables.sql"

_HEAD = """\
-- What the job `prepare` runs: the tables and views that are not there yet, empty, so that whatever reads them has an
-- answer before the first comparison. Made from the tables' definitions by `make sql`; do not edit it.
-- Parameters: catalog, schema (which is there: the bundle makes it).
"""


def text() -> str:
    """The file as it has to be."""
    # A view's query has no parameters, so it names its tables as those of the current schema.
    use = "USE IDENTIFIER(concat('`', :catalog, '`.`', :schema, '`'))"
    parts = [*map(_table, (*TABLES.values(), PREDICTIONS, SCORED)), use, *map(_view, VIEWS.values())]
    return _HEAD + "".join(f"\n{part};\n" for part in parts)


def statements(file: str) -> list[str]:
    """The statements of a file, as a warehouse takes them apart."""
    without_comments = re.sub(r"^--.*$", "", file, flags=re.MULTILINE)
    return [part.strip() for part in without_comments.split(";\n") if part.strip()]


def _name(part: str) -> str:
    return f"IDENTIFIER(concat('`', :catalog, '`.`', :schema, '`.`{part}`'))"


def _table(table: Table) -> str:
    definition = table.definition(clustered=True)
    columns = definition.replace(", `", ",\n  `").replace("(`", "(\n  `", 1).replace(") USING", "\n) USING")
    # In a text it is written like this, so that a semicolon is always the end of a statement, whoever takes them apart.
    return f"CREATE TABLE IF NOT EXISTS {_name(table.name)} {columns}".replace(";", "\\u003B")


def _view(view: View) -> str:
    return f"CREATE VIEW IF NOT EXISTS {_name(view.name)} {view.definition(lambda table: table)}"


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text())
