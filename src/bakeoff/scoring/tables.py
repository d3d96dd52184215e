"""Scoring on the workers of a Spark session, classic or Connect, into a Delta table."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bakeoff.errors import ClusterError, TablesError, WorkerError
from bakeoff.execution.engines.artifacts import send_artifact
from bakeoff.execution.worker.payload import BroadcastDelivery, Delivery, InlineDelivery
from bakeoff.scoring.batch import COMMENTS, MARKS, Batch, check_names
from bakeoff.scoring.destination import Destination
from bakeoff.scoring.inputs import check_inputs, kinds_of_schema
from bakeoff.scoring.model import ScoringModel
from bakeoff.scoring.predictor import PREDICTION, PROBABILITIES, CheckDelivery, Predictor, ScoreBatches
from bakeoff.spark.kind import is_connect
from bakeoff.spark.parameters import sql
from bakeoff.storage.commits import commit, reason_of
from bakeoff.storage.location import quoted, save_to
from bakeoff.storage.rows import to_micros

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_LOG = logging.getLogger(__name__)
_INLINE_BYTES = 32_000_000
"""Greatest size of a model inside a plan of Spark Connect, whose messages are limited to 128 MB."""
_RAISED = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception)\b.*$", re.MULTILINE)
_NEEDS_MAPPING = re.compile(r"[ ,;{}()\n\t=]")


@dataclass(frozen=True)
class Written:
    """Result of writing a batch: the number of its rows, and whether they were in the destination before."""

    n_rows: int
    repeated: bool


def score_rows(rows: DataFrame, batch: Batch, source: str, delivery: Delivery) -> DataFrame:
    """Return the rows of a table with predictions and marks; nothing is computed yet.

    Args:
        rows: Rows of the source; all of their columns are kept unchanged.
        batch: The batch, with its model.
        source: Name of the table.
        delivery: Way in which workers get the model.

    Raises:
        SourceError: Columns are missing, are of another kind than the model takes, or have names that scoring adds.
    """
    from pyspark.sql.types import BooleanType, DoubleType, LongType, MapType, StringType, StructField, StructType

    model = batch.model
    check_names(rows.columns, source)
    check_inputs(model.inputs, kinds_of_schema(rows.schema), source)
    labels = Predictor(model.content, model.inputs, model.prediction_type).labels
    types = {"BIGINT": LongType(), "DOUBLE": DoubleType(), "BOOLEAN": BooleanType()}
    answers = [StructField(PREDICTION, types.get(model.prediction_type, StringType()))]
    if labels is not None:
        answers.append(StructField(PROBABILITIES, MapType(StringType(), DoubleType())))
    function = ScoreBatches(model.digest, delivery, model.inputs, model.prediction_type)
    scored = rows.mapInArrow(function, StructType([*rows.schema.fields, *answers]))
    marks = [f"{_literal(value, name)} AS {name}" for name, value in batch.marks.items()]
    return scored.selectExpr("*", *marks)


def append_batch(spark: SparkSession, scored: DataFrame, batch: Batch, destination: Destination) -> Written:
    """Append a batch to a Delta table in one commit, unless the table has its rows already.

    Raises:
        TablesError: The table has other columns, or cannot be written.
        RunConflictError: Another model has scored a batch of this id.
    """

    def append() -> Written:
        if not _exists(spark, destination):
            _create(spark, scored, destination)
        if n_rows := _rows_of(spark, batch, destination):
            return Written(n_rows, repeated=True)
        adds_columns = _check_columns(spark, scored, destination)
        writer = scored.write.format("delta").mode("append")
        # Of two writers of the same batch, Delta refuses the second commit, and its retry finds the rows. The version
        # number grows with the table, so that a batch whose rows were deleted can be scored again.
        writer = writer.option("txnAppId", f"bakeoff-score-{batch.batch_id}")
        writer = writer.option("txnVersion", _version(spark, destination) + 1)
        if adds_columns:
            writer = writer.option("mergeSchema", "true")
        with _naming_worker_errors():
            save_to(writer, destination.sql)
        return Written(_rows_of(spark, batch, destination), repeated=False)

    return commit(destination.folder, append)


def find_batch(spark: SparkSession, batch: Batch, destination: Destination) -> int:
    """Return the number of rows of a batch in a table; 0 if there is no table.

    Raises:
        TablesError: The table was not created by scoring.
        RunConflictError: Another model has scored the batch.
    """
    return _rows_of(spark, batch, destination) if _exists(spark, destination) else 0


@contextmanager
def delivered(spark: SparkSession, model: ScoringModel) -> Iterator[Delivery]:
    """Make the model available to workers while the block runs.

    Raises:
        ClusterError: Workers of this Connect session cannot get the model.
    """
    if not is_connect(spark):
        broadcast = spark.sparkContext.broadcast(model.content)
        try:
            yield BroadcastDelivery(broadcast)
        finally:
            broadcast.destroy()
        return
    for artifact in send_artifact(spark, model.digest, model.content):
        if _arrives(spark, model, artifact) is None:
            yield artifact
            return
    if len(model.content) > _INLINE_BYTES:
        raise ClusterError(
            f"The model takes {len(model.content) / 1e6:.0f} MB, and this Spark Connect session gives workers no "
            "files: score on a cluster in dedicated access mode."
        )
    inline = InlineDelivery(model.content)
    if (error := _arrives(spark, model, inline)) is not None:
        raise ClusterError(
            f"No task can run on this session ({reason_of(error)}): install Bakeoff and PyCaret on its workers."
        ) from error
    yield inline


@contextmanager
def _naming_worker_errors() -> Iterator[None]:
    """Raise an exception of the model on a worker as one sentence instead of two stacks.

    Raises:
        WorkerError: The model raised an exception.
    """
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as error:
        raised = _RAISED.findall(str(error))
        if "Traceback" not in str(error) or not raised:
            raise
        raise WorkerError(
            f"The model failed on a worker ({raised[-1].strip()}): look at the rows that it got."
        ) from error


def _arrives(spark: SparkSession, model: ScoringModel, delivery: Delivery) -> Exception | None:
    """Check with one task that workers can read the model; return the error, or ``None`` if they can."""
    try:
        spark.range(0, 1, 1, 1).mapInArrow(CheckDelivery(model.digest, delivery), "id BIGINT").collect()
    except Exception as error:  # noqa: BLE001 - whatever it is, this delivery does not work
        _LOG.info("Workers cannot read the model by %s: %s", type(delivery).__name__, reason_of(error))
        return error
    return None


def _literal(value: Any, name: str) -> str:
    if name == "scored_at":
        return f"timestamp_micros({to_micros(value)})"
    if value is None:
        return "CAST(NULL AS STRING)"
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"


def _create(spark: SparkSession, scored: DataFrame, destination: Destination) -> None:
    """Create the table, with comments on the columns that scoring adds."""
    from pyspark.errors import PySparkException

    columns = ", ".join(
        f"{quoted(field.name)} {field.dataType.simpleString()}"
        + (f" COMMENT '{COMMENTS[field.name]}'" if field.name in COMMENTS else "")
        for field in scored.schema.fields
    )
    properties = ""
    if any(_NEEDS_MAPPING.search(name) for name in scored.columns):
        properties = (
            "TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'delta.minReaderVersion' = '2', "
            "'delta.minWriterVersion' = '5')"
        )
    try:
        spark.sql(f"CREATE TABLE IF NOT EXISTS {destination.sql} ({columns}) USING DELTA {properties}")
    except PySparkException as error:
        raise TablesError(
            f"--to {destination.name} cannot be made ({reason_of(error)}): name a place where you may create tables."
        ) from error


def _exists(spark: SparkSession, destination: Destination) -> bool:
    from pyspark.errors import PySparkException

    try:
        return bool(spark.sql(f"SELECT * FROM {destination.sql} LIMIT 0").columns)  # noqa: S608 - a quoted name
    except PySparkException as error:
        if re.search(r"(?i)not.found|doesn.t exist|is not a delta table|missing_delta", str(error)):
            return False
        raise TablesError(
            f"--to {destination.name} cannot be read ({reason_of(error)}): name another table."
        ) from error


def _rows_of(spark: SparkSession, batch: Batch, destination: Destination) -> int:
    """Return the number of rows of the batch in the table, which the same model must have scored."""
    columns = spark.sql(f"SELECT * FROM {destination.sql} LIMIT 0").columns  # noqa: S608
    lacks = [name for name in MARKS if name not in columns]
    if lacks:
        raise TablesError(
            f"--to {destination.name} is there and was not made by scoring (it lacks {', '.join(map(repr, lacks))}): "
            "name another table."
        )
    query = f"SELECT scored_by, count(*) AS n_rows FROM {destination.sql} WHERE batch_id = :batch_id GROUP BY scored_by"  # noqa: S608
    found = sql(spark, query, {"batch_id": batch.batch_id}).collect()
    batch.check_repeat([row.scored_by for row in found], destination.name)
    return sum(int(row.n_rows) for row in found)


def _check_columns(spark: SparkSession, scored: DataFrame, destination: Destination) -> bool:
    """Check that a table has the columns of the scored rows; missing ones can be added to a table without rows.

    Returns:
        Whether columns must be added to the table.

    Raises:
        TablesError: The table has other columns; they are named.
    """
    table = spark.sql(f"SELECT * FROM {destination.sql}")  # noqa: S608
    existing = {field.name.lower(): field.dataType.simpleString() for field in table.schema.fields}
    new = {field.name: field.dataType.simpleString() for field in scored.schema.fields}
    lacks = [name for name in new if name.lower() not in existing]
    wrong = [
        f"{name!r} is {existing[name.lower()]} there and {kind} here"
        for name, kind in new.items()
        if existing.get(name.lower(), kind) != kind
    ]
    if lacks and not wrong and not table.take(1):
        return True
    if lacks or wrong:
        parts = [f"it lacks {', '.join(map(repr, lacks))}"] * bool(lacks) + wrong
        raise TablesError(
            f"--to {destination.name} has other columns than the scored rows ({'; '.join(parts)}): name another table."
        )
    return False


def _version(spark: SparkSession, destination: Destination) -> int:
    return int(spark.sql(f"DESCRIBE HISTORY {destination.sql} LIMIT 1").first()["version"])
