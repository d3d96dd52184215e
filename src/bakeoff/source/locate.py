"""Resolve the name of a source: to files that pandas reads, or to a table that Spark SQL selects from."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from bakeoff._utils.platform import expanded
from bakeoff._utils.redaction import redact_text
from bakeoff._utils.text import first_line
from bakeoff.errors import SourceError
from bakeoff.source.delta_log import why_unreadable
from bakeoff.source.files import ENDINGS_SAID, format_of, read_files
from bakeoff.source.filesystems import cannot_be_read
from bakeoff.source.findings import FindingKind, Findings
from bakeoff.source.gap_words import RawTable
from bakeoff.source.reading import Reading
from bakeoff.storage.location import DELTA_LOG, quoted

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
_NAME_PART = re.compile(r"`((?:[^`]|``)+)`|([^.`\s/\\:]+)")
_MAX_PARTS = 3


@dataclass(frozen=True)
class Files:
    """Files of one format that pandas can read: one, those of a folder, or those that a pattern fits.

    Attributes:
        name: the path, as part of errors.
        kind: the format: ``csv`` (any text with separated columns), ``parquet``, ``json``, ``excel``, ``arrow``
            or ``orc``.
        parts: the path or the content of each file, or the path of a folder of parquet files, by name.
    """

    name: str
    kind: str
    parts: dict[str, Path | io.BytesIO]

    def read(self, reading: Reading, findings: Findings) -> RawTable:
        """Read the rows, in their order.

        Args:
            reading: what is known about the files.
            findings: gets what they were taken for, and what counts as a gap.
        """
        if len(self.parts) > 1:
            names = [Path(part).name for part in self.parts]
            sentence = f"Read {len(names)} files of {self.name}, from {names[0]} to {names[-1]}."
            findings.add(FindingKind.READ_AS, sentence)
        return read_files(self.kind, self.parts, reading, findings)


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


@dataclass(frozen=True)
class DeltaFolder:
    """A Delta table in a folder of this machine, read without Spark.

    Attributes:
        name: the path, as part of errors.
        path: the folder.
    """

    name: str
    path: Path
    kind: ClassVar[str] = "delta"


def why_spark(source: str, version: int | None = None) -> str | None:
    """Return why a source can be read with Spark only, as the end of a sentence; ``None`` if it needs no Spark.

    Args:
        source: a path, a URI or the name of a table.
        version: version of the Delta table that is wanted.
    """
    path, uri = _local_path(source), _SCHEME.match(source)
    if path is not None and path.exists():
        return why_unreadable(path, version) if (path / DELTA_LOG).is_dir() else None
    if path is None or (uri and uri.group(1) != "file"):
        return f"{redact_text(source)} is no path of this machine"
    if _fitting(path) or _looks_like_path(source) or name_parts(source) is None:
        return None
    return f"{source} is no file here, but the name of a table"


def find(source: str, spark: SparkSession | None) -> Files | Delta | DeltaFolder:
    """Resolve the name of a source: to a path if it exists, otherwise to a table.

    Args:
        source: a path, a URI or the name of a table.
        spark: session, needed for tables, Delta and remote files.

    Raises:
        SourceError: There is no such file or table, or it cannot be read.
    """
    path, uri = _local_path(source), _SCHEME.match(source)
    if path is not None and path.exists() and (_looks_like_path(source) or not _is_table(source, spark)):
        if (path / DELTA_LOG).is_dir():
            if spark is None:
                return DeltaFolder(str(path), path)
            return Delta(str(path), "delta", f"delta.{quoted(_for_spark(path))}", spark)
        return _local_files(path)
    if path is not None and not path.exists() and (fitting := _fitting(path)):
        return _together(str(path), fitting)
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
    assert spark is not None  # noqa: S101 - it has found the table
    return Delta(source, "table", ".".join(map(quoted, parts)), spark)


def is_local_file(source: str) -> bool:
    """Whether a source is a local file, or is written like the path of one."""
    path = expanded(source, "--source")
    if path.exists():
        return path.is_file()
    return re.search(r"^\w{2,}:", source) is None and _looks_like_path(source)


def find_remote(source: str, spark: SparkSession) -> Files | Delta:
    """Resolve a URI that only Spark can reach; files are fetched, and so read as local ones are.

    Raises:
        SourceError: There are no such files, or they cannot be read.
    """
    kind = format_of(source.rstrip("/")) or "delta"
    if kind == "delta":
        return Delta(source, kind, f"delta.{quoted(source)}", spark)
    try:
        pattern = "*.parquet" if kind == "parquet" else "*"
        files = spark.read.format("binaryFile").option("pathGlobFilter", pattern).load(source)
        rows = files.select("path", "content").orderBy("path").collect()
    except Exception as error:  # Java's file systems raise errors of many classes
        raise cannot_be_read(source, error, spark) from error
    if not rows:
        raise SourceError(f"There are no {kind} files in {source}: check the path.")
    names = [source] if len(rows) == 1 else [str(row.path) for row in rows]
    return Files(source, kind, {name: io.BytesIO(row.content) for name, row in zip(names, rows, strict=True)})


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
    return bool(re.search(r"[/\\]|^[.~]", source)) or format_of(source) is not None


def _local_files(path: Path) -> Files:
    """Return a file, or the files of a folder.

    Raises:
        SourceError: They are of no format that can be read, or of several.
    """
    if not path.is_dir():
        kind = format_of(path.name)
        if kind is None:
            raise SourceError(f"{path} ends in {path.suffix or 'nothing'!r}: {ENDINGS_SAID}.")
        return Files(str(path), kind, {str(path): path})
    if any(path.rglob("*.parquet")):
        return Files(str(path), "parquet", {str(path): path})
    inside = sorted(part for part in path.iterdir() if part.is_file() and not part.name.startswith(("_", ".")))
    usable = [part for part in inside if format_of(part.name) is not None]
    if not usable:
        raise SourceError(
            f"The folder {path} holds neither a Delta table (_delta_log) nor parquet files, nor others to read."
        )
    return _together(str(path), usable)


def _fitting(path: Path) -> list[Path]:
    """Return the files that a path with ``*``, ``?`` or ``[`` in its last part fits."""
    if not re.search(r"[*?\[]", path.name):
        return []
    return sorted(part for part in path.parent.glob(path.name) if part.is_file() and format_of(part.name) is not None)


def _together(name: str, files: Sequence[Path]) -> Files:
    kinds = {format_of(file.name) or "": file.name for file in files}
    if len(kinds) > 1:
        raise SourceError(
            f"{name} holds files of several formats ({', '.join(sorted(kinds.values()))}): name those of one, as in "
            f"{Path(name) if not Path(name).suffix else Path(name).parent}/*.csv."
        )
    return Files(name, next(iter(kinds)), {str(file): file for file in files})


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
