"""Plain data that a report is made from, either by the run itself or read back from its tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import PurePath
from typing import Any

from bakeoff._utils.text import counted
from bakeoff.comparison.leaderboard import Leaderboard, Row
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.significance import Verdict
from bakeoff.comparison.summary import Summary
from bakeoff.comparison.trial import TT, Outcome, Status
from bakeoff.storage.rows import RunRecord


@dataclass(frozen=True)
class Diagnostics:
    """Diagnostics that only the driver of a run has and no table holds, stored as JSON beside the report.

    Attributes:
        metric_names: display names of the metrics, by key.
        test_ratio: test rows per training row, averaged over the folds.
        began_at: start of the comparison, in seconds since the epoch.
        transforms: model id, fold and seconds of each trial that had to wait for the preprocessing of its fold.
        findings: what was noticed about the data: ``kind``, ``sentence``, ``columns`` and ``n_affected`` of each.
        columns: profile of each column of the data: ``name``, ``type``, ``missing``, ``distinct`` and ``values`` (a
            summary in a few words).
        target: profile of the target: ``labels`` and ``counts`` of its classes, or ``edges`` and ``counts`` of a
            histogram.
        best: evaluation of the best model on unseen rows: ``rows`` and, depending on the task, ``labels``, ``matrix``
            and ``roc``; ``actual`` and ``predicted``; or a forecast with its ``history``.
        importance: ``features`` of the best model with their importance, in descending order, and the ``measure``.
    """

    metric_names: Mapping[str, str] = field(default_factory=dict)
    test_ratio: float | None = None
    began_at: float = 0.0
    transforms: Sequence[Sequence[Any]] = ()
    findings: Sequence[Mapping[str, Any]] = ()
    columns: Sequence[Mapping[str, Any]] = ()
    target: Mapping[str, Any] = field(default_factory=dict)
    best: Mapping[str, Any] = field(default_factory=dict)
    importance: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the diagnostics as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Diagnostics:
        """Read diagnostics that `to_json` wrote; fields that only another version knows are ignored.

        Example:
            >>> Diagnostics.from_json(Diagnostics(test_ratio=0.25).to_json()).test_ratio
            0.25
        """
        values = json.loads(text)
        return cls(**{item.name: values[item.name] for item in fields(cls) if item.name in values})


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
        model_uri: URI of the best model for ``mlflow.pyfunc.load_model``.
        tracking_uri: URI for ``mlflow.set_tracking_uri``, if the environment does not set it.
        mlflow_url: address of the run in MLflow's user interface.
    """

    run: RunRecord
    plan: Plan
    board: Leaderboard
    verdict: Verdict | None
    summary: Summary
    look: Diagnostics = field(default_factory=Diagnostics)
    tables: Sequence[str] = ()
    model_uri: str | None = None
    tracking_uri: str | None = None
    mlflow_url: str | None = None

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
    def earlier(self) -> list[Outcome]:
        """Outcomes of earlier attempts of the run: those that ended before the last attempt began."""
        return earlier_than(self.summary.began_at, self.board.outcomes)

    def name_of(self, key: str) -> str:
        """Return the display name of a metric."""
        return {TT: "TT (Sec)", **{metric.key: metric.name for metric in self.plan.metrics}}.get(key, key)

    def row_of(self, model_id: str) -> Row:
        """Return a model's row of the ranking."""
        return next(row for row in self.board.rows if row.model_id == model_id)


def earlier_than(began_at: float, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the outcomes of trials that ended before a time, given in seconds since the epoch."""
    return [
        outcome for outcome in outcomes if outcome.status is not Status.CANCELLED and outcome.finished_at <= began_at
    ]
