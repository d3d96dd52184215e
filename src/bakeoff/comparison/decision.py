"""Decisions of the best classifier: its calibration and its threshold, with what they are worth, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

from bakeoff.comparison.thresholds import Aim, ThresholdChoice


class Wanted(NamedTuple):
    """Decision that is asked of the best classifier.

    Attributes:
        threshold: what its threshold is to be good at; ``None`` if none is to be chosen.
        calibrate: the method by which it is to be calibrated, or ``auto``; ``None`` if it is not.
    """

    threshold: Aim | None = None
    calibrate: str | None = None


@dataclass(frozen=True)
class CalibrationChoice:
    """A calibration, and what it is worth.

    Attributes:
        method: ``isotonic`` or ``sigmoid``.
        log_loss: mean over the folds of the log-loss, with curves learned on the other folds.
        usual_log_loss: mean over the folds of the log-loss of the model's own probabilities.
        kept: whether the model is calibrated, as its log-loss falls.
        changed: share of the rows whose likeliest class is another one then.
    """

    method: str
    log_loss: float
    usual_log_loss: float
    kept: bool
    changed: float = 0.0


@dataclass(frozen=True)
class Decision:
    """Calibration and threshold of a classifier.

    Attributes:
        model_id: the classifier.
        threshold: its threshold; ``None`` if none was to be chosen, or none could be.
        calibration: its calibration; likewise.
    """

    model_id: str
    threshold: ThresholdChoice | None = None
    calibration: CalibrationChoice | None = None

    @property
    def is_usual(self) -> bool:
        """Whether the classifier decides as it would without being asked."""
        return not any(choice is not None and choice.kept for choice in (self.threshold, self.calibration))

    @property
    def numbers(self) -> dict[str, float]:
        """The numbers by name, for the metrics of a run."""
        found: dict[str, float] = {}
        if (choice := self.threshold) is not None:
            word = choice.measure.lower().replace(" ", "_")
            found |= {
                "threshold": choice.threshold,
                f"threshold_{word}": choice.value if choice.kept else choice.usual_value,
                f"threshold_{word}_at_half": choice.usual_value,
            }
            if choice.holdout_value is not None:
                found[f"threshold_{word}_holdout"] = choice.holdout_value
        if (calibration := self.calibration) is not None:
            kept = calibration.log_loss if calibration.kept else calibration.usual_log_loss
            found |= {"log_loss": kept, "log_loss_uncalibrated": calibration.usual_log_loss}
        return found

    @property
    def tags(self) -> dict[str, str]:
        """Calibration and threshold by name, for the tags of a run and of a registered version."""
        found = {}
        if self.threshold is not None and self.threshold.kept:
            found["threshold"] = f"{self.threshold.best:.6g} for {self.threshold.positive}"
        if self.calibration is not None and self.calibration.kept:
            found["calibration"] = self.calibration.method
        return found

    def to_object(self) -> dict[str, Any]:
        """Return the decision as an object for JSON."""
        threshold = self.threshold and {**asdict(self.threshold), "threshold": self.threshold.threshold}
        return {**asdict(self), "threshold": threshold}

    @classmethod
    def from_object(cls, values: Mapping[str, Any]) -> Decision:
        """Read what `to_object` returned, or another version wrote.

        Example:
            >>> decision = Decision("lr", calibration=CalibrationChoice("sigmoid", 0.5, 0.6, kept=True))
            >>> Decision.from_object(decision.to_object()) == decision
            True
        """
        threshold, calibration = values.get("threshold"), values.get("calibration")
        return cls(
            str(values["model_id"]),
            _read(ThresholdChoice, threshold) if threshold else None,
            _read(CalibrationChoice, calibration) if calibration else None,
        )


def _read(kind: Any, values: Mapping[str, Any]) -> Any:
    known = {item.name: values[item.name] for item in fields(kind) if item.name in values}
    if "by_fold" in known:
        known["by_fold"] = tuple(known["by_fold"])
    return kind(**known)
