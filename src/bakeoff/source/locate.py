"""Resolve the name of a source: to files that pandas reads, or to a table that Spark SQL selects from."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bakeoff._utils.platform import expanded
from bakeoff._utils.text import first_line
from bakeoff.errors import SourceError
from bakeoff.source.files import CSV, PARQUET, read_csv, read_parquet
from bakeoff.source.filesystems import cannot_be_read
from bakeoff.storage.location import quoted

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
_NAME_PART = re.compile(r"`((?:[^`]|``)+)`|([^.`\s/\\:]+)")
_MAX_PARTS = 3


@dataclass(frozen=True)
class Files:
    """A csv or parquet file, or a folder of parquet files, that pandas can read.

    Attributes:
        name: the path, as part of errors.
        kind: ``csv`` or ``parquet``.
        content: the path, or the bytes of each file.
    """

    name: str
    kind: str
    content: Path | list[io.BytesIO]

    def read(self, texts: Collection[str] = ()) -> pd.DataFrame:
        """Read the rows, in their order.

        Args:
            texts: columns of a csv file that are read as text whatever they hold.
        """
        parts: Sequence[Path | io.BytesIO] = [self.content] if isinstance(self.content, Path) else self.content
        if self.kind == "csv":
            frames = [read_csv(part, self.name, texts) for part in parts]
        else:
            frames = [read_parquet(part, self.name) for part in parts]
        return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


@dataclass(frozen=True)
class Delta:
    """A table, view or Delta path that Spark SQL can select from.

    Attributes:
        name: name of the table, or the path, as part of errors.
        kind: ``table`` or ``delta`` (a path).
        sql: the same, quoted for SQL.
        spark: session to read it with.
    """

    name: str
    kind: str
    sql: str
    spark: SparkSession


def find(source: str, spark: SparkSession | None) -> Files | Delta:
    """Resolve the name of a source: to a path if it exists, otherwise to a table.

    Args:
        source: a path, a URI or the name of a table.
        spark: session, needed for tables, Delta and remote files.

    Raises:
        SourceError: There is no such file or table, or it cannot be read.
    """
    path, uri = _local_path(source), _SCHEME.match(source)
    if path is not None and path.exists() and (_looks_like_path(source) or not _is_table(source, spark)):
        if path.is_dir() and (path / "_delta_log").is_dir():
            return Delta(str(path), "delta", f"delta.{quoted(_for_spark(path))}", require_session(spark, source))
        return Files(str(path), _kind_of(path), path)
    if uri and spark is not None and (path is None or uri.group(1) != "file"):
        return find_remote(source, spark)
    if path is not None and _looks_like_path(source):
        raise SourceError(
            f"There is no file {source} (looked for {path}): check the path, or name a table as catalog.schema.table."
        )
    parts = name_parts(source)
    if parts is None:
        raise SourceError(f"--source {source!r} is neither a path nor a table's name such as catalog.schema.table.")
    if not _is_table(source, spark):
        detail = (
            "and there is no Spark session to look for a table in" if spark is None else "nor a table that can be seen"
        )
        raise SourceError(
            f"There is no source {source!r}: no file in {Path.cwd()}, {detail}: check its name, catalog and schema."
        )
    return Delta(source, "table", ".".join(map(quoted, parts)), require_session(spark, source))


def is_local_file(source: str) -> bool:
    """Whether a source is a local file, or is written like the path of one."""
    path = expanded(source, "--source")
    if path.exists():
        return path.is_file()
    return re.search(r"^\w{2,}:", source) is None and re.search(r"[/\\]|\.(csv|tsv|parquet)\b", source) is not None


def find_remote(source: str, spark: SparkSession) -> Files | Delta:
    """Resolve a URI that only Spark can reach; csv and parquet files are fetched, and so read as local ones are.

    Raises:
        SourceError: There are no such files, or they cannot be read.
    """
    lower = source.lower().rstrip("/")
    kind = "csv" if lower.endswith(CSV) else "parquet" if lower.endswith(PARQUET) else "delta"
    if kind == "delta":
        return Delta(source, kind, f"delta.{quoted(source)}", spark)
    try:
        pattern = "*" if kind == "csv" else "*.parquet"
        files = spark.read.format("binaryFile").option("pathGlobFilter", pattern).load(source)
        rows = files.select("path", "content").orderBy("path").collect()
    except Exception as error:  # Java's file systems raise errors of many classes
        raise cannot_be_read(source, error, spark) from error
    if not rows:
        raise SourceError(f"There are no {kind} files in {source}: check the path.")
    return Files(source, kind, [io.BytesIO(row.content) for row in rows])


def _local_path(source: str) -> Path | None:
    """Return the path that a source has in this machine's file system; ``None`` if it cannot be there."""
    scheme = _SCHEME.match(source)
    if scheme is None:
        return Path(os.path.abspath(expanded(source, "--source")))  # noqa: PTH100 - links are not resolved
    path = "/" + source[scheme.end() :].lstrip("/")
    if scheme.group(1) == "file" or (scheme.group(1) == "dbfs" and path.startswith("/Volumes/")):
        return Path(path)
    return Path("/dbfs" + path) if scheme.group(1) == "dbfs" else None


def _for_spark(path: Path) -> str:
    """Return a local path as a URI for Spark, whose default file system can be another one."""
    text = str(path)
    if text.startswith("/Volumes/"):
        return text
    return f"dbfs:{text.removeprefix('/dbfs')}" if text.startswith("/dbfs/") else f"file:{text}"


def _looks_like_path(source: str) -> bool:
    return bool(re.search(r"[/\\]|^[.~]", source)) or source.lower().endswith((*CSV, *PARQUET))


def _kind_of(path: Path) -> str:
    if path.is_dir():
        if any(path.rglob("*.parquet")):
            return "parquet"
        raise SourceError(f"The folder {path} holds neither a Delta table (_delta_log) nor parquet files.")
    name = path.name.lower()
    if name.endswith(CSV):
        return "csv"
    if name.endswith(PARQUET):
        return "parquet"
    raise SourceError(
        f"{path} ends in {path.suffix or 'nothing'!r}: give a file that ends in .csv or .parquet, or a table."
    )


def name_parts(name: str) -> list[str] | None:
    """Return the parts of a table's name; ``None`` for text that cannot be one.

    Example:
        >>> name_parts("main.`my sales`.orders"), name_parts("a/b")
        (['main', 'my sales', 'orders'], None)
    """
    parts, end = [], 0
    while match := _NAME_PART.match(name, end):
        parts.append(match.group(1).replace("``", "`") if match.group(1) else match.group(2))
        end = match.end()
        if end == len(name):
            return parts if len(parts) <= _MAX_PARTS else None
        if name[end] != ".":
            return None
        end += 1
    return None


def _is_table(source: str, spark: SparkSession | None) -> bool:
    parts = name_parts(source)
    if spark is None or parts is None:
        return False
    from pyspark.errors import AnalysisException

    try:
        return bool(spark.table(".".join(map(quoted, parts))).columns)
    except AnalysisException as error:
        if re.search("not.found", str(error), re.IGNORECASE):
            return False
        raise SourceError(f"The table {source} cannot be read ({first_line(error)}).") from error


def require_session(spark: SparkSession | None, source: str) -> SparkSession:
    """Return the session that a table is read with.

    Raises:
        SourceError: There is none.
    """
    if spark is None:
        raise SourceError(f"{source} is a Delta table, and reading it needs a Spark session.")
    return spark
