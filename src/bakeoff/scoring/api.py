"""Scoring of a table, from the model's name to rows in a table or a file."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from bakeoff._options.parsers import PARSERS
from bakeoff._options.values import flag, given, refuse_placeholder
from bakeoff._utils.redaction import redact_text
from bakeoff.config import new_run_id
from bakeoff.errors import ConfigError, SourceError
from bakeoff.scoring.batch import Batch, check_case, check_names
from bakeoff.scoring.destination import Destination, is_file, read_destination
from bakeoff.scoring.files import earlier_models, read_scored, score_frame, write_scored
from bakeoff.scoring.inputs import NUMBER, InputColumn, with_plain_types, with_times
from bakeoff.scoring.model import ModelReference, load_scoring_model
from bakeoff.scoring.tables import Written, append_batch, delivered, find_batch, score_rows
from bakeoff.source.data_frames import to_pandas
from bakeoff.source.delta_folder import read_whole
from bakeoff.source.findings import Findings
from bakeoff.source.locate import DeltaFolder, Files, find, why_spark
from bakeoff.source.reading import Reading
from bakeoff.spark.session import OpenSession, open_session, require_spark

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Say = Callable[[str], None]


@dataclass(frozen=True)
class ScoreResult:
    """Result of scoring a table.

    Attributes:
        n_rows: Number of rows of the batch in the destination.
        destination: Table or file with the rows.
        batch_id: Id of the batch.
        repeated: Whether the batch was in the destination already, so that nothing was done.
        run_id: Id of the run that fitted the model.
        model_name: Name of the registered model; ``None`` for the model of a run.
        model_version: Version of the registered model; ``None`` for the model of a run.
        seconds: Duration in seconds.
    """

    n_rows: int
    destination: Destination
    batch_id: str
    repeated: bool
    run_id: str
    model_name: str | None
    model_version: str | None
    seconds: float


def score(  # noqa: PLR0913 - by keyword: what, with what, where to, and where things are
    *,
    model: str,
    source: str,
    to: str,
    batch_id: str | None = None,
    sep: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    header: str | None = None,
    home: str | Path = ".bakeoff",
    spark: SparkSession | OpenSession | None = None,
    say: Say = print,
) -> ScoreResult:
    """Score a table with a model that a run has logged, and append the rows to another table or a file.

    Every row keeps its columns and gets ``prediction``, ``probabilities`` (of a classifier that has them, a map by
    class), ``run_id``, ``model_name``, ``model_version``, ``scored_by``, ``batch_id`` and ``scored_at``.

    Args:
        model: ``NAME@alias``, ``NAME/VERSION``, or the id of a run.
        source: A table's name, or a path to a file, a folder of files, or Delta.
        to: A table's name, the path of a Delta folder, or a file that ends in .csv or .parquet. It is created if it
            does not exist.
        batch_id: Id of the batch; scoring the same id again changes nothing. By default a new id.
        sep: Separator of a text file; told from the file by default, as are the next three.
        decimal: Decimal mark of a text file.
        encoding: Encoding of a text file.
        header: ``yes``, ``no``, or the number of the line that holds the names of a text file's columns.
        home: The folder that the run was given as ``--home``.
        spark: The session to use, classic or Connect; by default the active one, or a local one that is stopped again.
        say: Called with messages for the user, one sentence at a time.

    Returns:
        The result, with the destination and the number of rows.

    Raises:
        ConfigError: An argument cannot be used, or there is no such model, alias or version.
        RunNotFoundError: There is no such run.
        SourceError: The source does not exist, or lacks columns that the model takes.
        TablesError: The rows cannot be written to the destination.
        RunConflictError: Another model has scored a batch of this id.
    """
    began, home = time.monotonic(), Path(home)
    reference = ModelReference.read(model)
    for name, value in (("source", source), ("to", to), ("batch_id", batch_id)):
        refuse_placeholder(name, value)
    if given(source) is None:
        raise ConfigError(
            "--source is missing: give a table's name, or a path to a file, a folder of files or a Delta table."
        )
    source = str(source).strip()
    read_destination(to, home, has_metastore=True)
    name = PARSERS["run_id"]("--batch-id", given(batch_id)) if given(batch_id) else new_run_id()
    reading = _reading(sep=sep, decimal=decimal, encoding=encoding, header=header)
    say(f"Loading {model}.")
    found = load_scoring_model(reference, home)
    batch = Batch(name, found, dt.datetime.now(dt.timezone.utc))
    reason = why_spark(source) or (None if is_file(str(to).strip()) else f"{to} is a table")
    without_spark = spark is None and reason is None
    if not without_spark:
        if spark is None:
            require_spark(str(reason))
        say("Opening a Spark session.")
    with nullcontext(None) if without_spark else open_session(spark, home) as session:
        has_metastore = session is None or not session.owned
        destination = read_destination(to, home, has_metastore=has_metastore)
        written = _score(batch, _Source(source, reading), destination, session.spark if session else None, say)
    return ScoreResult(
        n_rows=written.n_rows,
        destination=destination,
        batch_id=name,
        repeated=written.repeated,
        run_id=found.run_id,
        model_name=found.name,
        model_version=found.version,
        seconds=time.monotonic() - began,
    )


class _Source(NamedTuple):
    """A source to score, and how it is written if it is a text file."""

    text: str
    reading: Reading


def _reading(**options: str | None) -> Reading:
    """Return how a text file is written, as far as it was said."""
    for name, value in options.items():
        refuse_placeholder(name, value)
    parsed = {name: PARSERS[name](flag(name), given(value)) for name, value in options.items() if given(value)}
    if parsed.get("sep") is not None and parsed.get("sep") == parsed.get("decimal"):
        raise ConfigError(f"--sep and --decimal are both {parsed['sep']!r}: numbers would be cut in two.")
    return Reading(**parsed)


def _score(batch: Batch, source: _Source, destination: Destination, spark: Any, say: Say) -> Written:
    earlier = read_scored(destination) if destination.kind != "table" else None
    if earlier is not None:
        n_rows, models = earlier_models(earlier, batch.batch_id)
        batch.check_repeat(models, destination.name)
    else:
        n_rows = find_batch(spark, batch, destination) if destination.kind == "table" else 0
    if n_rows:
        return Written(n_rows, repeated=True)
    rows = _rows(source, spark, batch.model.inputs, say)
    source_name = redact_text(source.text)
    if isinstance(rows, pd.DataFrame):
        check_names(map(str, rows.columns), source_name)
        if destination.kind != "table":
            return _to_file(rows, batch, source_name, destination, earlier, say)
        check_case(map(str, rows.columns), source_name)
        rows = _as_table(rows, spark, source_name)
    say(f"Scoring {source_name} with {batch.model.said}.")
    with delivered(spark, batch.model) as delivery:
        scored = score_rows(rows, batch, source_name, delivery)
        if destination.kind == "table":
            return append_batch(spark, scored, batch, destination)
        return _collected(scored, destination, earlier)


def _rows(source: _Source, spark: Any, inputs: Sequence[InputColumn], say: Say) -> pd.DataFrame | DataFrame:
    """Read the rows of a source: a file as a data frame, anything else as a table of the session.

    Args:
        source: A path, or a table's name, and how a text file is written.
        spark: Session to read tables with.
        inputs: Columns that the model takes, by which a csv file is read: text in it can be all digits, and points in
            time are text.
        say: Called with what a file was taken for.
    """
    found = find(source.text, spark)
    if isinstance(found, Files):
        findings = Findings()
        reading = replace(
            source.reading,
            names=[column.name for column in inputs],
            texts=[column.name for column in inputs if column.is_text],
            numbers=[column.name for column in inputs if column.kind == NUMBER],
            words={column.name: column.words for column in inputs},
        )
        rows = found.read(reading, findings)
        for sentence in findings.sentences:
            say(sentence)
        return with_times(with_plain_types(rows.with_numbers(), inputs), inputs)
    if options := source.reading.options_given():
        raise ConfigError(f"{options[0]} is for text files such as csv, and {source.text} is a table: leave it out.")
    if isinstance(found, DeltaFolder):
        return with_times(with_plain_types(read_whole(found).with_numbers(), inputs), inputs)
    return found.spark.sql(f"SELECT * FROM {found.sql}")  # noqa: S608 - every name is quoted


def _to_file(  # noqa: PLR0913, PLR0917
    frame: pd.DataFrame, batch: Batch, source: str, destination: Destination, earlier: Any, say: Say
) -> Written:
    n_rows = len(frame)
    say(f"Scoring {n_rows:,} rows of {source} with {batch.model.said}.")
    last = time.monotonic()

    def count(done: int) -> None:
        nonlocal last
        if done < n_rows and time.monotonic() - last > 2:  # noqa: PLR2004 - seconds without a word
            say(f"{done:,} of {n_rows:,} rows are scored.")
            last = time.monotonic()

    write_scored(score_frame(frame, batch, source, count), destination, earlier)
    return Written(n_rows, repeated=False)


def _collected(scored: DataFrame, destination: Destination, earlier: Any) -> Written:
    """Write scored rows of a session to a file, through the driver."""
    import pyarrow as pa

    frame = to_pandas(scored)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    write_scored(table, destination, earlier)
    return Written(len(frame), repeated=False)


def _as_table(frame: pd.DataFrame, spark: Any, source: str) -> DataFrame:
    """Convert the rows of a file to a data frame of the session.

    Raises:
        SourceError: A column holds values of several types.
    """
    import pyarrow as pa
    from pyspark.errors import PySparkException

    try:
        pa.Schema.from_pandas(frame, preserve_index=False)
        return spark.createDataFrame(frame)
    except (pa.ArrowException, PySparkException, TypeError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        raise SourceError(f"{source} cannot be made a table ({first}): give each column values of one type.") from error
