"""The report of a job. Its failures are reported as problems, and do not end the run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bakeoff.job.context import Comparison, RunContext
from bakeoff.job.step_times import EVALUATE, REPORT
from bakeoff.report.data_profile import columns_of, target_of
from bakeoff.report.diagnostics import Diagnostics
from bakeoff.report.facts import Facts, table_names
from bakeoff.report.page import LOOK, PLOTS, draw_charts, write_charts, write_page
from bakeoff.report.sentences import answer, clock, headline, question
from bakeoff.storage.rows import RunRecord
from bakeoff.tracking.addresses import uri_to_set

if TYPE_CHECKING:
    from bakeoff.source import SourceTable
    from bakeoff.tracking.entities import Story

_LOG = logging.getLogger(__name__)


class Reported(NamedTuple):
    """Result of writing a report: its facts, its file if it was written, and what went wrong."""

    facts: Facts
    file: Path | None
    problems: tuple[str, ...]


def report_run(
    context: RunContext, comparison: Comparison, record: RunRecord, entered: Future[RunRecord] | None = None
) -> Reported:
    """Evaluate the best model, write the report, and queue it to be logged to MLflow. Nothing is raised.

    Args:
        context: the run; the report is written to its folder.
        comparison: its comparison.
        record: the row of the run at its end.
        entered: the row with the promotion of the registered model, which the page waits for; ``None`` if no model is
            registered.
    """
    from bakeoff.tracking.messages import of_files

    problems: list[str] = []
    facts = facts_of(context, comparison, record)
    file = None
    with _noting("The report lacks what the best model does", problems), context.steps(EVALUATE):
        facts = replace(facts, look=diagnose(context.prepared.source, facts, context, comparison))
    with _noting("The report could not be written", problems):
        with context.steps(REPORT):
            drawings = draw_charts(facts)
            write_charts(facts, context.folder, drawings)
        if entered is not None and entered.exception() is None:
            facts = replace(facts, run=entered.result())
        facts = _with_steps(facts, context)
        file = write_page(facts, context.folder, drawings)
    if file is not None:
        context.outputs.tracking.put(of_files([file.name, LOOK], [PLOTS]))
    return Reported(facts, file, tuple(problems))


def with_all_steps(facts: Facts, context: RunContext) -> Facts:
    """Return the facts with all steps of the run, and keep these for reports that are made later."""
    facts = _with_steps(facts, context)
    with suppress(OSError):  # the report lacks the last steps then
        if (context.folder / LOOK).exists():
            (context.folder / LOOK).write_text(facts.look.to_json(), encoding="utf-8")
    return facts


def _with_steps(facts: Facts, context: RunContext) -> Facts:
    return replace(facts, look=replace(facts.look, steps=context.steps.steps))


def facts_of(context: RunContext, comparison: Comparison, record: RunRecord) -> Facts:
    """Return the facts of a run that has just ended, except for the evaluation of its best model."""
    plan, board, summary = comparison.plan, comparison.board, comparison.summary
    waited = [[each.model_id, each.fold, each.transform_seconds] for each in board.outcomes if each.transform_seconds]
    look = Diagnostics(
        metric_names={metric.key: metric.name for metric in plan.metrics},
        test_ratio=plan.test_rows_per_training_row,
        began_at=summary.began_at,
        transforms=waited,
        decision=comparison.decision,
        reliability=comparison.reliability,
        blend=[outcome.to_dict() for outcome in comparison.blend.outcomes] if comparison.blend else [],
    )
    return Facts(
        run=record,
        plan=plan,
        board=board,
        verdict=comparison.verdict,
        summary=summary,
        look=look,
        tables=table_names(context.outputs.tables.location),
        tracking_uri=uri_to_set(context.config.home),
        mlflow_url=context.outputs.mlflow_url,
        offered=comparison.offered,
        tuning=comparison.tuning,
    )


def diagnose(source: SourceTable, facts: Facts, context: RunContext, comparison: Comparison) -> Diagnostics:
    """Return the diagnostics with the profile of the table and, if there is a model, with its evaluation."""
    from bakeoff.pycaret3.deciding import undecided
    from bakeoff.pycaret3.evaluation import evaluate, importance_of
    from bakeoff.pycaret3.restore import final_pipeline

    look = replace(
        facts.look,
        findings=[finding.as_object() for finding in source.findings],
        columns=columns_of(source.frame),
        target=target_of(source.frame[facts.run.target], source.task),
    )
    if comparison.best_model is None:
        return look
    experiment = context.prepared.experiment
    pipeline = final_pipeline(experiment, comparison.best_model)
    look = replace(look, best=evaluate(experiment, pipeline))
    if source.task == "time_series":
        return look
    importance = importance_of(experiment, final_pipeline(experiment, undecided(comparison.best_model)))
    if importance is not None:
        names = source.preparation.outside(name for name, _ in importance.features)
        features = [(name, share) for name, (_, share) in zip(names, importance.features, strict=True)]
        importance = replace(importance, features=features)
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
    from bakeoff.tracking.entities import Story

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
    tags = facts.look.decision.tags if facts.look.decision else {}
    return Story(headline(facts), answer(facts), more, tags)
