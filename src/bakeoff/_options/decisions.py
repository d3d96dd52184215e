"""Options of what is made of predictions, a blend or a best classifier that decides otherwise, and their needs."""

from __future__ import annotations

from typing import Any, Protocol

from bakeoff._options.values import parse_text
from bakeoff.errors import ConfigError


def parse_threshold(option: str, value: Any) -> str:
    """Return what a threshold is to be good at, as `Aim` writes it."""
    from bakeoff.comparison.thresholds import Aim  # with numpy, which `bakeoff --help` does without

    try:
        return str(Aim.read(parse_text(option, value)))
    except ValueError as error:
        raise ConfigError(
            f"{option} must be f1, balanced_accuracy, or what errors cost, as in fp=1,fn=5, and may name the positive "
            f"class, as in f1,positive=yes, not {value!r}."
        ) from error


class DecisionOptions(Protocol):
    """The options of a run that make something of what its models predict, and those that this depends on."""

    @property
    def blend(self) -> str:
        """Whether a blend may win."""

    @property
    def threshold(self) -> str | None:
        """Aim of the best classifier's threshold."""

    @property
    def calibrate(self) -> str:
        """By which method its probabilities are calibrated."""

    @property
    def task(self) -> str | None:
        """The task, if it was named."""

    @property
    def keep_predictions(self) -> str:
        """Whether predictions are kept."""


def check_decisions(options: DecisionOptions) -> None:
    """Refuse a blend, a threshold or a calibration where there can be none, or nothing to choose it by.

    Raises:
        ConfigError: The option cannot be used.
    """
    if options.blend == "on" and options.keep_predictions == "no":
        raise ConfigError("--blend on is made of what the models predict: leave out --keep-predictions no.")
    if options.keep_predictions == "table" and options.task == "time_series":
        raise ConfigError("--keep-predictions table is for tables, not for time series: leave it out.")
    for name, asked in (("--threshold", options.threshold is not None), ("--calibrate", options.calibrate != "off")):
        if asked and options.task not in {None, "classification"}:
            raise ConfigError(f"{name} is for classification, and --task is {options.task}: leave it out.")
        if asked and options.keep_predictions == "no":
            raise ConfigError(f"{name} is chosen by what the models predict: leave out --keep-predictions no.")
