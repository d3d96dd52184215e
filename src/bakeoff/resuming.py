"""Go on with a run that was cut off, from the config that its tables hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.comparison.events import Listener
from bakeoff.comparison.trial import Status
from bakeoff.config import RunConfig
from bakeoff.errors import UserError
from bakeoff.job import RunResult, Say, run
from bakeoff.redaction import is_redacted
from bakeoff.results.schema import FINISHED
from bakeoff.results.table_errors import check_logs, naming_broken_tables
from bakeoff.results.target import TableTarget
from bakeoff.session import open_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def resume(  # noqa: PLR0913 - the run, and where it is
    run_id: str,
    spark: SparkSession | None = None,
    say: Say = print,
    listeners: Sequence[Listener] = (),
    *,
    home: Path = Path(".bakeoff"),
    catalog: str | None = None,
    schema: str | None = None,
) -> RunResult:
    """Go on with a run where it stopped; trials that are finished are not run again.

    Args:
        run_id: the run.
        spark: as for `bakeoff.job.run`.
        say: as there.
        listeners: as there.
        home: where the run was told to keep what is local.
        catalog: where its tables are, in a metastore.
        schema: where its tables are, in a metastore; without it they are under ``home``.

    Raises:
        UserError: there is no such run, it is finished, or it cannot be asked again from what is stored.
    """
    target = TableTarget.at(home, catalog, schema)
    check_logs(target)
    with open_session(spark, home) as session:
        with naming_broken_tables(target):
            config = stored_config(session.spark, target, run_id, home)
        say(f"Run {run_id}: {config.source}, target {config.target}")
        return run(config, session, say, listeners)


def stored_config(spark: SparkSession, target: TableTarget, run_id: str, home: Path) -> RunConfig:
    """What a run that is not finished was asked, to be asked again in the same places.

    Raises:
        UserError: there is no such run, it is finished, or a part of what was asked is not stored.
    """
    from bakeoff.results.tables import frame, read_trials

    runs = frame(spark, target, "runs")
    row = runs.where(runs.run_id == run_id).select("config", "status").first()
    if row is None:
        raise UserError(f"There is no run {run_id!r} in {target.place}: `bakeoff runs` lists the runs.")
    if row.status == FINISHED and all(o.status is not Status.CANCELLED for o in read_trials(spark, target, run_id)):
        raise UserError(
            f"Run {run_id} is finished and has nothing left to do: `bakeoff leaderboard {run_id}` shows its ranking."
        )
    told = json.loads(row.config or "{}")
    if is_redacted(told):
        raise UserError(
            f"Run {run_id} was asked with something secret, which is not stored: give everything again, as in "
            f"`bakeoff run --run-id {run_id} --source ...`, and it goes on."
        )
    places = {"home": home, "catalog": target.catalog, "schema": target.schema}
    return RunConfig.from_sources({**told, **places, "run_id": run_id})
