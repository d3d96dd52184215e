"""The table to learn from: found, read in an order that is always the same, and checked.

Files keep their row order, so that results equal those of plain PyCaret on the same file. Tables have none: they are
ordered by the columns that the user names, else by a hash of their rows.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import difflib
import hashlib
import io
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bakeoff.config import RunConfig
from bakeoff.errors import UserError
from bakeoff.results.target import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FEW_VALUES = 20
"""A target of whole numbers is taken for classes when it has at most so many, each of them often enough."""
ROWS_PER_VALUE = 10

_CSV = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.bz2", ".csv.xz", ".csv.zip")
_PARQUET = (".parquet", ".pq")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
_NAME_PART = re.compile(r"`((?:[^`]|``)+)`|([^.`\s/\\:]+)")
_MAX_PARTS = 3
_ROW_HASH = "__bakeoff_row_hash"
_ROW_COPY = "__bakeoff_row_copy"
_LIST_AT_MOST = 30

Bytes = io.BytesIO
"""A file that was read through Spark."""


@dataclass(frozen=True)
class SourceTable:
    """What a run learns from.

    Attributes:
        frame: the rows; numbered from 0, or for a time series indexed by period.
        name: the table's name, or the path.
        version: of the Delta table that was read, where it is one.
        digest: content hash of the frame.
        kind: ``csv``, ``parquet``, ``delta`` (a path) or ``table``.
        task: what was asked for, else what the target suggests.
        notes: sentences that the user should hear.
    """

    frame: pd.DataFrame
    name: str
    version: str | None
    digest: str
    kind: str
    task: str
    notes: tuple[str, ...] = ()


def load_source(config: RunConfig, spark: SparkSession | None = None) -> SourceTable:
    """Find, read and check the table that the config names.

    Args:
        config: source, target, task, order and number of rows.
        spark: needed for tables and Delta, and for files that only a cluster can reach; left as it is.

    Raises:
        UserError: the source is not there, cannot be read, or cannot be learned from.
    """
    notes: list[str] = []
    found = _find(config.source, spark)
    if isinstance(found, _Files):
        if config.source_version is not None:
            raise UserError(
                f"--source-version is for Delta tables, and {config.source} is a {found.kind} file: leave it out."
            )
        frame = _plain_types(found.read(), notes)
        _check_columns(frame.columns, config)
        frame = _in_order(frame, config)
        version = None
    else:
        frame, version = _read_delta(found, config, notes)
        frame = _plain_types(frame, notes)
        _check_columns(frame.columns, config)
    if frame.empty:
        raise UserError(f"{config.source} has no rows: there is nothing to learn from.")
    time_series = config.task == "time_series"
    if not time_series:
        frame = _without_missing_target(frame, config.target, notes)
    frame = _sampled(frame, config, notes).reset_index(drop=True)
    task = check_target(frame[config.target], config, notes)
    if time_series:
        frame = time_indexed(frame, str(config.time_col))
    return SourceTable(frame, found.name, version, digest_of(frame), found.kind, task, tuple(notes))


def infer_task(target: pd.Series[Any]) -> tuple[str, str]:
    """Classification or regression, and a sentence that says why.

    Example:
        >>> infer_task(pd.Series(["no", "yes"], name="bought"))[0]
        'classification'
        >>> infer_task(pd.Series([0.5, 1.25, 8.0], name="price"))[0]
        'regression'
    """
    values = target.dropna()
    n_distinct = values.nunique()
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        task, what = "classification", "classes, not numbers"
    elif n_distinct == 2 and _whole(values):  # noqa: PLR2004
        task, what = "classification", "two distinct whole numbers"
    elif n_distinct <= min(FEW_VALUES, len(values) / ROWS_PER_VALUE) and _whole(values):
        task, what = "classification", f"only {n_distinct} distinct whole numbers"
    else:
        task, what = "regression", f"{n_distinct} distinct numbers"
    other = "regression" if task == "classification" and pd.api.types.is_numeric_dtype(values) else None
    other = "classification" if task == "regression" else other
    hint = f" (--task {other} to have it otherwise)" if other else ""
    return task, f"The task is {task}: the target {target.name!r} holds {what}{hint}."


def check_target(target: pd.Series[Any], config: RunConfig, notes: list[str]) -> str:
    """The task, once it is sure that the target can be learned.

    Raises:
        UserError: it cannot; the sentence says why.
    """
    name = target.name
    values = target.dropna()
    if values.empty:
        raise UserError(f"The target {name!r} is empty in every row: choose another --target.")
    if (values == values.iloc[0]).all():
        where = " of the sample (raise --max-rows, or choose another --target)" if config.max_rows else ""
        raise UserError(f"The target {name!r} is {values.iloc[0]!r} in every row{where}: there is nothing to predict.")
    task = config.task
    if task is None:
        if pd.api.types.is_datetime64_any_dtype(values):
            raise UserError(f"The target {name!r} is a date, which cannot be predicted: choose another --target.")
        task, why = infer_task(target)
        notes.append(why)
    if task == "classification":
        _check_classes(values, config)
    elif not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        raise UserError(
            f"The target {name!r} holds {type(values.iloc[0]).__name__} values such as {values.iloc[0]!r}, "
            f"and {task} predicts numbers: use --task classification, or choose another --target."
        )
    elif not np.isfinite(values.to_numpy(dtype=float)).all():
        raise UserError(f"The target {name!r} holds infinite values: remove those rows from the source.")
    return task


def digest_of(frame: pd.DataFrame) -> str:
    """A hash of the frame's names, index and values, in their order."""
    content = hashlib.sha256("\x1f".join(map(str, frame.columns)).encode())
    content.update(pd.util.hash_pandas_object(frame, index=True).to_numpy().tobytes())
    return content.hexdigest()


def time_indexed(frame: pd.DataFrame, time_col: str) -> pd.DataFrame:
    """The frame sorted by time, with the time as its index: periods for dates, numbers as they are.

    Raises:
        UserError: times are missing, repeated, unreadable, or have gaps.
    """
    times = _times(frame[time_col])
    if times.isna().any():
        raise UserError(f"--time-col {time_col!r} is empty in {times.isna().sum()} rows: every row needs its time.")
    if times.duplicated().any():
        twice = times[times.duplicated()].iloc[0]
        raise UserError(
            f"--time-col {time_col!r} holds {twice} more than once: a time series has one row per time, so add up or "
            "filter the rows first."
        )
    frame = frame.drop(columns=time_col)
    frame.index = pd.Index(times, name=time_col)
    frame = frame.sort_index()
    if isinstance(frame.index, pd.DatetimeIndex):
        frame.index = _periods(frame.index)
    return frame


# --- where the rows are ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Files:
    """A csv or parquet file (or a folder of parquet), in a place that pandas reads; or its bytes."""

    name: str
    kind: str
    content: Path | list[Bytes]

    def read(self) -> pd.DataFrame:
        parts: Sequence[Path | Bytes] = [self.content] if isinstance(self.content, Path) else self.content
        read = _read_csv if self.kind == "csv" else _read_parquet
        frames = [read(part, self.name) for part in parts]
        return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


@dataclass(frozen=True)
class _Delta:
    """Something that Spark SQL can select from: a table's name, or a Delta path."""

    name: str
    kind: str
    sql: str
    spark: SparkSession


def _find(source: str, spark: SparkSession | None) -> _Files | _Delta:
    path, uri = _local_path(source), _SCHEME.match(source)
    if path is not None and path.exists() and (_path_like(source) or not _is_table(source, spark)):
        if path.is_dir() and (path / "_delta_log").is_dir():
            return _Delta(str(path), "delta", f"delta.{quoted(_for_spark(path))}", _needed(spark, source))
        return _Files(str(path), _kind_of(path), path)
    if uri and spark is not None and (path is None or uri.group(1) != "file"):
        return _find_remote(source, spark)
    if path is not None and _path_like(source):
        raise UserError(
            f"There is no file {source} (looked for {path}): check the path, or name a table as catalog.schema.table."
        )
    parts = _name_parts(source)
    if parts is None:
        raise UserError(f"--source {source!r} is neither a path nor a table's name such as catalog.schema.table.")
    if not _is_table(source, spark):
        where = (
            "and there is no Spark session to look for a table in" if spark is None else "nor a table that can be seen"
        )
        raise UserError(
            f"There is no source {source!r}: no file in {Path.cwd()}, {where}: check its name, catalog and schema."
        )
    return _Delta(source, "table", ".".join(map(quoted, parts)), _needed(spark, source))


def _find_remote(source: str, spark: SparkSession) -> _Files | _Delta:
    """Files that only Spark can reach are fetched as bytes, so that they are read as local ones are."""
    lower = source.lower().rstrip("/")
    kind = "csv" if lower.endswith(_CSV) else "parquet" if lower.endswith(_PARQUET) else "delta"
    if kind == "delta":
        return _Delta(source, kind, f"delta.{quoted(source)}", spark)
    try:
        pattern = "*" if kind == "csv" else "*.parquet"
        files = spark.read.format("binaryFile").option("pathGlobFilter", pattern).load(source)
        rows = files.select("path", "content").orderBy("path").collect()
    except Exception as error:  # what a file system raises in Java comes in many classes
        raise UserError(f"--source {source} cannot be read ({_first_line(error)}): check the path.") from error
    if not rows:
        raise UserError(f"There are no {kind} files in {source}: check the path.")
    return _Files(source, kind, [Bytes(row.content) for row in rows])


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
    return bool(re.search(r"[/\\]|^[.~]", source)) or source.lower().endswith((*_CSV, *_PARQUET))


def _kind_of(path: Path) -> str:
    if path.is_dir():
        if any(path.rglob("*.parquet")):
            return "parquet"
        raise UserError(f"The folder {path} holds neither a Delta table (_delta_log) nor parquet files.")
    name = path.name.lower()
    if name.endswith(_CSV):
        return "csv"
    if name.endswith(_PARQUET):
        return "parquet"
    raise UserError(
        f"{path} ends in {path.suffix or 'nothing'!r}: give a file that ends in .csv or .parquet, or a table."
    )


def _name_parts(name: str) -> list[str] | None:
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
    parts = _name_parts(source)
    if spark is None or parts is None:
        return False
    from pyspark.errors import AnalysisException

    try:
        return bool(spark.table(".".join(map(quoted, parts))).columns)
    except AnalysisException as error:
        if re.search("not.found", str(error), re.IGNORECASE):
            return False
        raise UserError(f"The table {source} cannot be read ({_first_line(error)}).") from error


def _needed(spark: SparkSession | None, source: str) -> SparkSession:
    if spark is None:
        raise UserError(f"{source} is a Delta table, and reading it needs a Spark session.")
    return spark


# --- reading files --------------------------------------------------------------------------------------------------


def _read_csv(file: Path | Bytes, name: str) -> pd.DataFrame:
    sep = "\t" if ".tsv" in Path(name).name.lower() else ","
    packed: Any = "infer" if isinstance(file, Path) else _compression(name)
    try:
        header = pd.read_csv(file, sep=sep, header=None, nrows=1, dtype=str, keep_default_na=False, compression=packed)
        _refuse_duplicates([str(column) for column in header.iloc[0]], name)
        if isinstance(file, io.BytesIO):
            file.seek(0)
        frame = pd.read_csv(file, sep=sep, low_memory=False, compression=packed)
    except pd.errors.EmptyDataError as error:
        raise UserError(f"{name} is empty: there is nothing to learn from.") from error
    except (ValueError, OSError) as error:  # ParserError and UnicodeDecodeError are ValueErrors
        raise UserError(f"{name} cannot be read as csv ({_first_line(error)}).") from error
    if not isinstance(frame.index, pd.RangeIndex):
        raise UserError(f"The rows of {name} have more values than its header has names: give every column a name.")
    return frame


def _compression(name: str) -> str | None:
    return {".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zip": "zip"}.get(Path(name).suffix.lower())


def _read_parquet(file: Path | Bytes, name: str) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file)
        _refuse_duplicates(table.column_names, name)
        frame: pd.DataFrame = table.to_pandas()
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{name} cannot be read as parquet ({_first_line(error)}).") from error
    # A frame that was saved with an index of its own has it as columns, as it has in a table.
    return frame.reset_index(drop=all(level is None for level in frame.index.names))


def _refuse_duplicates(columns: Sequence[str], name: str) -> None:
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise UserError(f"{name} has more than one column named {', '.join(map(repr, twice))}: give each its own name.")


def _in_order(frame: pd.DataFrame, config: RunConfig) -> pd.DataFrame:
    if not config.order_by:
        return frame
    return frame.sort_values(list(config.order_by), kind="stable", na_position="first", ignore_index=True)


# --- reading tables -------------------------------------------------------------------------------------------------


def _read_delta(found: _Delta, config: RunConfig, notes: list[str]) -> tuple[pd.DataFrame, str | None]:
    table, version = _at_version(found, config.source_version)
    usable = _usable_columns(table, notes)
    _check_columns(usable, config)
    # Expressions are text, since PySpark's column functions belong to whichever kind of session the process had first.
    table = table.selectExpr(*map(quoted, usable))
    if config.max_rows is not None:
        table = _sample_of_table(table, config, notes)
    columns = list(map(quoted, usable))
    by = [*map(quoted, config.order_by), _ROW_HASH, *columns]
    ordered = table.selectExpr(*columns, f"{_hash_of(table)} AS {_ROW_HASH}").orderBy(*by).selectExpr(*columns)
    return ordered.toPandas(), version


def _at_version(found: _Delta, version: int | None) -> tuple[DataFrame, str | None]:
    from pyspark.errors import PySparkException

    try:
        history = found.spark.sql(f"DESCRIBE HISTORY {found.sql} LIMIT 1").collect()
    except PySparkException:
        history = []  # a view, or a table that is not Delta, or one whose history is not ours to see
    if version is None and history:
        # Read exactly the version that is written down, unless the table does not let us (row filters, masks).
        with contextlib.suppress(PySparkException):
            latest = history[0].version
            return _select(found, f" VERSION AS OF {latest}"), str(latest)
    try:
        return _select(found, "" if version is None else f" VERSION AS OF {version}"), _text(version)
    except PySparkException as error:
        if version is None:
            raise UserError(f"{found.name} cannot be read ({_first_line(error)}).") from error
        latest = f"its newest is {history[0].version}" if history else "it has no versions that can be seen"
        raise UserError(f"{found.name} has no version {version} that can be read: {latest}.") from error


def _select(found: _Delta, version: str) -> DataFrame:
    table = found.spark.sql(f"SELECT * FROM {found.sql}{version}")  # noqa: S608 - every name is quoted
    _ = table.schema  # on Spark Connect a name is looked up no sooner than here
    return table


def _usable_columns(table: DataFrame, notes: list[str]) -> list[str]:
    """The columns that PyCaret can use, which are also those that have an order."""
    from pyspark.sql import types

    plain: tuple[type, ...] = (
        *(types.NumericType, types.BooleanType, types.StringType, types.CharType, types.VarcharType),
        *(types.DateType, types.TimestampType, types.TimestampNTZType),
    )
    usable = [field.name for field in table.schema.fields if isinstance(field.dataType, plain)]
    left_out = [field.name for field in table.schema.fields if not isinstance(field.dataType, plain)]
    if left_out:
        notes.append(f"Left out {', '.join(left_out)}: models cannot use columns of bytes, arrays, maps or structs.")
    return usable


def _hash_of(table: DataFrame) -> str:
    return f"xxhash64({', '.join(_hashable(name, kind) for name, kind in table.dtypes)})"


def _hashable(name: str, kind: str) -> str:
    # As text a time depends on the session's time zone, as a number it does not.
    return f"CAST({f'CAST({quoted(name)} AS DOUBLE)' if kind == 'timestamp' else quoted(name)} AS STRING)"


def _sample_of_table(table: DataFrame, config: RunConfig, notes: list[str]) -> DataFrame:
    """``max_rows`` of the table's rows that have a target, the same ones whatever order the rows come in."""
    most = int(config.max_rows or 0)
    if config.task == "time_series":
        # A random part of a time series would be full of holes: the latest stretch is what a forecast starts from.
        notes.append(f"Took the latest {most} rows at most (--max-rows).")
        return table.orderBy(quoted(str(config.time_col)), ascending=False).limit(most)
    target = quoted(config.target)
    is_float = dict(table.dtypes)[config.target] in {"float", "double"}
    present = f"{target} IS NOT NULL" + (f" AND NOT isnan({target})" if is_float else "")
    n_rows, n_present = table.selectExpr("count(*)", f"count_if({present})").collect()[0]
    if n_present <= most:
        return table
    _note_missing_target(n_rows - n_present, config.target, notes)
    _note_sample(most, n_present, config, notes)
    table = table.where(present)
    # Equal rows have equal hashes: the number of the copy tells them apart, so that each copy has its own chance.
    columns = list(map(quoted, table.columns))
    hashed = table.selectExpr(*columns, f"{_hash_of(table)} AS {_ROW_HASH}")
    copy = f"row_number() OVER (PARTITION BY {_ROW_HASH} ORDER BY {', '.join(columns)}) AS {_ROW_COPY}"
    numbered = hashed.selectExpr("*", copy).selectExpr(*columns, _ROW_HASH, _ROW_COPY)
    chance = f"xxhash64({config.seed}L, {_ROW_HASH}, {_ROW_COPY})"
    drawn = numbered.selectExpr(*columns, f"{chance} AS {_ROW_HASH}", _ROW_COPY).orderBy(_ROW_HASH, _ROW_COPY, *columns)
    return drawn.limit(most).selectExpr(*columns)


# --- what is the same for all ---------------------------------------------------------------------------------------


def _check_columns(columns: Sequence[str] | pd.Index[Any], config: RunConfig) -> None:
    known = list(columns)
    wanted = [("--target", config.target), *(("--order-by", name) for name in config.order_by)]
    if config.time_col is not None:
        wanted.append(("--time-col", config.time_col))
    for option, name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or _same_letters(name, known)
            some = ", ".join(known[:_LIST_AT_MOST]) + (", ..." if len(known) > _LIST_AT_MOST else "")
            hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"its columns are {some}."
            raise UserError(f"{option}: there is no column {name!r} in {config.source}: {hint}")
    if len(known) == 1:
        raise UserError(
            f"{config.source} has no column besides the target {config.target!r}: there is nothing to learn from."
        )


def _same_letters(name: str, known: Sequence[str]) -> list[str]:
    return [other for other in known if other.strip().casefold() == name.strip().casefold()]


def _plain_types(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Decimals as floats, dates and times without zone as times; what is no value at all is left out."""
    changed: dict[str, pd.Series[Any]] = {}
    left_out = []
    for name, column in frame.items():
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            changed[str(name)] = column.dt.tz_convert("UTC").dt.tz_localize(None)
        if column.dtype != object:
            continue
        first = next((value for value in column if value is not None and value is not pd.NaT), None)
        if isinstance(first, decimal.Decimal):
            changed[str(name)] = column.astype(float)
        elif isinstance(first, dt.date):
            changed[str(name)] = pd.to_datetime(column, errors="coerce")
            lost = int((changed[str(name)].isna() & column.notna()).sum())
            if lost:
                notes.append(f"{lost} dates in {name} are outside of what pandas can hold, and count as missing.")
        elif isinstance(first, (bytes, bytearray, list, tuple, dict, set, np.ndarray)):
            left_out.append(name)
    if left_out:
        notes.append(f"Left out {', '.join(map(str, left_out))}: models cannot use columns of bytes, arrays or maps.")
    return frame.assign(**changed).drop(columns=left_out)


def _without_missing_target(frame: pd.DataFrame, target: str, notes: list[str]) -> pd.DataFrame:
    """PyCaret refuses a target with holes, so the rows without one are left out, and that is said."""
    present = frame[target].notna()
    if present.any():  # else the check of the target has the word
        _note_missing_target(int((~present).sum()), target, notes)
        frame = frame[present]
    return frame


def _note_missing_target(n_rows: int, target: str, notes: list[str]) -> None:
    if n_rows:
        notes.append(f"Left out {n_rows} {'row' if n_rows == 1 else 'rows'} without a value of the target {target!r}.")


def _sampled(frame: pd.DataFrame, config: RunConfig, notes: list[str]) -> pd.DataFrame:
    n_rows, most = len(frame), config.max_rows
    if most is None or n_rows <= most:
        return frame
    if config.task == "time_series":
        latest = _times(frame[str(config.time_col)]).argsort(kind="stable").to_numpy()[-most:]
        notes.append(f"Took the latest {most} of {n_rows} rows (--max-rows).")
        return frame.iloc[np.sort(latest)]
    _note_sample(most, n_rows, config, notes)
    rows = np.random.default_rng(config.seed).choice(n_rows, size=most, replace=False)
    return frame.iloc[np.sort(rows)]


def _note_sample(most: int, n_rows: int, config: RunConfig, notes: list[str]) -> None:
    notes.append(f"Took a sample of {most} of {n_rows} rows (--max-rows, drawn with seed {config.seed}).")


def _check_classes(values: pd.Series[Any], config: RunConfig) -> None:
    """Rows are split so that each part has every class: a class needs a row for both."""
    counts = values.value_counts()
    single = counts[counts == 1].index
    if len(single) and config.setup.get("data_split_stratify", True) is True:
        some = "a class" if len(single) == 1 else f"{len(single)} classes"
        numbers = "use --task regression, " if pd.api.types.is_numeric_dtype(values) else ""
        raise UserError(
            f"The target {values.name!r} has {some} with a single row (such as {single[0]!r}), and a class needs at "
            f"least 2: remove those rows, {numbers}or choose another --target."
        )


def _whole(values: pd.Series[Any]) -> bool:
    numbers = values.to_numpy(dtype=float)
    return bool(np.isfinite(numbers).all() and (numbers == np.round(numbers)).all())


def _times(column: pd.Series[Any]) -> pd.Series[Any]:
    if pd.api.types.is_datetime64_any_dtype(column):
        return column
    if pd.api.types.is_numeric_dtype(column):
        if column.isna().any() or (column.sort_values().diff().dropna() == 1).all():
            return column if column.isna().any() else column.astype("int64")
        raise UserError(
            f"--time-col {column.name!r} holds numbers that do not count 1, 2, 3: give dates, or a counter."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a format that has to be guessed row by row
            return pd.to_datetime(column)
    except (ValueError, TypeError) as error:
        some = next(iter(column.dropna()), None)
        raise UserError(f"--time-col {column.name!r} holds no times that can be read, such as {some!r}.") from error


def _periods(index: pd.DatetimeIndex) -> pd.PeriodIndex:
    regular = pd.infer_freq(index) if len(index) > 2 else None  # noqa: PLR2004 - two times have no rhythm
    try:
        if regular is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # periods of business days, which PyCaret makes as well
                return index.to_period()
    except ValueError as error:
        raise UserError(f"--time-col {index.name!r} steps by {regular}, which has no periods to forecast.") from error
    for unit, periods in _units(index):
        n_missing = periods[-1].ordinal - periods[0].ordinal + 1 - len(periods)
        if n_missing == 0:
            return periods
        if n_missing <= len(periods):
            expected = pd.period_range(periods[0], periods[-1], freq=unit)
            raise UserError(
                f"--time-col {index.name!r} has gaps ({n_missing} missing, the first is "
                f"{expected[~expected.isin(periods)][0]}): add a row for each, and let setup fill it in "
                "('numeric_imputation_target')."
            )
    raise UserError(f"--time-col {index.name!r} has no regular step: bring the rows to one per day, month or the like.")


def _units(index: pd.DatetimeIndex) -> Iterator[tuple[str, pd.PeriodIndex]]:
    """The periods in which each time is alone, the longest first."""
    for unit in ("A", "Q", "M", "W", "D", "H", "T", "S"):
        periods = index.to_period(unit)
        if periods.is_unique:
            yield unit, periods


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _text(value: object) -> str | None:
    return None if value is None else str(value)
