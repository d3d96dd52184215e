"""Creating, writing and reading the Delta tables.

Every function takes the Spark session and leaves it unchanged: no setting is changed, and only `register_views`
registers views. Classic and Connect sessions both work, since nothing here needs a Spark context or Delta's Python
library.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from bakeoff._utils.disk import disk_trouble
from bakeoff.comparison.leaderboard import Row
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Outcome, Status
from bakeoff.errors import ConfigError, TablesError, UserError, one_of
from bakeoff.storage.commits import LOST_A_RACE, NOT_ALLOWED, commit, reason_of
from bakeoff.storage.disk import check_folder
from bakeoff.storage.journal import last_of_each
from bakeoff.storage.location import ResultsLocation, quoted
from bakeoff.storage.rows import RunRecord, leaderboard_row, outcome_of, run_row, to_micros, trial_row
from bakeoff.storage.schema import (
    DEFINITION,
    LAST_TRIALS,
    LEADERBOARD,
    PROFILES,
    RUNS,
    SCORED,
    TABLES,
    TRIALS,
    VIEWS,
    Column,
    Table,
    View,
    definitions,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_LOG = logging.getLogger(__name__)


def check_writable(spark: SparkSession, target: ResultsLocation) -> None:
    """Check, without writing anything, that the tables can be created at their location.

    Missing rights inside an existing schema show only when they are used, so `ensure_tables` must also be called before
    any model is trained.

    Raises:
        StorageError: the folder cannot be written to, or its disk has no room left.
        TablesError: the catalog does not exist, or the user may not use it.
    """
    if target.path is not None:
        check_folder(target.path, "folder of the tables")
    elif target.catalog and not _works(spark, f"DESCRIBE SCHEMA {target.place}"):
        catalog = quoted(target.catalog)
        if not _works(spark, f"SHOW SCHEMAS IN {catalog}"):
            raise TablesError(f"There is no catalog {catalog} that you may use: name one that SHOW CATALOGS lists.")


def ensure_tables(spark: SparkSession, target: ResultsLocation) -> None:
    """Create the tables and, in a metastore, the schema and the views, if they do not exist yet.

    Tables of an earlier version get the new columns. Another job may do the same at the same time.

    Raises:
        StorageError: the folder cannot be written to, or its disk has no room left.
        TablesError: the tables cannot be created, or other tables have their names.
    """
    missing = [table for table in TABLES if not exists(spark, target, table)]
    if missing:
        check_writable(spark, target)
    try:
        if missing and target.in_metastore and not _works(spark, f"DESCRIBE SCHEMA {target.place}"):
            spark.sql(f"CREATE SCHEMA IF NOT EXISTS {target.place}")
        for table in TABLES.values():
            commit(target, partial(_ensure_table, spark, target, table))
        if target.in_metastore and not exists(spark, target, SCORED.name):
            name = target.name(SCORED.name)
            statement = f"CREATE TABLE IF NOT EXISTS {name} {SCORED.definition}"
            commit(target, lambda: spark.sql(statement))
        for view in VIEWS.values() if target.in_metastore else ():
            commit(target, partial(_ensure_view, spark, target, view))
    except UserError:
        raise
    except Exception as error:
        if disk_trouble(error):
            raise
        raise TablesError(
            f"The tables cannot be made in {target.place} ({reason_of(error)}): name a place where you may create "
            "tables."
        ) from error


def exists(spark: SparkSession, target: ResultsLocation, table: str) -> bool:
    """Whether a table, or in a metastore a view, exists."""
    if target.path is not None:
        return (target.path / table / "_delta_log").is_dir()
    try:
        return bool(spark.catalog.tableExists(target.name(table)))
    except Exception as error:  # noqa: BLE001 - for a catalog that does not exist every platform raises something else
        _LOG.debug("%s is taken as missing: %s", target.name(table), error)
        return False


def append_trials(  # noqa: PLR0913, PLR0917 - none of them follows from the others
    spark: SparkSession,
    target: ResultsLocation,
    run_id: str,
    plan: Plan,
    segment_digest: str,
    outcomes: Sequence[Outcome],
) -> None:
    """Append the outcomes of a journal segment. Appending the same segment again changes nothing."""
    rows = [trial_row(run_id, plan, outcome) for outcome in outcomes]
    if rows:
        _append(spark, target, TRIALS, f"{run_id}-{segment_digest}", rows)


def merge_trials(
    spark: SparkSession, target: ResultsLocation, run_id: str, plan: Plan, outcomes: Sequence[Outcome]
) -> None:
    """Add outcomes of trials that may be in the table already, from an earlier attempt or another process.

    An existing row stays if it has scores, or if the new outcome is a cancelled trial.
    """
    rows = [trial_row(run_id, plan, outcome) for outcome in last_of_each(outcomes)]
    if rows:
        better = f"t.status <> '{Status.OK}' AND s.status <> '{Status.CANCELLED}'"
        _merge(spark, target, TRIALS, run_id, rows, only=better)


def enter_run(spark: SparkSession, target: ResultsLocation, run: RunRecord) -> None:
    """Add the row of a run that is not in the table yet; cheaper than a merge. Adding it again changes nothing."""
    _append(spark, target, RUNS, f"{run.run_id}-entered", [run_row(run)])


def merge_run(spark: SparkSession, target: ResultsLocation, run: RunRecord) -> None:
    """Add the row of a run, or replace the existing one."""
    # The row nearly always exists, and an update of it is cheaper than a merge.
    if not _update_run(spark, target, run):
        _merge(spark, target, RUNS, run.run_id, [run_row(run)])


def _update_run(spark: SparkSession, target: ResultsLocation, run: RunRecord) -> int:
    """Replace the row of a run if it exists.

    Returns:
        Number of rows that were replaced.
    """
    sent = f"from_json(:row, '{_json_type(RUNS)}', map('mode', 'FAILFAST'))"
    columns = ", ".join(
        f"`{column.name}` = {_sent(column, sent)}" for column in RUNS.columns if column.name not in RUNS.key
    )
    statement = f"UPDATE {target.name(RUNS.name)} SET {columns} WHERE run_id = :run_id"  # noqa: S608 - names of ours
    arguments = {"row": json.dumps(run_row(run), default=to_micros, allow_nan=False), "run_id": run.run_id}
    return commit(target, lambda: int(spark.sql(statement, args=arguments).first()[0]))


def merge_leaderboard(  # noqa: PLR0913, PLR0917
    spark: SparkSession,
    target: ResultsLocation,
    run_id: str,
    rows: Sequence[Row],
    primary_metric: str,
    mlflow_run_ids: Mapping[str, str],
) -> None:
    """Add the models of a run's leaderboard, or replace the existing rows.

    Args:
        spark: any session.
        target: location of the tables.
        run_id: id of the run.
        rows: its ranked models.
        primary_metric: key of the metric that they are ranked by.
        mlflow_run_ids: ids of the models' MLflow runs by model id, as far as they have one.
    """
    values = [leaderboard_row(run_id, row, primary_metric, mlflow_run_ids.get(row.model_id)) for row in rows]
    if values:
        _merge(spark, target, LEADERBOARD, run_id, values)


def write_profile(
    spark: SparkSession, target: ResultsLocation, run_id: str, rows: Sequence[Mapping[str, Any]], *, again: bool
) -> None:
    """Write the profile of the rows that a run's best model learned from.

    Args:
        spark: any session.
        target: location of the tables.
        run_id: id of the run.
        rows: rows of ``profiles``, without the run id.
        again: whether an earlier attempt of the run may have written a profile, which is then deleted.
    """
    if again:
        old = f"DELETE FROM {target.name(PROFILES.name)} WHERE run_id = :run_id"  # noqa: S608
        commit(target, lambda: spark.sql(old, args={"run_id": run_id}))
    # A profile that was deleted is to be written again, so its commit has a name of its own.
    _append(
        spark, target, PROFILES, f"{run_id}-profile-{uuid.uuid4().hex}", [{"run_id": run_id, **row} for row in rows]
    )


def fill_mlflow_ids(
    spark: SparkSession, target: ResultsLocation, run: RunRecord, model_run_ids: Mapping[str, str]
) -> None:
    """Enter the MLflow ids and the promotion that were unknown when a run ended. Existing values stay.

    Args:
        spark: any session.
        target: location of the tables.
        run: the run with its MLflow ids and its promotion.
        model_run_ids: ids of the models' MLflow runs by model id.
    """
    rows, board = target.name(RUNS.name), target.name(LEADERBOARD.name)
    if run.mlflow_run_id:
        ids = {"run_id": run.run_id, "experiment_id": run.mlflow_experiment_id, "mlflow_run_id": run.mlflow_run_id}
        statement = f"""
            UPDATE {rows} SET mlflow_experiment_id = :experiment_id, mlflow_run_id = :mlflow_run_id
            WHERE run_id = :run_id AND mlflow_run_id IS NULL"""  # noqa: S608 - a quoted name of ours
        commit(target, lambda: spark.sql(statement, args=ids))
    if run.promotion:
        values = {"run_id": run.run_id, "promotion": run.promotion}
        promotion = f"UPDATE {rows} SET promotion = :promotion WHERE run_id = :run_id AND promotion IS NULL"  # noqa: S608
        commit(target, lambda: spark.sql(promotion, args=values))
    if model_run_ids:
        known = {"run_id": run.run_id, "models": json.dumps(dict(model_run_ids))}
        models = f"""
            UPDATE {board} SET mlflow_run_id = from_json(:models, 'MAP<STRING,STRING>')[model_id]
            WHERE run_id = :run_id AND mlflow_run_id IS NULL"""  # noqa: S608
        commit(target, lambda: spark.sql(models, args=known))


def read_trials(spark: SparkSession, target: ResultsLocation, run_id: str) -> list[Outcome]:
    """Read the stored outcomes of a run, one for each trial; none if there is no table yet.

    Infinite values come back as NaN.
    """
    if not exists(spark, target, TRIALS.name):
        return []
    of_run = f"(SELECT * FROM {target.name(TRIALS.name)} WHERE run_id = :run_id) AS of_run"  # noqa: S608
    last = LAST_TRIALS.select(lambda _: of_run)
    query = f"SELECT *, unix_micros(finished_at) AS finished_at_micros FROM ({last}) AS last ORDER BY model_id, fold"  # noqa: S608
    return [outcome_of(row.asDict()) for row in spark.sql(query, args={"run_id": run_id}).collect()]


def frame(spark: SparkSession, target: ResultsLocation, table_or_view: str) -> DataFrame:
    """Return a table or a view as a data frame, without registering anything.

    Raises:
        ConfigError: there is no such table or view.
        TablesError: there are no results at the location yet.
    """
    if table_or_view not in TABLES and table_or_view not in VIEWS:
        raise ConfigError(one_of(table_or_view, [*TABLES, *VIEWS], "table"))
    _require_results(spark, target)
    return spark.sql(_queries(target)[table_or_view])


def register_views(spark: SparkSession, target: ResultsLocation) -> None:
    """Register every table and view under its plain name, as temporary views of a session.

    Only for sessions that Bakeoff has created, because the names are common ones.

    Raises:
        TablesError: there are no results at the location yet.
    """
    _require_results(spark, target)
    for name, query in _queries(target).items():
        if name in VIEWS or exists(spark, target, name):  # results of an earlier version lack a table
            spark.sql(f"CREATE OR REPLACE TEMPORARY VIEW {quoted(name)} AS {query}")
    for folder in target.path.iterdir() if target.path is not None else ():
        # Tables that `bakeoff score` has written beside them.
        if (folder / "_delta_log").is_dir() and folder.name not in {*TABLES, *VIEWS}:
            query = f"SELECT * FROM {target.name(folder.name)}"  # noqa: S608
            spark.sql(f"CREATE OR REPLACE TEMPORARY VIEW {quoted(folder.name)} AS {query}")


def _queries(target: ResultsLocation) -> dict[str, str]:
    tables = {table: f"SELECT * FROM {target.name(table)}" for table in TABLES}  # noqa: S608
    columns = ", ".join(f"`{column.name}`" for column in TRIALS.columns)
    tables[TRIALS.name] = f"SELECT {columns} FROM ({LAST_TRIALS.select(target.name)}) AS last"  # noqa: S608
    return tables | {view.name: view.select(target.name) for view in VIEWS.values()}


def _require_results(spark: SparkSession, target: ResultsLocation) -> None:
    if not exists(spark, target, RUNS.name):
        raise TablesError(f"There are no results in {target.place} yet: run a comparison, or say where they are.")


def _ensure_table(spark: SparkSession, target: ResultsLocation, table: Table) -> None:
    name = target.name(table.name)
    if not exists(spark, target, table.name):
        _create(spark, target, table)
    _upgrade(spark, name, table)
    if target.in_metastore:
        # Reading the properties is slow on local disks, and tables there were made in one step, with their checks.
        properties = _properties(spark, name)
        for check, condition in table.checks:
            if f"delta.constraints.{check}" not in properties:
                spark.sql(f"ALTER TABLE {name} ADD CONSTRAINT {check} CHECK ({condition})")


def _upgrade(spark: SparkSession, name: str, table: Table) -> None:
    """Add the columns that a table of an earlier version does not have, and renew its checks.

    Raises:
        TablesError: the table is not Bakeoff's, or has a column of another type.
    """
    types = {column: kind.upper() for column, kind in spark.table(name).dtypes}
    lacking = [column for column in table.columns if column.name not in types]
    if needed := [column.name for column in lacking if not column.nullable]:
        raise TablesError(
            f"{name} is there already and is not Bakeoff's (it has no column {min(needed)}): "
            "name another place for the tables."
        )
    for column in table.columns:
        if (kind := types.get(column.name, column.type)) != column.type:
            raise TablesError(
                f"{name} has {column.name} as {kind}, and this version of Bakeoff writes {column.type}: name another "
                "place for the tables, or change the column's type."
            )
    if lacking:
        _LOG.info("%s is an earlier version's and gets %s.", name, ", ".join(column.name for column in lacking))
        # The checks come first, since they may allow more by now: if this is cut off, the columns show the version.
        for check, condition in table.checks:
            spark.sql(f"ALTER TABLE {name} DROP CONSTRAINT IF EXISTS {check}")
            spark.sql(f"ALTER TABLE {name} ADD CONSTRAINT {check} CHECK ({condition})")
        spark.sql(f"ALTER TABLE {name} ADD COLUMNS ({definitions(lacking)})")


def _create(spark: SparkSession, target: ResultsLocation, table: Table) -> None:
    name = target.name(table.name)
    # Delta takes checks as properties when a table is created, which saves a commit and a scan each. On a platform that
    # does not, they are added afterwards.
    checks = ", ".join(f"'delta.constraints.{check}' = \"{condition}\"" for check, condition in table.checks)
    try:
        spark.sql(f"CREATE TABLE IF NOT EXISTS {name} {table.definition} TBLPROPERTIES ({checks})")
    except Exception as error:
        if not target.in_metastore or LOST_A_RACE.search(reason_of(error)):
            raise
        _LOG.debug("Made without its checks: %s", reason_of(error))
        spark.sql(f"CREATE TABLE IF NOT EXISTS {name} {table.definition}")


def _ensure_view(spark: SparkSession, target: ResultsLocation, view: View) -> None:
    name = target.name(view.name)
    is_there = exists(spark, target, view.name)
    if is_there and _properties(spark, name).get(DEFINITION) == view.version:
        return
    try:
        spark.sql(f"CREATE OR REPLACE VIEW {name} {view.definition(target.name)}")
    except Exception as error:
        # Only its owner may replace a view, and an older definition is no reason not to train.
        if not (is_there and NOT_ALLOWED.search(reason_of(error))):
            raise
        _LOG.warning("The view %s is another version's and cannot be replaced: %s", name, reason_of(error))


def _append(
    spark: SparkSession, target: ResultsLocation, table: Table, content: str, rows: Sequence[Mapping[str, Any]]
) -> None:
    names = [column.name for column in table.columns]
    writer = (
        spark.createDataFrame([tuple(row[name] for name in names) for row in rows], table.row_type)
        .coalesce(1)
        .write.format("delta")
        .mode("append")
        # Delta silently drops a later append with the same id, whatever its content: so the id names the content.
        .option("txnAppId", f"bakeoff-{content}")
        .option("txnVersion", 1)
    )
    commit(target, lambda: writer.saveAsTable(target.name(table.name)))


def _merge(  # noqa: PLR0913 - where to, what, and on which condition
    spark: SparkSession,
    target: ResultsLocation,
    table: Table,
    run_id: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    only: str = "true",
) -> None:
    """Add rows; one whose key exists replaces the existing row if a condition is met.

    Args:
        spark: any session.
        target: location of the tables.
        table: the table to write to.
        run_id: id of the run that all rows belong to.
        rows: the rows.
        only: condition for a replacement, in SQL, over the existing row (``t``) and the new one (``s``).
    """
    # The rows travel as one JSON parameter, so that the source needs neither a temporary view nor Delta's Python
    # library, which does not exist for Connect before Delta 4. The run id is a condition of its own to let Delta skip
    # files.
    columns = ", ".join(f"{_sent(column, 'sent')} AS `{column.name}`" for column in table.columns)
    # By name, since the table can be a later version's and have more columns.
    names = [f"`{column.name}`" for column in table.columns]
    same_row = " AND ".join(f"t.{key} = s.{key}" for key in table.key)
    statement = f"""
        MERGE INTO {target.name(table.name)} AS t
        USING (
          SELECT {columns}
          FROM (SELECT explode(from_json(:rows, 'ARRAY<{_json_type(table)}>', map('mode', 'FAILFAST'))) AS sent)
        ) AS s
        ON t.run_id = :run_id AND {same_row}
        WHEN MATCHED AND {only} THEN UPDATE SET {", ".join(f"t.{name} = s.{name}" for name in names)}
        WHEN NOT MATCHED THEN INSERT ({", ".join(names)}) VALUES ({", ".join(f"s.{name}" for name in names)})"""  # noqa: S608 - what is put in are names of ours and quoted ones
    arguments = {"rows": json.dumps(rows, default=to_micros, allow_nan=False), "run_id": run_id}
    commit(target, lambda: spark.sql(statement, args=arguments))


def _json_type(table: Table) -> str:
    """Return the type of a table's row in JSON, in which points in time are numbers."""
    types = ", ".join(
        f"`{column.name}`: {'BIGINT' if column.type == 'TIMESTAMP' else column.type}" for column in table.columns
    )
    return f"STRUCT<{types}>"


def _sent(column: Column, row: str) -> str:
    """Return the SQL expression of a column of a row that was read from JSON."""
    value = f"{row}.`{column.name}`"
    return f"timestamp_micros({value})" if column.type == "TIMESTAMP" else value


def _works(spark: SparkSession, statement: str) -> bool:
    try:
        spark.sql(statement).collect()
    except Exception as error:  # noqa: BLE001 - what is raised differs between platforms; that it fails is the answer
        _LOG.debug("%s: %s", statement, error)
        return False
    return True


def _properties(spark: SparkSession, name: str) -> dict[str, str]:
    return {row["key"]: row["value"] for row in spark.sql(f"SHOW TBLPROPERTIES {name}").collect()}
