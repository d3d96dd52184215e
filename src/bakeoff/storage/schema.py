"""Definitions of the tables and views that hold the results of runs, as data.

Nothing here needs Spark. The SQL is understood by open-source Spark 3.5 and by Databricks. Comments and checks are
plain text without quotes, so that SQL literals can hold them unchanged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bakeoff.comparison.leaderboard import COMPLETE, STATUSES
from bakeoff.comparison.trial import TT, Status
from bakeoff.storage.run_status import RunStatus

DEFINITION = "bakeoff.definition"
"""Property of a view that holds its version, by which an outdated view is found."""

Naming = Callable[[str], str]
"""Function from the plain name of a table to its name in SQL."""


@dataclass(frozen=True)
class Column:
    """A column: its name, its type in Spark SQL, and a comment on what it holds."""

    name: str
    type: str
    comment: str
    nullable: bool = True


@dataclass(frozen=True)
class Table:
    """A Delta table.

    Attributes:
        key: the columns that identify a row; they are NOT NULL.
        checks: names and conditions of its CHECK constraints. A condition that is NULL is a violation in Delta.
    """

    name: str
    comment: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    checks: tuple[tuple[str, str], ...]

    @property
    def ddl(self) -> str:
        """The column definitions of CREATE TABLE, comments included."""
        return definitions(self.columns)

    def definition(self, *, clustered: bool) -> str:
        """Return the part of CREATE TABLE after the table's name, without the checks.

        Args:
            clustered: whether rows of the same run are kept together, which is worth it in a metastore.
        """
        clustering = "CLUSTER BY (run_id) " if clustered else ""
        return f"({self.ddl}) USING DELTA {clustering}COMMENT '{self.comment}'"

    @property
    def row_type(self) -> str:
        """The columns as the schema of a data frame."""
        return ", ".join(_typed(column) for column in self.columns)


@dataclass(frozen=True)
class View:
    """A view; ``sql`` has the placeholders ``{runs}``, ``{trials}`` and ``{leaderboard}`` for the tables' names."""

    name: str
    comment: str
    sql: str

    @property
    def version(self) -> str:
        """A hash of the comment and the query."""
        return hashlib.sha256(f"{self.comment}\n{self.sql}".encode()).hexdigest()[:16]

    def definition(self, naming: Naming) -> str:
        """Return the part of CREATE VIEW after the view's name, over tables named by ``naming``."""
        return f"COMMENT '{self.comment}' TBLPROPERTIES ('{DEFINITION}' = '{self.version}') AS {self.select(naming)}"

    def select(self, naming: Naming) -> str:
        """Return the query behind the view, over tables named by ``naming``."""
        return self.sql.format(**{table: naming(table) for table in TABLES})


def definitions(columns: Sequence[Column]) -> str:
    """Return column definitions for CREATE TABLE and ADD COLUMNS, comments included."""
    return ", ".join(f"{_typed(column)} COMMENT '{column.comment}'" for column in columns)


def _typed(column: Column) -> str:
    return f"`{column.name}` {column.type}{'' if column.nullable else ' NOT NULL'}"


def _key(name: str, comment: str, type_: str = "STRING") -> Column:
    return Column(name, type_, comment, nullable=False)


def _among(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


_RUN_ID = _key("run_id", "Names one comparison from start to end")
_MODEL_ID = _key("model_id", "Id of the model, as PyCaret knows it or as it was given")

RUNS = Table(
    "runs",
    "One row per comparison: what was asked, on which data, and how it went",
    ("run_id",),
    (
        _RUN_ID,
        Column("task_type", "STRING", "classification, regression or time_series"),
        Column("source", "STRING", "Table or file that the rows were read from"),
        Column("source_version", "STRING", "Version of the source at that time, where it has one"),
        Column("data_digest", "STRING", "Content hash of the rows that were used"),
        Column("target", "STRING", "Column that is predicted"),
        Column("n_rows", "BIGINT", "Rows that were used"),
        Column("n_columns", "INT", "Columns that were used, the target included"),
        Column("n_folds", "INT", "Folds that each model was to run on"),
        Column("primary_metric", "STRING", "Key of the metric that ranks"),
        Column("higher_is_better", "BOOLEAN", "Direction of the primary metric"),
        _key("status", "running, finished, failed, killed or interrupted"),
        Column("n_models", "INT", "Models that were compared"),
        Column("n_ok", "INT", "Models with every fold scored"),
        Column("n_partial", "INT", "Models with some folds scored"),
        Column("n_stopped", "INT", "Models that a race stopped on the way, since they could not win any more"),
        Column("n_failed", "INT", "Models with no fold scored"),
        Column("best_model_id", "STRING", "Model of rank 1, unless it failed"),
        Column("best_value", "DOUBLE", "Its mean of the primary metric"),
        Column("slots", "INT", "Places where a task could run at a time"),
        Column("wall_seconds", "DOUBLE", "Seconds from the start to the end of the comparison"),
        Column("ideal_seconds", "DOUBLE", "Least seconds that the same trials could have taken on these slots"),
        Column("mlflow_experiment_id", "STRING", "MLflow experiment"),
        Column("mlflow_run_id", "STRING", "MLflow run of the whole comparison"),
        Column("promotion", "STRING", "What became of the registered version, and why; NULL where none was registered"),
        Column("engine", "STRING", "What the models were fitted on, and why"),
        Column("config", "STRING", "What was asked, as JSON"),
        Column("versions", "MAP<STRING,STRING>", "Versions of Python and the libraries"),
        Column("git_commit", "STRING", "Commit of the code that ran, where known"),
        Column("started_at", "TIMESTAMP", "When the run began"),
        Column("finished_at", "TIMESTAMP", "When it ended; NULL while it runs"),
        Column("holder", "STRING", "Process that works on it, as JSON; NULL when none does"),
        Column("heartbeat_at", "TIMESTAMP", "When that process has last said that it is there"),
        Column("blend", "STRING", "Blend beside the ranking, as JSON; NULL if there is none, or it is ranked"),
        Column("tuning", "STRING", "What tuning has tried, as JSON; NULL where nothing was to be tuned"),
    ),
    (("known_status", _among("status", tuple(map(str, RunStatus)))),),
)

TRIALS = Table(
    "trials",
    "One row per model and fold: scores, seconds, and the reason where there are no scores",
    ("run_id", "model_id", "fold"),
    (
        _RUN_ID,
        _MODEL_ID,
        _key("fold", "Number of the fold, from 0", "INT"),
        Column("batch_id", "INT", "Batch that the model was reported with, from 1"),
        Column("model_name", "STRING", "Name of the model for people"),
        _key("status", "ok, failed, timeout, crashed, oom or cancelled"),
        Column("metrics", "MAP<STRING,DOUBLE>", "Value per metric; NULL where it is not a finite number"),
        Column("metric_errors", "MAP<STRING,STRING>", "Why a metric could not be computed although the trial was fine"),
        Column("fit_seconds", "DOUBLE", "Seconds of fitting the estimator"),
        Column("score_seconds", "DOUBLE", "Seconds of predicting and scoring"),
        Column("host", "STRING", "Machine that ran the trial"),
        Column("attempt", "INT", "1 for the first try"),
        Column("error_type", "STRING", "Class of the exception"),
        Column("error_message", "STRING", "Message of the exception"),
        Column("traceback", "STRING", "Where it was raised"),
        Column("finished_at", "TIMESTAMP", "When the trial ended; NULL where it never ran"),
        Column("params", "STRING", "Parameters that are not those of the family, as JSON; NULL if there are none"),
    ),
    (
        ("known_status", _among("status", tuple(map(str, Status)))),
        ("sane_numbers", "fold >= 0 AND attempt >= 1 AND fit_seconds >= 0 AND score_seconds >= 0"),
    ),
)

LEADERBOARD = Table(
    "leaderboard",
    "One row per model of a comparison, ranked",
    ("run_id", "model_id"),
    (
        _RUN_ID,
        _MODEL_ID,
        _key("rank", "From 1; complete models first, then partial, stopped and failed ones", "INT"),
        Column("tied_with_best", "BOOLEAN", "Whether the folds cannot tell it from the best model; NULL if not tested"),
        Column("model_name", "STRING", "Name of the model for people"),
        _key("status", "ok (every fold scored), partial, stopped (by a race) or failed"),
        Column("primary_metric", "STRING", "Key of the metric that ranks"),
        Column("primary_value", "DOUBLE", "Unrounded mean of the primary metric over the good folds"),
        Column("metrics", "MAP<STRING,DOUBLE>", "Unrounded mean per metric over the good folds"),
        Column("metrics_std", "MAP<STRING,DOUBLE>", "Population standard deviation per metric over the same folds"),
        Column("n_folds_ok", "INT", "Folds that were scored"),
        Column("fit_seconds", "DOUBLE", "Seconds of fitting over all folds, lost ones included"),
        Column("params", "STRING", "Parameters that are not those of the family, as JSON; NULL if there are none"),
        Column("seconds_saved", "DOUBLE", "Seconds that the folds would have taken that a race spared it; else 0"),
        Column("batch_id", "INT", "Batch that the model was reported with, from 1"),
        Column("error_type", "STRING", "Class of the exception of the first fold that went wrong"),
        Column("error_message", "STRING", "Its message"),
        Column("mlflow_run_id", "STRING", "MLflow run of the model"),
        Column("finished_at", "TIMESTAMP", "When its last trial ended"),
        Column("holdout_value", "DOUBLE", "Primary metric on the hold-out rows; NULL if the model was not fitted"),
        Column("members", "MAP<STRING,DOUBLE>", "Share of each model in a blend; NULL for a single model"),
    ),
    (
        ("known_status", _among("status", STATUSES)),
        ("sane_numbers", "rank >= 1 AND n_folds_ok >= 0 AND fit_seconds >= 0"),
    ),
)

PROFILES = Table(
    "profiles",
    "One row per column and bin of the rows that the best model of a run learned from, and of its predictions",
    ("run_id", "column_name", "bin"),
    (
        _RUN_ID,
        _key("column_name", "Column that the model takes, or prediction"),
        _key("bin", "0 for missing values, then from 1", "INT"),
        Column("role", "STRING", "input or prediction"),
        Column("kind", "STRING", "number, time (in seconds since 1970) or category"),
        Column("category", "STRING", "The value that the bin holds; NULL for all others"),
        Column("lower", "DOUBLE", "What numbers in the bin are above; NULL for no limit"),
        Column("upper", "DOUBLE", "What they are at most; NULL for no limit"),
        _key("share", "Share of the rows that is in the bin", "DOUBLE"),
        Column("n_rows", "BIGINT", "Rows that were looked at"),
    ),
    (("sane_numbers", "bin >= 0 AND share >= 0"),),
)

PREDICTIONS = Table(
    "predictions",
    "One row per model and test row of its folds: the truth and what was predicted, of the runs that asked for it",
    ("run_id", "model_id", "fold", "row_number"),
    (
        _RUN_ID,
        _key("row_number", "Row among those that were used, in their order, from 0", "BIGINT"),
        _key("fold", "Number of the fold that it is tested in, from 0", "INT"),
        _MODEL_ID,
        Column("truth", "STRING", "Value of the target, as text"),
        Column(
            "prediction", "STRING", "Predicted number or likeliest class, as text; NULL if it is none of the classes"
        ),
        Column("probabilities", "ARRAY<FLOAT>", "Probability of each class, in their sorted order; NULL without them"),
    ),
    (("sane_numbers", "row_number >= 0 AND fold >= 0"),),
)
"""It is made where it is asked for. Before it was known, it may have been the name of a table of scored rows."""

SCORED = Table(
    "scored",
    "One row per row that was scored: its columns, the prediction, and what scored it when",
    (),
    (
        Column("run_id", "STRING", "Run that fitted the model"),
        Column("model_name", "STRING", "Registered model; NULL for the model of a run"),
        Column("model_version", "STRING", "Its version"),
        Column("scored_by", "STRING", "The model in one word: name and version, or the run"),
        Column("batch_id", "STRING", "Batch that the row was scored in"),
        Column("scored_at", "TIMESTAMP", "When"),
    ),
    (),
)
"""Columns of a scored table besides those of its source and the prediction. In a metastore it is created empty, so that
queries find it before anything was scored; the first batch adds the other columns."""

TABLES = {table.name: table for table in (RUNS, TRIALS, LEADERBOARD, PROFILES)}

# A trial has more than one row if a resumed run tried it again: the row that ended last counts. A cancelled row never
# counts beside another, because its time is from the driver's clock and the other's from a worker's.
_LAST_TRIALS = """
SELECT * FROM (
  SELECT *, row_number() OVER (
    PARTITION BY run_id, model_id, fold
    ORDER BY status = 'cancelled', finished_at DESC NULLS LAST, attempt DESC, host, fit_seconds
  ) AS nth FROM {trials}
) AS numbered WHERE nth = 1"""

LAST_TRIALS = View("last_trials", "The row of each trial that counts", _LAST_TRIALS)
"""Query over ``trials`` that has each key once. It is not created as a view: everything that reads trials uses it."""


def _columns_of(table: Table, alias: str, *, without: tuple[str, ...] = ()) -> str:
    return ", ".join(f"{alias}.{column.name}" for column in table.columns if column.name not in without)


_BATCH_METRICS = View(
    "batch_metrics",
    "One row per model and metric, as soon as a batch is stored: mean and deviation over the good folds",
    # As in the leaderboard, a metric that is missing in one good fold has no mean, which aggregates would overlook.
    f"""
SELECT run_id, batch_id, model_id, metric,
  CASE WHEN count(value) = max(n_folds_ok) THEN avg(value) END AS mean,
  CASE WHEN count(value) = max(n_folds_ok) THEN stddev_pop(value) END AS std
FROM (
  SELECT *, count(*) OVER (PARTITION BY run_id, model_id) AS n_folds_ok
  FROM ({_LAST_TRIALS}) AS last WHERE status = '{Status.OK}'
) AS good
LATERAL VIEW explode(map_concat(metrics, map('{TT}', fit_seconds + score_seconds))) AS metric, value
GROUP BY run_id, batch_id, model_id, metric""",  # noqa: S608 - put together from constants
)

_LEADERBOARD_LATEST = View(
    "leaderboard_latest",
    "The leaderboard of the newest finished run of each source, target and task type",
    f"""
SELECT newest.source, newest.source_version, newest.target, newest.task_type, newest.higher_is_better,
  {_columns_of(LEADERBOARD, "l")}
FROM (
  SELECT *, row_number() OVER (
    PARTITION BY source, target, task_type ORDER BY finished_at DESC NULLS LAST, started_at DESC NULLS LAST, run_id
  ) AS nth FROM {{runs}} WHERE status = '{RunStatus.FINISHED}'
) AS newest JOIN {{leaderboard}} AS l ON l.run_id = newest.run_id
WHERE newest.nth = 1""",  # noqa: S608
)

_NOT_FROM_RUN = (
    *("best_model_id", "best_value", "primary_metric", "status"),
    *("promotion", "engine", "holder", "heartbeat_at", "blend", "tuning"),
)
"""Columns of ``runs`` that ``best_models`` leaves out, among them those that tables of earlier versions do not have."""

_BEST_MODELS = View(
    "best_models",
    "The best model of each run that has every fold, with the run it comes from",
    f"""
SELECT best.model_id, best.model_name, best.primary_metric, best.primary_value, best.metrics, best.metrics_std,
  best.n_folds_ok, best.fit_seconds, best.mlflow_run_id AS model_mlflow_run_id,
  {_columns_of(RUNS, "r", without=_NOT_FROM_RUN)}, r.status AS run_status
FROM (
  SELECT *, row_number() OVER (PARTITION BY run_id ORDER BY rank, model_id) AS nth
  FROM {{leaderboard}} WHERE status = '{COMPLETE}'
) AS best JOIN {{runs}} AS r ON r.run_id = best.run_id
WHERE best.nth = 1""",  # noqa: S608
)

_FAILURES = View(
    "failures",
    "Trials that gave no scores and why, the newest first",
    f"""
SELECT t.finished_at, t.run_id, r.source, r.target, r.task_type,
  {_columns_of(TRIALS, "t", without=("finished_at", "run_id", "metrics", "metric_errors", "params"))}
FROM ({_LAST_TRIALS}) AS t LEFT JOIN {{runs}} AS r ON r.run_id = t.run_id
WHERE t.status <> '{Status.OK}'
ORDER BY t.finished_at DESC NULLS LAST, t.run_id, t.model_id, t.fold""",  # noqa: S608
)

VIEWS = {view.name: view for view in (_BATCH_METRICS, _LEADERBOARD_LATEST, _BEST_MODELS, _FAILURES)}
