"""The report of a job. Its failures are reported as problems, and do not end the run."""

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
    """Result of writing a report: its facts, its file if it was written, and what went wrong."""

    facts: Facts
    file: Path | None
    problems: tuple[str, ...]


def report_run(  # noqa: PLR0913, PLR0917 - all that the driver of a run holds in its hands
    home: Path,
    outputs: RunOutputs,
    record: RunRecord,
    backend: FugueBackend,
    source: SourceTable,
    experiment: Any,
    model: Any = None,
) -> Reported:
    """Evaluate the best model, write the report, and queue it to be logged to MLflow. Nothing is raised.

    Args:
        home: folder of runs; the report is written to the run's folder in it.
        outputs: the outputs of the run.
        record: the run at its end.
        backend: the backend after the comparison.
        source: the table.
        experiment: the experiment after the comparison.
        model: the best model, fitted; ``None`` if there is none.
    """
    problems: list[str] = []
    facts = facts_of(home, outputs, record, backend)
    file = None
    with _noting("The report lacks what the best model does", problems):
        facts = replace(facts, look=_diagnose(facts, source, experiment, model))
    with _noting("The report could not be written", problems):
        file = write(facts, run_folder(home, record.run_id))
    if file is not None:
        outputs.tracking.put(of_files([file.name, LOOK], [PLOTS]))
    return Reported(facts, file, tuple(problems))


def with_promotion(home: Path, outputs: RunOutputs, reported: Reported, record: RunRecord) -> Reported:
    """Write the report again with the promotion of the registered model, and queue it to be logged."""
    problems = list(reported.problems)
    facts = replace(reported.facts, run=record)
    if reported.file is not None:
        with _noting("The report lacks what became of the registered model", problems):
            write_page(facts, run_folder(home, record.run_id))
            outputs.tracking.put(of_files([reported.file.name]))
    return Reported(facts, reported.file, tuple(problems))


def facts_of(home: Path, outputs: RunOutputs, record: RunRecord, backend: FugueBackend) -> Facts:
    """Return the facts that the report of a run shows, except for the evaluation of its best model."""
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
        tables=[outputs.tables.location.name(name) for name in ("runs", "trials", "leaderboard")],
        model_uri=f"runs:/{record.mlflow_run_id}/{MODEL}" if board.best and record.mlflow_run_id else None,
        tracking_uri=uri_to_set(home),
        mlflow_url=outputs.mlflow_url,
    )


def _diagnose(facts: Facts, source: SourceTable, experiment: Any, model: Any) -> Diagnostics:
    """Return the diagnostics with the profile of the table and, if there is a model, with its evaluation."""
    from bakeoff.pycaret3.evaluation import importance_of, look_at
    from bakeoff.pycaret3.restore import final_pipeline

    look = replace(
        facts.look,
        findings=[finding.as_object() for finding in source.findings],
        columns=columns_of(source.frame),
        target=target_of(source.frame[facts.run.target], source.task),
    )
    if model is None:
        return look
    pipeline = final_pipeline(experiment, model)
    look = replace(look, best=look_at(experiment, pipeline))
    if source.task == "time_series":
        return look
    importance = importance_of(experiment, pipeline)
    if features := importance.get("features"):
        names = source.preparation.outside(name for name, _ in features)
        importance["features"] = [[name, share] for name, (_, share) in zip(names, features, strict=True)]
    return replace(look, importance=importance)


@contextmanager
def _noting(what: str, problems: list[str]) -> Iterator[None]:
    """Record an exception as a problem, so that a chart that cannot be drawn does not cost hours of work.

    Args:
        what: beginning of the sentence about the problem.
        problems: list that the problem is appended to.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - pictures, models and stores may fail in any way
        # An error of the disk is understood without a traceback.
        _LOG.warning("%s: %s", what, error, exc_info=not isinstance(error, OSError))
        problems.append(f"{what}: {type(error).__name__}: {error}")


def story_of(facts: Facts) -> Story:
    """Return the name, the answer and the description of a run for MLflow's pages."""
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
