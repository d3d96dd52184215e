"""Diagnostics of the best model: numbers that describe what it does on rows that it has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

Numbers = Sequence[float | None]
"""Numbers of which those that are not finite are ``None``."""


@dataclass(frozen=True)
class RocCurve:
    """The ROC curve of one class against the others.

    Attributes:
        label: the class.
        auc: area under the curve.
        x: false positive rates.
        y: true positive rates.
    """

    label: str
    auc: float
    x: Numbers
    y: Numbers


@dataclass(frozen=True)
class ReliabilityCurve:
    """Share of rows that are of a class, by the probability that they were given out of fold.

    Attributes:
        label: the class; empty for the one that is predicted.
        x: mean probability of the rows of each bin.
        y: share of them that are of the class.
        counts: number of them.
        error: distance between the two, in the mean over the rows.
        name: what the probabilities are called.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    counts: Sequence[int]
    error: float
    name: str = ""


@dataclass(frozen=True)
class ClassificationDiagnostics:
    """Behaviour of a classifier on unseen rows.

    Attributes:
        rows: number of rows.
        labels: the classes; empty if there are too many for a confusion matrix.
        matrix: number of rows by true and by predicted class.
        roc: curve of the second of two classes, or of each of several; empty without probabilities.
        positive: the class that metrics such as Recall are about; empty where they are averages over the classes, and
            ``None`` where that is not known.
    """

    rows: int
    labels: Sequence[str] = ()
    matrix: Sequence[Sequence[int]] = ()
    roc: Sequence[RocCurve] = ()
    positive: str | None = None


@dataclass(frozen=True)
class RegressionDiagnostics:
    """Behaviour of a regressor on unseen rows.

    Attributes:
        rows: number of rows.
        actual: target of each row, or of some rows if there are many.
        predicted: prediction for each of these.
    """

    rows: int
    actual: Numbers = ()
    predicted: Numbers = ()


@dataclass(frozen=True)
class ForecastDiagnostics:
    """Behaviour of a forecaster on unseen steps.

    Attributes:
        rows: number of steps.
        frequency: frequency of the time index, in the spelling of pandas; ``None`` if it has none.
        when: time of each step.
        actual: actual value at each step.
        predicted: forecast for each step.
        history_when: times of the latest steps before these.
        history: values at these times.
    """

    rows: int
    frequency: str | None = None
    when: Sequence[str] = ()
    actual: Numbers = ()
    predicted: Numbers = ()
    history_when: Sequence[str] = ()
    history: Numbers = ()


ModelDiagnostics = ClassificationDiagnostics | RegressionDiagnostics | ForecastDiagnostics


@dataclass(frozen=True)
class FeatureImportance:
    """The importance that a model gives its features.

    Attributes:
        measure: what the numbers mean.
        features: name and share of the total of each feature, the largest first.
    """

    measure: str
    features: Sequence[tuple[str, float]]


def to_object(diagnostics: ModelDiagnostics) -> dict[str, Any]:
    """Return the diagnostics as an object for JSON.

    Example:
        >>> to_object(ClassificationDiagnostics(60)), to_object(RegressionDiagnostics(1, [0.5], [0.4]))
        ({'rows': 60}, {'rows': 1, 'actual': [0.5], 'predicted': [0.4]})
    """
    if isinstance(diagnostics, ClassificationDiagnostics) and not diagnostics.labels:
        return {"rows": diagnostics.rows}
    return asdict(diagnostics)


def from_object(values: Mapping[str, Any]) -> ModelDiagnostics | None:
    """Read what `to_object` returned, or another version wrote; ``None`` if that is empty.

    Example:
        >>> from_object({"rows": 1, "actual": [0.5], "predicted": [0.4], "of another version": 1})
        RegressionDiagnostics(rows=1, actual=[0.5], predicted=[0.4])
    """
    if not values:
        return None
    kind: type[ModelDiagnostics] = ClassificationDiagnostics
    if "actual" in values:
        kind = ForecastDiagnostics if "when" in values else RegressionDiagnostics
    known = {name: values[name] for name in kind.__dataclass_fields__ if name in values}
    if "roc" in known:
        known["roc"] = [RocCurve(**curve) for curve in known["roc"]]
    return kind(**known)
