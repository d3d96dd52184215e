"""How the best classifier is to decide: the options, and what they do not go with."""

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
            f"{option} must be f1, balanced_accuracy, or what errors cost, as in fp=1,fn=5 (after either, "
            f",positive=CLASS names the positive class), not {value!r}."
        ) from error


class DecisionOptions(Protocol):
    """The options of a run that say how its best classifier is to decide, and those that this depends on."""

    @property
    def threshold(self) -> str | None:
        """What its threshold is to be good at."""

    @property
    def task(self) -> str | None:
        """The task, if it was named."""

    @property
    def keep_predictions(self) -> str:
        """Whether predictions are kept."""


def check_decisions(options: DecisionOptions) -> None:
    """Refuse an option on how the best classifier decides where there is no classifier, or nothing to choose by.

    Raises:
        ConfigError: The option cannot be used.
    """
    for name, asked in (("--threshold", options.threshold is not None),):
        if asked and options.task not in {None, "classification"}:
            raise ConfigError(f"{name} is for classification, and --task is {options.task}: leave it out.")
        if asked and options.keep_predictions == "no":
            raise ConfigError(f"{name} is chosen by what the models predict: leave out --keep-predictions no.")
