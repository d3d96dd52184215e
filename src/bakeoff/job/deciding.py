"""How the best classifier of a run decides: what was asked, checked against the table, and what came of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bakeoff.comparison.thresholds import COST, Aim
from bakeoff.errors import ConfigError

if TYPE_CHECKING:
    from bakeoff.config import RunConfig
    from bakeoff.fugue_backend import FugueBackend
    from bakeoff.job.context import Comparison
    from bakeoff.source import SourceTable


def aim_of(config: RunConfig, source: SourceTable) -> Aim | None:
    """Return what a threshold is to be good at, with the positive class; ``None`` if none is to be chosen.

    Raises:
        ConfigError: The target has no two classes, or none of that name.
    """
    if config.threshold is None:
        return None
    if source.task != "classification":
        raise ConfigError(f"--threshold is for classification, and the task is {source.task}: leave it out.")
    labels = _labels(config, source)
    if len(labels) != 2:  # noqa: PLR2004 - of which one is the positive class
        raise ConfigError(
            f"--threshold is for two classes, and the target {config.target!r} has {len(labels)}: leave it out."
        )
    aim = Aim.read(config.threshold)
    positive = labels[1] if aim.positive is None else _named(aim.positive, labels)
    if positive is None:
        raise ConfigError(
            f"--threshold: the target {config.target!r} has no class {aim.positive!r}: it has {labels[0]!r} and "
            f"{labels[1]!r}."
        )
    return aim._replace(positive=positive)


def aim_sentence(aim: Aim, config: RunConfig) -> str:
    """Say what a threshold will be chosen for, and which class is the positive one."""
    costs = f" (a false positive costs {aim.fp:g}, a false negative {aim.fn:g})" if aim.word == COST else ""
    is_named = Aim.read(str(config.threshold)).positive is not None
    hint = "" if is_named else f": ',positive=CLASS' after --threshold {config.threshold} names the other one"
    return f"The threshold of the best model will be chosen for {aim.name}{costs}; {aim.positive!r} is positive{hint}."


def with_decision(comparison: Comparison, backend: FugueBackend, aim: Aim | None) -> Comparison:
    """Return a comparison whose best model decides as was asked.

    Args:
        comparison: a comparison that has ended.
        backend: the backend that ran it.
        aim: what the threshold is to be good at; ``None`` if none is to be chosen.
    """
    from bakeoff.pycaret3.deciding import decide, decided

    best = comparison.board.best
    if aim is None or best is None or comparison.best_model is None:
        return comparison
    said = backend.out_of_fold(best.model_id)
    if said is None:
        why = f"{best.model_name} ({best.model_id}) gave no probabilities for all folds, or they were not kept"
        return replace(comparison, problems=[*comparison.problems, f"No threshold was chosen: {why}."])
    decision = decide(best.model_id, said, aim)
    models = [decided(comparison.best_model, decision), *comparison.models[1:]]
    return replace(comparison, decision=decision, models=models)


def _labels(config: RunConfig, source: SourceTable) -> list[str]:
    """Return the classes in the order that models have them in."""
    return [str(label) for label in np.unique(source.frame[config.target]).tolist()]


def _named(text: str, labels: list[str]) -> str | None:
    """Return the class that a text names, in any case; ``None`` if there is none."""
    if text in labels:
        return text
    found = [label for label in labels if label.strip().casefold() == text.strip().casefold()]
    return found[0] if len(found) == 1 else None
