"""What a run is asked and what it leaves behind."""

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
    """What a run left behind.

    Attributes:
        models: the ``n_select`` best, fitted on the training rows (without the preprocessing).
        experiment_id: MLflow's; as its other ids, ``None`` where MLflow did not answer in time.
        model_uri: what ``mlflow.pyfunc.load_model`` takes: the best model as a pipeline on raw columns.
        registered: name and version in the registry, where that was asked for.
        promotion: what became of that version: champion or challenger, and why.
        problems: what could not be logged, one line each.
        report: the file; it is logged to MLflow, too.
        facts: everything that was found, as plain data.
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
    """What is to be compared, once it is sure that it can be: table, experiment, arguments, and limits of trials."""

    source: SourceTable
    experiment: Any
    params: dict[str, Any]
    limits: TrialLimits
