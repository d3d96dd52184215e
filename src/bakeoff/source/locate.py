"""Where the rows are: a file that pandas reads, or something that Spark SQL selects from."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bakeoff._utils.text import first_line
from bakeoff.errors import UserError
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
    """A csv or parquet file (or a folder of parquet), in a place that pandas reads; or its bytes."""

    name: str
    kind: str
    content: Path | list[io.BytesIO]

    def read(self, texts: Collection[str] = ()) -> pd.DataFrame:
        """The rows, in their order.

        Args:
            texts: columns of a csv file that are text whatever is in them.
        """
        parts: Sequence[Path | io.BytesIO] = [self.content] if isinstance(self.content, Path) else self.content
        if self.kind == "csv":
            frames = [read_csv(part, self.name, texts) for part in parts]
        else:
            frames = [read_parquet(part, self.name) for part in parts]
        return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


@dataclass(frozen=True)
class Delta:
    """Something that Spark SQL can select from: a table's name, or a Delta path."""

    name: str
    kind: str
    sql: str
    spark: SparkSession


def find(source: str, spark: SparkSession | None) -> Files | Delta:
    """What a source's name stands for: a path where there is one, else a table.

    Raises:
        UserError: it stands for nothing that is there.
    """
    path, uri = _local_path(source), _SCHEME.match(source)
    if path is not None and path.exists() and (_path_like(source) or not _is_table(source, spark)):
        if path.is_dir() and (path / "_delta_log").is_dir():
            return Delta(str(path), "delta", f"delta.{quoted(_for_spark(path))}", needed(spark, source))
        return Files(str(path), _kind_of(path), path)
    if uri and spark is not None and (path is None or uri.group(1) != "file"):
        return find_remote(source, spark)
    if path is not None and _path_like(source):
        raise UserError(
            f"There is no file {source} (looked for {path}): check the path, or name a table as catalog.schema.table."
        )
    parts = name_parts(source)
    if parts is None:
        raise UserError(f"--source {source!r} is neither a path nor a table's name such as catalog.schema.table.")
    if not _is_table(source, spark):
        where = (
            "and there is no Spark session to look for a table in" if spark is None else "nor a table that can be seen"
        )
        raise UserError(
            f"There is no source {source!r}: no file in {Path.cwd()}, {where}: check its name, catalog and schema."
        )
    return Delta(source, "table", ".".join(map(quoted, parts)), needed(spark, source))


def is_local_file(source: str) -> bool:
    """Whether a source is a file of this machine, or is written like one that should be there."""
    path = Path(source).expanduser()
    if path.exists():
        return path.is_file()
    return re.search(r"^\w{2,}:", source) is None and re.search(r"[/\\]|\.(csv|tsv|parquet)\b", source) is not None


def find_remote(source: str, spark: SparkSession) -> Files | Delta:
    """Files that only Spark can reach are fetched as bytes, so that they are read as local ones are."""
    lower = source.lower().rstrip("/")
    kind = "csv" if lower.endswith(CSV) else "parquet" if lower.endswith(PARQUET) else "delta"
    if kind == "delta":
        return Delta(source, kind, f"delta.{quoted(source)}", spark)
    try:
        pattern = "*" if kind == "csv" else "*.parquet"
        files = spark.read.format("binaryFile").option("pathGlobFilter", pattern).load(source)
        rows = files.select("path", "content").orderBy("path").collect()
    except Exception as error:  # what a file system raises in Java comes in many classes
        raise cannot_be_read(source, error, spark) from error
    if not rows:
        raise UserError(f"There are no {kind} files in {source}: check the path.")
    return Files(source, kind, [io.BytesIO(row.content) for row in rows])


def _local_path(source: str) -> Path | None:
    """Where the source would be on this machine's file system, if it can be there at all."""
    scheme = _SCHEME.match(source)
    if scheme is None:
        return Path(os.path.abspath(Path(source).expanduser()))  # noqa: PTH100 - links stay as they are
    rest = "/" + source[scheme.end() :].lstrip("/")
    if scheme.group(1) == "file" or (scheme.group(1) == "dbfs" and rest.startswith("/Volumes/")):
        return Path(rest)
    return Path("/dbfs" + rest) if scheme.group(1) == "dbfs" else None


def _for_spark(path: Path) -> str:
    """The same place as Spark calls it, whose default file system need not be this machine's."""
    text = str(path)
    if text.startswith("/Volumes/"):
        return text
    return f"dbfs:{text.removeprefix('/dbfs')}" if text.startswith("/dbfs/") else f"file:{text}"


def _path_like(source: str) -> bool:
    return bool(re.search(r"[/\\]|^[.~]", source)) or source.lower().endswith((*CSV, *PARQUET))


def _kind_of(path: Path) -> str:
    if path.is_dir():
        if any(path.rglob("*.parquet")):
            return "parquet"
        raise UserError(f"The folder {path} holds neither a Delta table (_delta_log) nor parquet files.")
    name = path.name.lower()
    if name.endswith(CSV):
        return "csv"
    if name.endswith(PARQUET):
        return "parquet"
    raise UserError(
        f"{path} ends in {path.suffix or 'nothing'!r}: give a file that ends in .csv or .parquet, or a table."
    )


def name_parts(name: str) -> list[str] | None:
    """The parts of a table's name; ``None`` for what cannot be one.

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
        raise UserError(f"The table {source} cannot be read ({first_line(error)}).") from error


def needed(spark: SparkSession | None, source: str) -> SparkSession:
    """The session, or a `UserError` where a table cannot be read for want of one."""
    if spark is None:
        raise UserError(f"{source} is a Delta table, and reading it needs a Spark session.")
    return spark
