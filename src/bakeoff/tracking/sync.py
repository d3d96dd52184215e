"""``bakeoff sync``: sends messages to MLflow that runs could not send."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.errors import BakeoffError, RunNotFoundError, UserError
from bakeoff.storage.location import ResultsLocation, run_folder
from bakeoff.storage.rows import RunRecord
from bakeoff.storage.spark_tables import SparkTables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from bakeoff.tracking.replay import Left, Sent

Say = Callable[[str], None]
OpenSpark = Callable[[], AbstractContextManager["SparkSession"]]


class NotSyncedError(BakeoffError):
    """Messages that MLflow did not take; they are kept."""


def sync(  # noqa: PLR0913 - where from, where to, and who hears of it
    home: Path, tables: ResultsLocation, run_id: str | None, open_spark: OpenSpark, say: Say, *, count: Say
) -> None:
    """Send the messages that one run or all runs have left, and end MLflow runs that were left open.

    Args:
        home: folder of runs.
        tables: location of the result tables.
        run_id: id of the run; ``None`` for all runs.
        open_spark: opens a session for the tables; called only if there are any.
        say: called with a sentence on each run.
        count: called with the progress.

    Raises:
        RunNotFoundError: there is no such run.
        NotSyncedError: MLflow did not take everything.
    """
    from bakeoff.tracking.replay import left_over

    sent: dict[str, Sent] = {}
    troubles: list[str] = []
    left = left_over(home, run_id)
    for each in left:
        if each.running:
            say(f"Run {each.run_id} is going on, and sends what it has by itself.")
            continue
        try:
            sent[each.run_id] = _send(home, each, say, count)
        except Exception as error:  # noqa: BLE001 - stores and networks may fail in any way
            troubles.append(_trouble(each, error))
    problems = [f"run {key}: {'; '.join(one.refusals)}" for key, one in sent.items() if one.refusals]
    if tables.path is not None and left and left[0].attempts[-1].head.schema:  # the runs know where their tables are
        head = left[0].attempts[-1].head
        tables = ResultsLocation(catalog=head.catalog, schema=head.schema)
    in_tables = _in_tables(home, tables, run_id, sent, open_spark, say)
    if run_id is not None and not left and not in_tables:
        raise RunNotFoundError(f"There is no run {run_id!r} in {home}: `bakeoff runs` lists the runs.")
    if troubles or problems:
        raise NotSyncedError(
            "; ".join([*dict.fromkeys(troubles), *(f"MLflow refused a part of {problem}" for problem in problems)])
            + ". What it lacks is kept: try `bakeoff sync` again later."
        )
    if not left:
        say("MLflow has everything.")


def _send(home: Path, left: Left, say: Say, count: Say) -> Sent:
    from bakeoff.tracking.replay import replay

    sent = replay(home, left, lambda done, of: count(f"Run {left.run_id}: {done} of {of}"))
    page = f": {sent.tracked.url}" if sent.tracked.url else ""
    if not sent.refusals:
        say(f"Run {left.run_id} is in MLflow at {left.place}{page}")
    if sent.open:
        say(f"  It is open on another machine, or was killed there: MLflow shows it as running, {left.folder} is kept.")
    return sent


def _trouble(left: Left, error: Exception) -> str:
    from bakeoff.tracking.bounded_client import reason, unavailable

    if isinstance(error, UserError):
        return str(error).rstrip(".")
    what = "cannot be reached" if unavailable(error) else "does not do what it is asked"
    return f"MLflow at {left.place} {what} ({reason(error)})"


def _in_tables(  # noqa: PLR0913, PLR0917 - the last step needs what all others found
    home: Path, tables: ResultsLocation, run_id: str | None, sent: dict[str, Sent], open_spark: OpenSpark, say: Say
) -> bool:
    """Enter MLflow's ids in the tables, and end MLflow runs that were left open.

    Returns:
        Whether the tables have the run, or any run if none is named.
    """
    from bakeoff.tracking.outbox import FOLDER, clear

    if tables.path is not None and not tables.path.exists():
        return False
    with open_spark() as spark:
        results = SparkTables(spark, tables)
        if not results.exists():
            return False
        for key, one in sent.items():
            ids = (one.tracked.experiment_id, one.tracked.mlflow_run_id)
            run = RunRecord(key, "", mlflow_experiment_id=ids[0], mlflow_run_id=ids[1], promotion=one.promotion)
            results.fill_mlflow_ids(run, one.model_run_ids)
        rows = [row for row in results.runs() if run_id is None or row.run_id == run_id]
        _close_stale(home, rows, say)
    for row in rows:
        if row.status != "running" and row.run_id in sent and sent[row.run_id].open:
            clear(run_folder(home, row.run_id) / FOLDER)  # it has ended elsewhere, and MLflow shows that now
    return bool(rows)


def _close_stale(home: Path, rows: list[RunRecord], say: Say) -> None:
    from bakeoff.tracking.bounded_client import BoundedClient, reason
    from bakeoff.tracking.client import make_client
    from bakeoff.tracking.replay import CALL_SECONDS, close_stale

    try:
        closed = close_stale(BoundedClient(make_client(home), CALL_SECONDS), rows)
    except Exception as error:  # noqa: BLE001 - whatever a store raises, the messages were sent
        say(f"Whether MLflow shows a run as running that has ended could not be found out ({reason(error)}).")
    else:
        for key in closed:
            say(f"Run {key} has ended, and MLflow knows that now.")
