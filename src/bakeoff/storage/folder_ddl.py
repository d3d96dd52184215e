"""Creation of the tables in a folder, and the upgrade of those of an earlier version, without Spark.

What a table is (columns, checks, features) stands in its log, so each change is one commit: a process that is killed in
the middle leaves the table as it was.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.errors import StorageError
from bakeoff.storage.location import DELTA_LOG
from bakeoff.storage.schema import Column, Table
from bakeoff.storage.upgrades import lacking_columns

if TYPE_CHECKING:
    from deltalake import DeltaTable

Actions = list[dict[str, Any]]
"""The lines of a commit."""

_DRAFT = "."
"""First letter of the names of folders that are no tables yet."""
_CHECK = "delta.constraints."
_TYPES = {
    "STRING": "string",
    "INT": "integer",
    "BIGINT": "long",
    "DOUBLE": "double",
    "FLOAT": "float",
    "BOOLEAN": "boolean",
    "TIMESTAMP": "timestamp",
}
"""Types in Spark SQL and in Delta's logs."""
_SQL_TYPES = {name: sql for sql, name in _TYPES.items()}
_MAP = re.compile(r"MAP<(\w+),(\w+)>")
_ARRAY = re.compile(r"ARRAY<(\w+)>")
_FEATURES = frozenset({"appendOnly", "invariants", "checkConstraints"})
"""Features that our tables need and delta-rs can write."""
_CLUSTERING = frozenset({"clustering", "domainMetadata"})
"""Features of tables that Spark has made with CLUSTER BY, as earlier versions did: delta-rs cannot write them."""
_LEGACY_WRITER = 3
"""Version of Delta's protocol whose writers know the features that our tables need, and no others."""

_UNUSABLE = re.compile(r"[\[\]^|]|%[0-9A-Fa-f]{2}" + (r"|\\" if os.sep == "/" else ""))
"""What delta-rs takes for something else than a part of a name, as it turns paths into URLs."""


def has_table(folder: Path) -> bool:
    """Whether there is a table in a folder, and not only a draft of one."""
    return (folder / DELTA_LOG).is_dir() and not folder.name.startswith(_DRAFT)


def unusable_in(folder: Path) -> str | None:
    """Return what delta-rs cannot write to in the path of a folder; ``None`` if it can."""
    found = _UNUSABLE.search(os.path.realpath(folder))
    return found[0] if found else None


def is_clustered(opened: DeltaTable) -> bool:
    """Whether a table is clustered, as those of earlier versions are: `outstanding` takes that away."""
    return bool(_CLUSTERING & set(opened.protocol().writer_features or ()))


def is_writable(opened: DeltaTable) -> bool:
    """Whether delta-rs can write a table, once it has no clustering any more."""
    protocol = opened.protocol()
    if protocol.min_reader_version > 1 or opened.metadata().partition_columns:
        return False
    features = protocol.writer_features
    if features is None:
        return bool(protocol.min_writer_version <= _LEGACY_WRITER)
    return set(features) <= _FEATURES | _CLUSTERING


def outstanding(opened: DeltaTable, table: Table, name: str) -> Actions:
    """Return the actions that make an existing table what this version writes to; none if it is that already.

    Its rows, its history and the ids of its transactions stay as they are.

    Args:
        opened: the table as it is.
        table: the table as it should be.
        name: its name, for messages.

    Raises:
        TablesError: the table is not Bakeoff's, or has a column of another type.
    """
    fields: list[dict[str, Any]] = json.loads(opened.schema().to_json())["fields"]
    lacking = lacking_columns(table, {field["name"]: _sql_type(field["type"]) for field in fields}, name)
    metadata = opened.metadata()
    checks = _checks(table)
    actions = _protocol(opened)
    # A later version may allow more, so checks that exist are renewed only where columns show that the table is older.
    if lacking or not checks.keys() <= metadata.configuration.keys():
        settings = {**metadata.configuration, **checks} if lacking else {**checks, **metadata.configuration}
        fields = [*fields, *map(_field, lacking)]
        actions.append(_metadata(table, fields, settings, str(metadata.id), int(metadata.created_time)))
    return actions


def upgrade(folder: Path, opened: DeltaTable, actions: Actions) -> None:
    """Commit a change of what a table is.

    Raises:
        FileExistsError: somebody else's commit came first.
    """
    with _draft(folder / DELTA_LOG / f"_commit_{uuid.uuid4()}.json.tmp", "UPGRADE TABLE", actions) as draft:
        _link(draft, folder / DELTA_LOG / f"{opened.version() + 1:020}.json")


def make(folder: Path, table: Table) -> None:
    """Create a table that has no row.

    Raises:
        FileExistsError: somebody else has created it.
    """
    fields = [_field(column) for column in table.columns]
    actions = [
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": _LEGACY_WRITER}},
        _metadata(table, fields, _checks(table), str(uuid.uuid4()), _now()),
    ]
    # The folder appears with its first commit in it, for others take one without a commit for a broken table.
    drafts = folder.with_name(f"{_DRAFT}{folder.name}-{uuid.uuid4().hex}")
    first = f"{DELTA_LOG}/{0:020}.json"
    (drafts / DELTA_LOG).mkdir(parents=True)
    try:
        with _draft(drafts / "draft", "CREATE TABLE", actions) as draft:
            _link(draft, drafts / first)
        with contextlib.suppress(OSError):
            drafts.rename(folder)
            return
        # It exists and is not empty: a process may have died before its first commit there.
        (folder / DELTA_LOG).mkdir(exist_ok=True)
        _link(drafts / first, folder / first)
    finally:
        shutil.rmtree(drafts, ignore_errors=True)


def _protocol(opened: DeltaTable) -> Actions:
    """Return the actions that give a table the features that it needs, and take its clustering away."""
    protocol = opened.protocol()
    if protocol.writer_features is None:
        if protocol.min_writer_version >= _LEGACY_WRITER:
            return []
        return [{"protocol": {"minReaderVersion": 1, "minWriterVersion": _LEGACY_WRITER}}]
    features = set(protocol.writer_features)
    wanted = (features | _FEATURES) - _CLUSTERING
    if features == wanted:
        return []
    clustering = [{"domainMetadata": {"domain": "delta.clustering", "configuration": "{}", "removed": True}}]
    return [
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": sorted(wanted)}},
        *(clustering if features & _CLUSTERING else ()),
    ]


def _checks(table: Table) -> dict[str, str]:
    """Return the checks of a table as its settings."""
    return {f"{_CHECK}{check}": condition for check, condition in table.checks}


def _metadata(
    table: Table, fields: list[dict[str, Any]], settings: dict[str, str], table_id: str, created: int
) -> dict[str, Any]:
    return {
        "metaData": {
            "id": table_id,
            "description": table.comment,
            "format": {"provider": "parquet", "options": {}},
            "schemaString": json.dumps({"type": "struct", "fields": fields}),
            "partitionColumns": [],
            "configuration": settings,
            "createdTime": created,
        }
    }


def _field(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": _kind(column.type),
        "nullable": column.nullable,
        "metadata": {"comment": column.comment},
    }


def _kind(sql_type: str) -> Any:
    """Return a type of Spark SQL as Delta's logs have it."""
    if sql_type in _TYPES:
        return _TYPES[sql_type]
    if array := _ARRAY.fullmatch(sql_type):
        return {"type": "array", "elementType": _TYPES[array[1]], "containsNull": True}
    parts = _MAP.fullmatch(sql_type)
    assert parts is not None, sql_type  # noqa: S101 - the schema has no other types
    return {"type": "map", "keyType": _TYPES[parts[1]], "valueType": _TYPES[parts[2]], "valueContainsNull": True}


def _sql_type(kind: Any) -> str:
    if isinstance(kind, dict):
        if kind["type"] == "array":
            return f"ARRAY<{_sql_type(kind['elementType'])}>"
        if kind["type"] == "map":
            return f"MAP<{_sql_type(kind['keyType'])},{_sql_type(kind['valueType'])}>"
        return str(kind["type"]).upper()
    return _SQL_TYPES.get(kind, str(kind).upper())


def _link(draft: Path, place: Path) -> None:
    """Put a file in its place, where no other may be.

    Raises:
        FileExistsError: there is another.
        StorageError: the file system has no links, without which delta-rs cannot commit either.
    """
    try:
        os.link(draft, place)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}:
            raise
        raise StorageError(
            f"The file system of {place.parent} has no hard links, which tables need where there is no Spark: name "
            "another --home."
        ) from error


def _now() -> int:
    return int(time.time() * 1000)


@contextlib.contextmanager
def _draft(path: Path, operation: str, actions: Actions) -> Iterator[Path]:
    """Write a commit to a file from which it is linked to its place, so that it is there as a whole or not at all."""
    note = {"timestamp": _now(), "operation": operation, "operationParameters": {}}
    lines = [{"commitInfo": {**note, "engineInfo": "Bakeoff"}}, *actions]
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())
    try:
        yield path
    finally:
        path.unlink()
