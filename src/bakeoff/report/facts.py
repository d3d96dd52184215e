"""Plain data that a report is made from, either by the run itself or read back from its tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from bakeoff._utils.text import counted
from bakeoff.comparison.blend import BLEND
from bakeoff.comparison.leaderboard import Leaderboard, Row
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.significance import Verdict
from bakeoff.comparison.summary import Summary
from bakeoff.comparison.trial import TT, Outcome, Status
from bakeoff.comparison.tuning_result import TuningResult
from bakeoff.report.diagnostics import Diagnostics
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.rows import RunRecord
from bakeoff.storage.schema import LEADERBOARD, RUNS, TRIALS


@dataclass(frozen=True)
class Facts:
    """Facts of a run that has ended.

    Attributes:
        run: row of the run: its config, data, status and times.
        plan: models, folds and metrics.
        board: the ranking, and the outcomes that it was made from.
        verdict: significance of the ranking; ``None`` if no model has all folds.
        summary: times and slots.
        look: diagnostics that no table holds, if they are known.
        tables: names of the tables in SQL.
        tracking_uri: URI for ``mlflow.set_tracking_uri``, if the environment does not set it.
        mlflow_url: address of the run in MLflow's user interface.
        offered: a blend that is not in the ranking; ``None`` if there is none, or it is ranked.
        tuning: what tuning has tried; ``None`` if nothing was to be tuned.
    """

    run: RunRecord
    plan: Plan
    board: Leaderboard
    verdict: Verdict | None
    summary: Summary
    look: Diagnostics = field(default_factory=Diagnostics)
    tables: Sequence[str] = ()
    tracking_uri: str | None = None
    mlflow_url: str | None = None
    offered: Row | None = None
    tuning: TuningResult | None = None

    @property
    def model_uri(self) -> str | None:
        """URI of the best model for ``mlflow.pyfunc.load_model``."""
        return self.run.model_uri

    @property
    def config(self) -> Mapping[str, Any]:
        """Options of the run, by their names."""
        return dict(json.loads(self.run.config)) if self.run.config else {}

    @property
    def source(self) -> str:
        """Name of the data; of a file without its folder."""
        name = self.run.source or "the data"
        return PurePath(name).name if "/" in name else name

    @property
    def metric(self) -> str:
        """Display name of the metric that ranks the models."""
        return self.name_of(self.plan.sort_by)

    @property
    def size(self) -> str:
        """Number of rows and columns of the data, as text."""
        return f"{counted(self.run.n_rows or 0, 'row')}, {counted(self.run.n_columns or 0, 'column')}"

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of the ranking, and after them that of a blend beside it."""
        return self.board.rows if self.offered is None else (*self.board.rows, self.offered)

    @property
    def trials(self) -> tuple[Outcome, ...]:
        """Outcomes of trials, without the scores of a blend, for which nothing ran."""
        return tuple(outcome for outcome in self.board.outcomes if outcome.model_id != BLEND)

    @property
    def earlier(self) -> list[Outcome]:
        """Outcomes of earlier attempts of the run: those that ended before the last attempt began."""
        return earlier_than(self.summary.began_at, self.trials)

    def name_of(self, key: str) -> str:
        """Return the display name of a metric."""
        return {TT: "TT (Sec)", **{metric.key: metric.name for metric in self.plan.metrics}}.get(key, key)

    def row_of(self, model_id: str) -> Row:
        """Return a model's row of the ranking."""
        return next(row for row in self.board.rows if row.model_id == model_id)


def table_names(location: ResultsLocation) -> tuple[str, ...]:
    """Return the names in SQL of the tables that hold a run."""
    return tuple(location.name(table.name) for table in (RUNS, TRIALS, LEADERBOARD))


def earlier_than(began_at: float, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the outcomes of trials that ended before a time, given in seconds since the epoch."""
    return [
        outcome for outcome in outcomes if outcome.status is not Status.CANCELLED and outcome.finished_at <= began_at
    ]
