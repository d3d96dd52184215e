"""Facts that only the driver of a run knows and no table holds, kept as JSON beside the report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from bakeoff.comparison.decision import Decision
from bakeoff.comparison.model_diagnostics import (
    FeatureImportance,
    ModelDiagnostics,
    ReliabilityCurve,
    from_object,
    to_object,
)


@dataclass(frozen=True)
class ColumnProfile:
    """The profile of a column.

    Attributes:
        name: name of the column, shortened.
        type: kind of its values, in words.
        missing: number of missing values.
        distinct: number of distinct values.
        values: summary of the values, in a few words.
    """

    name: str
    type: str
    missing: int
    distinct: int
    values: str


@dataclass(frozen=True)
class ClassCounts:
    """The sizes of the classes of a target.

    Attributes:
        labels: the largest classes, the largest first.
        counts: number of rows of each of these.
        n_classes: number of all classes.
    """

    labels: Sequence[str]
    counts: Sequence[int]
    n_classes: int


@dataclass(frozen=True)
class Histogram:
    """A histogram of a numeric target.

    Attributes:
        edges: edges of the bins, one more than there are bins.
        counts: number of rows in each bin.
    """

    edges: Sequence[float]
    counts: Sequence[int]


@dataclass(frozen=True)
class Step:
    """A step of a run.

    Attributes:
        name: what was done.
        began: seconds after the run was asked for.
        seconds: how long it took.
    """

    name: str
    began: float
    seconds: float


@dataclass(frozen=True)
class Diagnostics:
    """Diagnostics of a run, its data and its best model.

    Attributes:
        metric_names: display names of the metrics, by key.
        test_ratio: test rows per training row, averaged over the folds.
        began_at: start of the comparison, in seconds since the epoch.
        transforms: model id, fold and seconds of each trial that had to wait for the preprocessing of its fold.
        findings: what was noticed about the data: ``kind``, ``sentence``, ``columns`` and ``n_affected`` of each.
        columns: profile of each column of the data.
        target: profile of the target; ``None`` if it is not known.
        blend: the scores of a blend on each fold, which no trial has.
        best: evaluation of the best model on unseen rows; ``None`` if there is none.
        importance: importance of the best model's features; ``None`` if it gives none.
        decision: how the best model decides; ``None`` if nobody asked for anything but the usual.
        reliability: reliability of its probabilities; empty if it has none.
        steps: steps of the whole run, of which the comparison is one; they may overlap.
    """

    metric_names: Mapping[str, str] = field(default_factory=dict)
    test_ratio: float | None = None
    began_at: float = 0.0
    transforms: Sequence[Sequence[Any]] = ()
    findings: Sequence[Mapping[str, Any]] = ()
    columns: Sequence[ColumnProfile] = ()
    target: ClassCounts | Histogram | None = None
    blend: Sequence[Mapping[str, Any]] = ()
    best: ModelDiagnostics | None = None
    importance: FeatureImportance | None = None
    decision: Decision | None = None
    reliability: Sequence[ReliabilityCurve] = ()
    steps: Sequence[Step] = ()

    def to_json(self) -> str:
        """Return the diagnostics as JSON, with empty objects for what is not known."""
        known = {
            "target": asdict(self.target) if self.target else {},
            "best": to_object(self.best) if self.best else {},
            "importance": asdict(self.importance) if self.importance else {},
            "decision": self.decision.to_object() if self.decision else {},
        }
        return json.dumps({**asdict(self), **known})

    @classmethod
    def from_json(cls, text: str) -> Diagnostics:
        """Read diagnostics that `to_json` wrote; fields that only another version knows are ignored.

        Example:
            >>> Diagnostics.from_json(Diagnostics(test_ratio=0.25).to_json()).test_ratio
            0.25
        """
        values = json.loads(text)
        known = {item.name: values[item.name] for item in fields(cls) if item.name in values}
        known["columns"] = tuple(_read(ColumnProfile, column) for column in known.get("columns", ()))
        known["steps"] = tuple(_read(Step, step) for step in known.get("steps", ()))
        known["reliability"] = tuple(_read(ReliabilityCurve, curve) for curve in known.get("reliability", ()))
        target = known.get("target")
        known["target"] = _read(ClassCounts if "labels" in target else Histogram, target) if target else None
        known["best"] = from_object(known.get("best", {}))
        importance = known.get("importance")
        known["importance"] = _read(FeatureImportance, importance) if importance else None
        decision = known.get("decision")
        known["decision"] = Decision.from_object(decision) if decision else None
        return cls(**known)


def _read(kind: Any, values: Mapping[str, Any]) -> Any:
    return kind(**{item.name: values[item.name] for item in fields(kind) if item.name in values})
