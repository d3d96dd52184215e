"""Trial times in earlier runs of the same table, from which the next run is planned."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING

from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.schema import RUNS, TRIALS
from bakeoff.storage.tables import exists

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LOG = logging.getLogger(__name__)
_QUERY = """
SELECT model_id, avg((fit_seconds + score_seconds) * :n_rows / n_rows) AS seconds
FROM {trials} JOIN (
  SELECT run_id, n_rows FROM {runs}
  WHERE source = :source AND target = :target AND task_type = :task AND status = 'finished'
  ORDER BY finished_at DESC LIMIT 1
) USING (run_id)
WHERE status = 'ok'
GROUP BY model_id
"""


def trial_seconds(  # noqa: PLR0913, PLR0917 - where to look, and the four that make a table the same
    spark: SparkSession, tables: ResultsLocation, source: str, target: str, task: str, n_rows: int
) -> dict[str, float]:
    """Estimate the seconds of a trial of each model from the last finished run of the same table.

    Args:
        spark: session to read with.
        tables: location of the result tables.
        source: name of the table that was compared on, as in ``runs``.
        target: name of the column that was predicted.
        task: kind of experiment.
        n_rows: current number of rows of the table; the times are scaled in proportion.

    Returns:
        Seconds by model id; empty if there is no such run.
    """
    if not exists(spark, tables, RUNS.name) or not exists(spark, tables, TRIALS.name):
        return {}
    query = _QUERY.format(trials=tables.name(TRIALS.name), runs=tables.name(RUNS.name))
    values = {"source": source, "target": target, "task": task, "n_rows": n_rows}
    return {row.model_id: float(row.seconds) for row in spark.sql(query, args=values).collect() if row.seconds}


def start_looking(  # noqa: PLR0913, PLR0917 - those of `trial_seconds`
    spark: SparkSession, tables: ResultsLocation, source: str, target: str, task: str, n_rows: int
) -> Future[Mapping[str, float]]:
    """Start `trial_seconds` on a thread.

    Reading takes more than a second, which is a third of the shortest runs. So a run does not wait for the thread, and
    cuts its first tasks without these times; a line of the log says when they have arrived.

    Returns:
        Future of the seconds by model id; empty if a table cannot be read.
    """
    found: Future[Mapping[str, float]] = Future()

    def look() -> None:
        seconds: dict[str, float] = {}
        try:
            seconds = trial_seconds(spark, tables, source, target, task, n_rows)
            _LOG.info("The times of %d models are known from an earlier run of %s.", len(seconds), source)
        except Exception as error:  # noqa: BLE001 - a run is planned less well without, and that is all
            _LOG.info("Earlier runs cannot be read: %s", error)
        found.set_result(seconds)

    threading.Thread(target=look, name="bakeoff-history", daemon=True).start()
    return found
