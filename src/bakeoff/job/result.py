"""Values at the beginning and the end of a job: the prepared run and its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.comparison.decision import Wanted
from bakeoff.comparison.leaderboard import Leaderboard
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.summary import Summary
from bakeoff.job.step_times import StepTimes
from bakeoff.report.facts import Facts
from bakeoff.source import SourceTable
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.run_status import RunStatus

if TYPE_CHECKING:
    from bakeoff.job.trial_limits import JobLimits
    from bakeoff.tracking.logged_model import BestModel


Say = Callable[[str], None]


@dataclass(frozen=True)
class RunResult:
    """Result of a run: its facts, and what only the process that ran it has.

    Attributes:
        facts: all results as plain data.
        models: the ``n_select`` best models, fitted on the training rows (without the preprocessing).
        tables: location of the result tables.
        logged: location of the best model in MLflow; ``None`` if it is not logged.
        promotion: whether the registered version became champion or challenger, and why.
        problems: what could not be logged, one line each.
        report: path of the report, which is logged to MLflow, too.
    """

    facts: Facts
    models: Sequence[Any]
    tables: ResultsLocation
    logged: BestModel | None = None
    promotion: str | None = None
    problems: tuple[str, ...] = ()
    report: Path | None = None

    @property
    def run_id(self) -> str:
        """Id of the run."""
        return self.facts.run.run_id

    @property
    def status(self) -> RunStatus:
        """The status that the run has ended with."""
        return RunStatus(self.facts.run.status)

    @property
    def plan(self) -> Plan:
        """The plan: what was compared."""
        return self.facts.plan

    @property
    def leaderboard(self) -> Leaderboard:
        """The ranked models."""
        return self.facts.board

    @property
    def summary(self) -> Summary:
        """Times and counts of the comparison."""
        return self.facts.summary

    @property
    def experiment_id(self) -> str | None:
        """MLflow's id of the experiment; all ids of MLflow are ``None`` if it did not answer in time."""
        return self.facts.run.mlflow_experiment_id

    @property
    def mlflow_run_id(self) -> str | None:
        """MLflow's id of the run."""
        return self.facts.run.mlflow_run_id

    @property
    def mlflow_url(self) -> str | None:
        """Address of the run's page in MLflow, if there is one."""
        return self.facts.mlflow_url

    @property
    def model_uri(self) -> str | None:
        """URI of the best model, a pipeline on raw columns, for ``mlflow.pyfunc.load_model``."""
        return self.logged.uri if self.logged else None

    @property
    def registered(self) -> tuple[str, str] | None:
        """Name and version in the registry, if that was requested."""
        return self.logged.registered if self.logged else None


@dataclass(frozen=True)
class PreparedRun:
    """A comparison that is ready to run.

    Attributes:
        source: the table.
        experiment: PyCaret's experiment after its setup.
        params: arguments of ``compare_models``, which were checked.
        limits: limits of the trials.
        wanted: what is asked of how the best model decides.
        steps: the steps of the run so far.
    """

    source: SourceTable
    experiment: Any
    params: dict[str, Any]
    limits: JobLimits
    wanted: Wanted = field(default_factory=Wanted)
    steps: StepTimes = field(default_factory=StepTimes)
