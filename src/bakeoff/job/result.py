"""Values at the beginning and the end of a job: the prepared run and its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.comparison.leaderboard import Leaderboard
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.summary import Summary
from bakeoff.report.facts import Facts
from bakeoff.source import SourceTable
from bakeoff.storage.location import ResultsLocation

if TYPE_CHECKING:
    from bakeoff.job.trial_limits import TrialLimits


Say = Callable[[str], None]


@dataclass(frozen=True)
class RunResult:
    """Result of a run.

    Attributes:
        run_id: id of the run.
        plan: what was compared.
        leaderboard: the ranked models.
        summary: times and counts of the comparison.
        models: the ``n_select`` best models, fitted on the training rows (without the preprocessing).
        tables: location of the result tables.
        experiment_id: MLflow's id of the experiment; all ids of MLflow are ``None`` if it did not answer in time.
        mlflow_run_id: MLflow's id of the run.
        mlflow_url: address of the run's page in MLflow, if there is one.
        model_uri: URI of the best model, a pipeline on raw columns, for ``mlflow.pyfunc.load_model``.
        registered: name and version in the registry, if that was requested.
        promotion: whether that version became champion or challenger, and why.
        problems: what could not be logged, one line each.
        report: path of the report, which is logged to MLflow, too.
        facts: all results as plain data.
    """

    run_id: str
    plan: Plan
    leaderboard: Leaderboard
    summary: Summary
    models: Sequence[Any]
    tables: ResultsLocation
    experiment_id: str | None
    mlflow_run_id: str | None
    mlflow_url: str | None
    model_uri: str | None
    registered: tuple[str, str] | None = None
    promotion: str | None = None
    problems: tuple[str, ...] = ()
    report: Path | None = None
    facts: Facts | None = None


@dataclass(frozen=True)
class PreparedRun:
    """A comparison that is ready to run.

    Attributes:
        source: the table.
        experiment: PyCaret's experiment after its setup.
        params: arguments of ``compare_models``, which were checked.
        limits: limits of the trials.
    """

    source: SourceTable
    experiment: Any
    params: dict[str, Any]
    limits: TrialLimits
