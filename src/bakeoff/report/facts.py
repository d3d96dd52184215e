"""Everything that a report is made of, as plain data: from the run itself, or read back from its tables."""

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
    """What only the driver of a run saw and no table holds. It is kept as JSON beside the report.

    Attributes:
        metric_names: as people read them, by key.
        test_ratio: test rows per training row, in the mean over folds.
        began_at: seconds since the epoch, when the comparison began.
        transforms: model id, fold and seconds of each trial that had to wait for the preprocessing of its fold.
        columns: of the data, each with ``name``, ``type``, ``missing``, ``distinct`` and ``values`` (a few words).
        target: ``labels`` and ``counts`` of its classes, or ``edges`` and ``counts`` of a histogram.
        best: what the best model does on rows that it has not seen: ``rows`` and, by the kind of task, ``labels``,
            ``matrix`` and ``roc``; ``actual`` and ``predicted``; or a forecast with its ``history``.
        importance: of the best model's features, the most important first, with the name of what measures it.
    """

    metric_names: Mapping[str, str] = field(default_factory=dict)
    test_ratio: float | None = None
    began_at: float = 0.0
    transforms: Sequence[Sequence[Any]] = ()
    columns: Sequence[Mapping[str, Any]] = ()
    target: Mapping[str, Any] = field(default_factory=dict)
    best: Mapping[str, Any] = field(default_factory=dict)
    importance: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """All of it as text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Diagnostics:
        """What `to_json` wrote; what another version wrote besides is left out.

        Example:
            >>> Diagnostics.from_json(Diagnostics(test_ratio=0.25).to_json()).test_ratio
            0.25
        """
        told = json.loads(text)
        return cls(**{item.name: told[item.name] for item in fields(cls) if item.name in told})


@dataclass(frozen=True)
class Facts:
    """A run that has ended.

    Attributes:
        run: what was asked and how it ended.
        plan: models, folds and metrics.
        board: the ranking and the outcomes that it was made from.
        verdict: how sure the ranking is; ``None`` where no model is complete.
        summary: the clock.
        look: what no table holds, as far as it is known.
        tables: how the tables are written in SQL.
        model_uri: what ``mlflow.pyfunc.load_model`` takes.
        tracking_uri: what ``mlflow.set_tracking_uri`` takes before, where the environment does not say it.
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
        """What was asked, by the name of the option."""
        return dict(json.loads(self.run.config)) if self.run.config else {}

    @property
    def source(self) -> str:
        """The name of the data: a file's without its folder."""
        name = self.run.source or "the data"
        return PurePath(name).name if "/" in name else name

    @property
    def metric(self) -> str:
        """The metric that ranks, as people read it."""
        return self.name_of(self.plan.sort_by)

    @property
    def size(self) -> str:
        """Rows and columns of the data."""
        return f"{counted(self.run.n_rows or 0, 'row')}, {counted(self.run.n_columns or 0, 'column')}"

    @property
    def earlier(self) -> list[Outcome]:
        """The trials that an earlier attempt of the run had finished: those that ended before this one began."""
        return earlier_than(self.summary.began_at, self.board.outcomes)

    def name_of(self, key: str) -> str:
        """A metric as people read it."""
        return {TT: "TT (Sec)", **{metric.key: metric.name for metric in self.plan.metrics}}.get(key, key)

    def row_of(self, model_id: str) -> Row:
        """A model's row of the ranking."""
        return next(row for row in self.board.rows if row.model_id == model_id)


def earlier_than(began_at: float, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes of trials that had ended by then."""
    return [each for each in outcomes if each.status is not Status.CANCELLED and each.finished_at <= began_at]
