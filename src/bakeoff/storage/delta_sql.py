"""Text of the SQL statements that write to the result tables and read them.

Rows travel as one JSON parameter, so that a statement needs neither a temporary view nor Delta's Python library, which
does not exist for Connect before Delta 4.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.rows import TIMES, to_micros
from bakeoff.storage.run_status import RunStatus
from bakeoff.storage.schema import (
    LAST_TRIALS,
    LEADERBOARD,
    PREDICTIONS,
    RUNS,
    TABLES,
    TRIALS,
    VIEWS,
    Column,
    Table,
)

# ruff: noqa: S608 - what is put into statements are names of ours and quoted ones; values are parameters


def as_json(rows: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    """Return rows as the JSON text that `merge` and `update_run` take, with points in time as microseconds."""
    return json.dumps(rows, default=to_micros, allow_nan=False)


def merge(location: ResultsLocation, table: Table, only: str = "true") -> str:
    """Return the statement that adds the rows of ``:rows``, which all belong to the run ``:run_id``.

    Args:
        location: location of the tables.
        table: the table to write to.
        only: condition under which a row whose key exists replaces the existing row, in SQL, over the existing row
            (``t``) and the new one (``s``).
    """
    columns = ", ".join(f"{_sent(column, 'sent')} AS `{column.name}`" for column in table.columns)
    # By name, since the table can be a later version's and have more columns.
    names = [f"`{column.name}`" for column in table.columns]
    same_row = " AND ".join(f"t.{key} = s.{key}" for key in table.key)
    # The run id is a condition of its own to let Delta skip files.
    return f"""
        MERGE INTO {location.name(table.name)} AS t
        USING (
          SELECT {columns}
          FROM (SELECT explode(from_json(:rows, 'ARRAY<{_json_type(table)}>', map('mode', 'FAILFAST'))) AS sent)
        ) AS s
        ON t.run_id = :run_id AND {same_row}
        WHEN MATCHED AND {only} THEN UPDATE SET {", ".join(f"t.{name} = s.{name}" for name in names)}
        WHEN NOT MATCHED THEN INSERT ({", ".join(names)}) VALUES ({", ".join(f"s.{name}" for name in names)})"""


def update_run(location: ResultsLocation) -> str:
    """Return the statement that replaces the row of the run ``:run_id`` by ``:row``, if it exists."""
    sent = f"from_json(:row, '{_json_type(RUNS)}', map('mode', 'FAILFAST'))"
    columns = ", ".join(
        f"`{column.name}` = {_sent(column, sent)}" for column in RUNS.columns if column.name not in RUNS.key
    )
    return f"UPDATE {location.name(RUNS.name)} SET {columns} WHERE run_id = :run_id"


def replace_holder(location: ResultsLocation) -> str:
    """Return the statement that enters ``:holder`` if the run's row still names the holder ``:expected``."""
    return f"""
        UPDATE {location.name(RUNS.name)}
        SET holder = :holder, heartbeat_at = timestamp_micros(:now), status = '{RunStatus.RUNNING}', finished_at = NULL
        WHERE run_id = :run_id AND holder <=> :expected"""


def renew_holder(location: ResultsLocation) -> str:
    """Return the statement that sets the heartbeat of the holder ``:holder`` to ``:now``."""
    return f"""
        UPDATE {location.name(RUNS.name)} SET heartbeat_at = timestamp_micros(:now)
        WHERE run_id = :run_id AND holder = :holder"""


def release_holder(location: ResultsLocation, *, forget: bool) -> str:
    """Return the statement that takes the holder ``:holder`` out of the run's row, or removes the row."""
    table, condition = location.name(RUNS.name), "WHERE run_id = :run_id AND holder = :holder"
    if forget:
        return f"DELETE FROM {table} {condition}"
    return f"UPDATE {table} SET holder = NULL, status = '{RunStatus.INTERRUPTED}' {condition}"


def delete_run(location: ResultsLocation, table: Table) -> str:
    """Return the statement that deletes what a table has of the run ``:run_id``."""
    return f"DELETE FROM {location.name(table.name)} WHERE run_id = :run_id"


def fill_run_ids(location: ResultsLocation) -> str:
    """Return the statement that enters MLflow's ids of a run unless it has some."""
    return f"""
        UPDATE {location.name(RUNS.name)} SET mlflow_experiment_id = :experiment_id, mlflow_run_id = :mlflow_run_id
        WHERE run_id = :run_id AND mlflow_run_id IS NULL"""


def fill_promotion(location: ResultsLocation) -> str:
    """Return the statement that enters the promotion of a run's model unless it has one."""
    return f"""
        UPDATE {location.name(RUNS.name)} SET promotion = :promotion WHERE run_id = :run_id AND promotion IS NULL"""


def fill_model_ids(location: ResultsLocation) -> str:
    """Return the statement that enters the ids of the models' MLflow runs, a JSON object, where there are none."""
    return f"""
        UPDATE {location.name(LEADERBOARD.name)}
        SET mlflow_run_id = from_json(:models, 'MAP<STRING,STRING>')[model_id]
        WHERE run_id = :run_id AND mlflow_run_id IS NULL"""


def runs(location: ResultsLocation, columns: Sequence[str]) -> str:
    """Return the query for all runs, with their points in time in microseconds, too, as `rows.run_of` takes them.

    Args:
        location: location of the tables.
        columns: columns that the table has; one of an earlier version has fewer.
    """
    times = "".join(f", unix_micros({name}) AS {name}_micros" for name in TIMES if name in columns)
    return f"SELECT *{times} FROM {location.name(RUNS.name)}"


def leaderboard(location: ResultsLocation) -> str:
    """Return the query for the leaderboard of the run ``:run_id``."""
    return f"SELECT * FROM {location.name(LEADERBOARD.name)} WHERE run_id = :run_id ORDER BY rank"


def trials(location: ResultsLocation) -> str:
    """Return the query for the trials of the run ``:run_id``, each once."""
    of_run = f"(SELECT * FROM {location.name(TRIALS.name)} WHERE run_id = :run_id) AS of_run"
    last = LAST_TRIALS.select(lambda _: of_run)
    return f"SELECT *, unix_micros(finished_at) AS finished_at_micros FROM ({last}) AS last ORDER BY model_id, fold"


def trial_seconds(location: ResultsLocation) -> str:
    """Return the query for the seconds of a trial by model in the last finished run of the same table."""
    return f"""
        SELECT model_id, avg((fit_seconds + score_seconds) * :n_rows / n_rows) AS seconds
        FROM {location.name(TRIALS.name)} JOIN (
          SELECT run_id, n_rows FROM {location.name(RUNS.name)}
          WHERE source = :source AND target = :target AND task_type = :task AND status = '{RunStatus.FINISHED}'
          ORDER BY finished_at DESC LIMIT 1
        ) USING (run_id)
        WHERE status = 'ok'
        GROUP BY model_id"""


def queries(location: ResultsLocation) -> dict[str, str]:
    """Return the queries behind all tables and views, by their plain names."""
    found = {table: f"SELECT * FROM {location.name(table)}" for table in (*TABLES, PREDICTIONS.name)}
    columns = ", ".join(f"`{column.name}`" for column in TRIALS.columns)
    found[TRIALS.name] = f"SELECT {columns} FROM ({LAST_TRIALS.select(location.name)}) AS last"
    return found | {view.name: view.select(location.name) for view in VIEWS.values()}


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
