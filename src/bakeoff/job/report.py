"""A job's report. What goes wrong with it is told, and harms nothing."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bakeoff.job.outputs import RunOutputs
from bakeoff.report.data_profile import columns_of, target_of
from bakeoff.report.facts import Diagnostics, Facts
from bakeoff.report.page import LOOK, PLOTS, write, write_page
from bakeoff.report.sentences import answer, clock, headline, question
from bakeoff.runs.loading import MODEL
from bakeoff.storage.location import run_folder
from bakeoff.storage.rows import RunRecord
from bakeoff.tracking.client import uri_to_set
from bakeoff.tracking.entities import Story
from bakeoff.tracking.messages import of_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bakeoff.fugue_backend import FugueBackend
    from bakeoff.source import SourceTable

_LOG = logging.getLogger(__name__)


class Reported(NamedTuple):
    """What came of a report: the facts that it shows, the file where there is one, and what went wrong."""

    facts: Facts
    file: Path | None
    problems: tuple[str, ...]


def report_run(  # noqa: PLR0913, PLR0917 - all that the driver of a run holds in its hands
    home: Path,
    places: RunOutputs,
    record: RunRecord,
    backend: FugueBackend,
    source: SourceTable,
    experiment: Any,
    model: Any = None,
) -> Reported:
    """Look at the best model, write the report, and have it logged to MLflow. Nothing is raised.

    Args:
        home: the report goes to a folder of the run's in it.
        places: where the run is written to.
        record: how it ended.
        backend: after the comparison.
        source: the table.
        experiment: after the comparison.
        model: the best model, fitted; ``None`` where there is none.
    """
    problems: list[str] = []
    facts = facts_of(home, places, record, backend)
    file = None
    with _noting("The report lacks what the best model does", problems):
        facts = replace(facts, look=_looked(facts, source, experiment, model))
    with _noting("The report could not be written", problems):
        file = write(facts, run_folder(home, record.run_id))
    if file is not None:
        places.tracking.put(of_files([file.name, LOOK], [PLOTS]))
    return Reported(facts, file, tuple(problems))


def with_promotion(home: Path, places: RunOutputs, reported: Reported, record: RunRecord) -> Reported:
    """Write the report again once the registry has said what became of the model, and have it logged."""
    problems = list(reported.problems)
    facts = replace(reported.facts, run=record)
    if reported.file is not None:
        with _noting("The report lacks what became of the registered model", problems):
            write_page(facts, run_folder(home, record.run_id))
            places.tracking.put(of_files([reported.file.name]))
    return Reported(facts, reported.file, tuple(problems))


def facts_of(home: Path, places: RunOutputs, record: RunRecord, backend: FugueBackend) -> Facts:
    """What the report of a run shows, but for what its best model does."""
    plan, board, summary = backend.plan, backend.board, backend.summary
    assert plan is not None and board is not None and summary is not None  # noqa: S101, PT018 - the run has ended

    waited = [[each.model_id, each.fold, each.transform_seconds] for each in board.outcomes if each.transform_seconds]
    look = Diagnostics(
        metric_names={metric.key: metric.name for metric in plan.metrics},
        test_ratio=plan.test_rows_per_training_row,
        began_at=summary.began_at,
        transforms=waited,
    )
    return Facts(
        run=record,
        plan=plan,
        board=board,
        verdict=backend.verdict,
        summary=summary,
        look=look,
        tables=[places.tables.name(name) for name in ("runs", "trials", "leaderboard")],
        model_uri=f"runs:/{record.mlflow_run_id}/{MODEL}" if board.best and record.mlflow_run_id else None,
        tracking_uri=uri_to_set(home),
        mlflow_url=places.mlflow_url,
    )


def _looked(facts: Facts, source: SourceTable, experiment: Any, model: Any) -> Diagnostics:
    from bakeoff.pycaret3.evaluation import importance_of, look_at
    from bakeoff.pycaret3.restore import final_pipeline

    look = replace(
        facts.look,
        columns=columns_of(source.frame),
        target=target_of(source.frame[facts.run.target], source.task),
    )
    if model is None:
        return look
    pipeline = final_pipeline(experiment, model)
    look = replace(look, best=look_at(experiment, pipeline))
    return look if source.task == "time_series" else replace(look, importance=importance_of(experiment, pipeline))


@contextmanager
def _noting(what: str, problems: list[str]) -> Iterator[None]:
    """Hours of work are not lost because a picture cannot be drawn."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - pictures, models and stores may fail in any way
        # What the disk says needs no traceback to be understood.
        _LOG.warning("%s: %s", what, error, exc_info=not isinstance(error, OSError))
        problems.append(f"{what}: {type(error).__name__}: {error}")


def story_of(facts: Facts) -> Story:
    """What MLflow's pages say of a run."""
    run = facts.run
    more = [
        question(facts),
        "",
        f"{clock(facts.summary)}. `report.html` and `plots/` are among the artifacts.",
        "",
        f"Tables: {', '.join(facts.tables)}, `run_id = '{run.run_id}'`.",
    ]
    if facts.model_uri:
        load = "mlflow.sklearn.load_model" if run.task_type == "time_series" else "mlflow.pyfunc.load_model"
        more += ["", f'The best model: `{load}("{facts.model_uri}")`']
    return Story(headline(facts), answer(facts), more)
