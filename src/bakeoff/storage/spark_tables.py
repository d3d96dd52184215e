"""The result tables in Delta, through a Spark session.

The session stays unchanged: no setting is changed, and only `register_views` registers views. Classic and Connect
sessions both work, since nothing here needs a Spark context or Delta's Python library.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bakeoff.comparison.leaderboard import Row
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Outcome, Status
from bakeoff.spark.parameters import sql
from bakeoff.storage import delta_sql
from bakeoff.storage.commits import commit
from bakeoff.storage.folder_ddl import has_table
from bakeoff.storage.journal import last_of_each
from bakeoff.storage.location import ResultsLocation, quoted, save_to
from bakeoff.storage.rows import RunRecord, leaderboard_row, run_row, trial_row
from bakeoff.storage.schema import LEADERBOARD, PREDICTIONS, PROFILES, RUNS, TABLES, TRIALS, VIEWS, Table
from bakeoff.storage.spark_ddl import TableMaker, check_writable, table_exists
from bakeoff.storage.table_queries import TableQueries

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession


class SparkTables(TableQueries):
    """`ResultTables` in Delta: a schema of a metastore, or a local folder.

    Args:
        spark: any session.
        location: location of the tables.
    """

    def __init__(self, spark: SparkSession, location: ResultsLocation) -> None:
        self.spark = spark
        self.location = location

    def check(self) -> None:
        """Check that the tables can be created; see `ResultTables.check`."""
        check_writable(self.spark, self.location)

    def create(self, *, predictions: bool = False) -> None:
        """Create what does not exist yet; see `ResultTables.create`."""
        TableMaker(self.spark, self.location).make([*TABLES.values(), *([PREDICTIONS] if predictions else [])])

    def enter_run(self, run: RunRecord) -> None:
        """Add the row of a run that is not in the table yet; cheaper than a merge."""
        self._append(RUNS, f"{run.run_id}-entered", [run_row(run)])

    def upsert_run(self, run: RunRecord) -> None:
        """Add the row of a run, or replace the existing one."""
        # The row nearly always exists, and an update of it is cheaper than a merge.
        row = delta_sql.as_json(run_row(run))
        if not self._commit(delta_sql.update_run(self.location), row=row, run_id=run.run_id):
            self._merge(RUNS, run.run_id, [run_row(run)])

    def replace_holder(self, run: RunRecord, expected: str | None) -> None:
        """Enter a run's holder if the row still names the expected one; see `ResultTables.replace_holder`."""
        self._commit(
            delta_sql.replace_holder(self.location),
            holder=run.holder,
            now=_now_micros(),
            run_id=run.run_id,
            expected=expected,
        )

    def renew_holder(self, run_id: str, holder: str) -> bool:
        """Renew the heartbeat of a run's holder; see `ResultTables.renew_holder`."""
        statement = delta_sql.renew_holder(self.location)
        return self._commit(statement, now=_now_micros(), run_id=run_id, holder=holder) > 0

    def release_holder(self, run_id: str, holder: str, *, forget: bool) -> None:
        """Take a holder out of a run's row, or remove the row; see `ResultTables.release_holder`."""
        self._commit(delta_sql.release_holder(self.location, forget=forget), run_id=run_id, holder=holder)

    def append_trials(self, run_id: str, plan: Plan, segment: str, outcomes: Sequence[Outcome]) -> None:
        """Append the outcomes of a journal segment; see `ResultTables.append_trials`."""
        rows = [trial_row(run_id, plan, outcome) for outcome in outcomes]
        if rows:
            self._append(TRIALS, f"{run_id}-{segment}", rows)

    def merge_trials(self, run_id: str, plan: Plan, outcomes: Sequence[Outcome]) -> None:
        """Add outcomes of trials that may be in the table already; see `ResultTables.merge_trials`."""
        rows = [trial_row(run_id, plan, outcome) for outcome in last_of_each(outcomes)]
        if rows:
            better = f"t.status <> '{Status.OK}' AND s.status <> '{Status.CANCELLED}'"
            self._merge(TRIALS, run_id, rows, only=better)

    def upsert_leaderboard(
        self, run_id: str, rows: Sequence[Row], primary_metric: str, mlflow_run_ids: Mapping[str, str]
    ) -> None:
        """Add or replace the models of a run's leaderboard; see `ResultTables.upsert_leaderboard`."""
        values = [leaderboard_row(run_id, row, primary_metric, mlflow_run_ids.get(row.model_id)) for row in rows]
        if values:
            self._merge(LEADERBOARD, run_id, values)

    def write_profile(self, run_id: str, rows: Sequence[Mapping[str, Any]], *, again: bool) -> None:
        """Write the profile of a run's training rows; see `ResultTables.write_profile`."""
        if again:
            self._commit(delta_sql.delete_run(self.location, PROFILES), run_id=run_id)
        # A profile that was deleted is to be written again, so its commit has a name of its own.
        content = f"{run_id}-profile-{uuid.uuid4().hex}"
        self._append(PROFILES, content, [{"run_id": run_id, **row} for row in rows])

    def write_predictions(self, run_id: str, batches: Iterable[Sequence[Mapping[str, Any]]], *, again: bool) -> None:
        """Write what the models of a run predicted; see `ResultTables.write_predictions`."""
        if again:
            self._commit(delta_sql.delete_run(self.location, PREDICTIONS), run_id=run_id)
        for rows in batches:
            content = f"{run_id}-predictions-{uuid.uuid4().hex}"  # as of a profile
            self._append(PREDICTIONS, content, [{"run_id": run_id, **row} for row in rows])

    def fill_mlflow_ids(self, run: RunRecord, model_run_ids: Mapping[str, str]) -> None:
        """Enter MLflow's ids where there are none yet; see `ResultTables.fill_mlflow_ids`."""
        if run.mlflow_run_id:
            self._commit(
                delta_sql.fill_run_ids(self.location),
                run_id=run.run_id,
                experiment_id=run.mlflow_experiment_id,
                mlflow_run_id=run.mlflow_run_id,
            )
        if run.promotion:
            self._commit(delta_sql.fill_promotion(self.location), run_id=run.run_id, promotion=run.promotion)
        if model_run_ids:
            models = json.dumps(dict(model_run_ids))
            self._commit(delta_sql.fill_model_ids(self.location), run_id=run.run_id, models=models)

    def read(self, name: str) -> pd.DataFrame:
        """Return a table or a view by its plain name; see `ResultReader.read`."""
        rows: pd.DataFrame = self.frame(name).toPandas()
        return rows

    def frame(self, name: str) -> DataFrame:
        """Return a table or a view as Spark's data frame, without registering anything.

        Raises:
            ConfigError: there is no such table or view.
            TablesError: there are no results at the location yet.
        """
        return self.spark.sql(self._query(name))

    def register_views(self) -> None:
        """Register every table and view under its plain name, as temporary views of the session.

        Only for sessions that Bakeoff has created, because the names are common ones.

        Raises:
            TablesError: there are no results at the location yet.
        """
        self.require()
        for name, query in delta_sql.queries(self.location).items():
            # Results of an earlier version lack a table, and most lack predictions.
            if name in VIEWS or self._has(TABLES.get(name, PREDICTIONS)):
                self._register(name, query)
        for folder in self.location.path.iterdir() if self.location.path is not None else ():
            # Tables that `bakeoff score` has written beside them.
            if has_table(folder) and folder.name not in {*TABLES, *VIEWS, PREDICTIONS.name}:
                self._register(folder.name, f"SELECT * FROM {self.location.name(folder.name)}")  # noqa: S608

    def _register(self, name: str, query: str) -> None:
        self.spark.sql(f"CREATE OR REPLACE TEMPORARY VIEW {quoted(name)} AS {query}")

    def _has(self, table: Table) -> bool:
        return table_exists(self.spark, self.location, table.name)

    def _columns(self, table: Table) -> Sequence[str]:
        columns: Sequence[str] = self.frame(table.name).columns
        return columns

    def _rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        return [row.asDict() for row in sql(self.spark, query, values).collect()]

    def _append(self, table: Table, content: str, rows: Sequence[Mapping[str, Any]]) -> None:
        names = [column.name for column in table.columns]
        writer = (
            self.spark.createDataFrame([tuple(row[name] for name in names) for row in rows], table.row_type)
            .coalesce(1)
            .write.format("delta")
            .mode("append")
            # Delta silently drops a later append with the same id, whatever its content: so the id names the content.
            .option("txnAppId", f"bakeoff-{content}")
            .option("txnVersion", 1)
        )
        commit(self.location.path, lambda: save_to(writer, self.location.name(table.name)))

    def _merge(self, table: Table, run_id: str, rows: Sequence[Mapping[str, Any]], *, only: str = "true") -> None:
        """Add rows of a run; one whose key exists replaces the existing row if a condition is met."""
        self._commit(delta_sql.merge(self.location, table, only), rows=delta_sql.as_json(rows), run_id=run_id)

    def _commit(self, statement: str, **values: Any) -> int:
        """Run a statement that changes a table.

        Returns:
            Number of rows that were changed.
        """
        return commit(self.location.path, lambda: int(sql(self.spark, statement, values).first()[0]))


def _now_micros() -> int:
    return int(time.time() * 1e6)
