"""Resumption of a run that was cut off, from the config that its tables hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff._utils.redaction import is_redacted
from bakeoff._utils.text import print_text
from bakeoff.comparison.events import Listener
from bakeoff.comparison.losses import lost_with_the_ground
from bakeoff.comparison.trial import Outcome, Status
from bakeoff.comparison.tuning_result import TuningResult
from bakeoff.config import RunConfig
from bakeoff.errors import ConfigError, RunNotFoundError
from bakeoff.job.main import run
from bakeoff.job.output_checks import refuse_if_held
from bakeoff.job.result import RunResult, Say
from bakeoff.spark.session import open_session
from bakeoff.storage.location import ResultsLocation, run_folder
from bakeoff.storage.open_results import open_reader
from bakeoff.storage.result_tables import ResultReader
from bakeoff.storage.rows import RunRecord
from bakeoff.storage.run_file import read_run_file
from bakeoff.storage.run_status import RunStatus

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def resume(  # noqa: PLR0913 - the run, and where it is
    run_id: str,
    spark: SparkSession | None = None,
    say: Say = print_text,
    listeners: Sequence[Listener] = (),
    *,
    home: Path = Path(".bakeoff"),
    catalog: str | None = None,
    schema: str | None = None,
    blend: str | None = None,
) -> RunResult:
    """Resume a run where it stopped; finished trials are not run again.

    Args:
        run_id: id of the run.
        spark: session to use, as for `bakeoff.job.main.run`.
        say: called with messages for the user, as there.
        listeners: called with the events of the comparison, as there.
        home: folder that the run was given as ``home``.
        catalog: catalog of its tables, in a metastore.
        schema: schema of its tables, in a metastore; without it the tables are under ``home``.
        blend: what becomes of the blend of its models, if not what the run was asked for; a finished run goes on with
            that, too.

    Returns:
        The result of the run.

    Raises:
        RunNotFoundError: there is no such run, or its options are not stored.
        ConfigError: the run is finished, or was given a secret, which is not stored.
        UserError: as for `bakeoff.job.main.run`.
    """
    target = ResultsLocation.at(home, catalog, schema)
    refuse_if_held(home, run_id)
    with ExitStack() as stack:
        session = stack.enter_context(open_session(spark, home)) if spark is not None or target.in_metastore else None
        with open_reader(target, home, session.spark if session else None) as reader:
            config = stored_config(reader, run_id, home, blend)
        say(f"Run {run_id}: {config.source}, target {config.target}")
        return run(config, session, say, listeners)


def stored_config(tables: ResultReader, run_id: str, home: Path, blend: str | None = None) -> RunConfig:
    """Return the config of an unfinished run, with its id and the given location, to run it again.

    Args:
        tables: the tables that it is in.
        run_id: id of the run.
        home: folder of the run.
        blend: what becomes of its blend, if not what is stored; with this the run may be finished.

    Raises:
        RunNotFoundError: there is no such run, or its options are not stored.
        ConfigError: the run is finished, or was given a secret, which is not stored.
    """
    # It may have been cut off before its row was entered.
    row = tables.run(run_id) or read_run_file(run_folder(home, run_id))
    if row is None and (run_folder(home, run_id) / "journal").is_dir():
        raise RunNotFoundError(
            f"What run {run_id} was asked is not stored, but what it has finished is: give everything again, as in "
            f"`bakeoff run --run-id {run_id} --source ...`, and it goes on."
        )
    if row is None:
        raise RunNotFoundError(f"There is no run {run_id!r} in {tables.location.place}: `bakeoff runs` lists the runs.")
    stored = json.loads(row.config or "{}")
    asks_more = blend is not None and blend.lower() != stored.get("blend")
    may_go_on = asks_more or _may_tune_on(row) or _has_open_trials(tables.trials(run_id))
    if row.status == RunStatus.FINISHED and not may_go_on:
        raise ConfigError(
            f"Run {run_id} is finished and has nothing left to do: `bakeoff leaderboard {run_id}` shows its ranking."
        )
    if is_redacted(stored):
        raise ConfigError(
            f"Run {run_id} was asked with something secret, which is not stored: give everything again, as in "
            f"`bakeoff run --run-id {run_id} --source ...`, and it goes on."
        )
    location = {"home": home, "catalog": tables.location.catalog, "schema": tables.location.schema}
    more = {} if blend is None else {"blend": blend}
    return RunConfig.from_sources({**stored, **location, **more, "run_id": run_id})


def _may_tune_on(run: RunRecord) -> bool:
    """Whether a run's tuning had no time for further candidates."""
    return run.tuning is not None and TuningResult.from_json(run.tuning).is_cut


def _has_open_trials(outcomes: Sequence[Outcome]) -> bool:
    """Whether trials were cancelled, or were lost with their engine and recorded as failed by an earlier version."""
    return any(o.status is Status.CANCELLED for o in outcomes) or bool(lost_with_the_ground(outcomes))
