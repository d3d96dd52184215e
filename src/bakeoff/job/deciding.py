"""Decisions of a run's best classifier: what was asked, checked against the table, and what came of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bakeoff.comparison.decision import Wanted
from bakeoff.comparison.thresholds import COST, Aim
from bakeoff.errors import ConfigError

if TYPE_CHECKING:
    from bakeoff.comparison.out_of_fold import OutOfFold
    from bakeoff.config import RunConfig
    from bakeoff.fugue_backend import FugueBackend
    from bakeoff.job.context import Comparison
    from bakeoff.job.result import PreparedRun, Say
    from bakeoff.source import SourceTable


def wanted_of(config: RunConfig, source: SourceTable, say: Say) -> Wanted:
    """Return what is asked of how the best classifier decides, with the positive class, which is said.

    Args:
        config: what was asked for.
        source: the table.
        say: called with a sentence on what the threshold will be chosen for, if it is.

    Raises:
        ConfigError: The task is another one, the target has no two classes, or none of that name.
    """
    calibrate = None if config.calibrate == "off" else config.calibrate
    for name, asked in (("--threshold", config.threshold), ("--calibrate", calibrate)):
        if asked is not None and source.task != "classification":
            raise ConfigError(f"{name} is for classification, and the task is {source.task}: leave it out.")
    if config.threshold is None:
        return Wanted(None, calibrate)
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
    say(_aim_sentence(aim._replace(positive=positive), config))
    return Wanted(aim._replace(positive=positive), calibrate)


def _aim_sentence(aim: Aim, config: RunConfig) -> str:
    """Say what a threshold will be chosen for, and which class is the positive one."""
    costs = f" (a false positive costs {aim.fp:g}, a false negative {aim.fn:g})" if aim.word == COST else ""
    is_named = Aim.read(str(config.threshold)).positive is not None
    hint = "" if is_named else f": ',positive=CLASS' after --threshold {config.threshold} names the other one"
    return f"The threshold of the best model will be chosen for {aim.name}{costs}; {aim.positive!r} is positive{hint}."


def with_decision(comparison: Comparison, backend: FugueBackend, prepared: PreparedRun) -> Comparison:
    """Return a comparison whose best model decides as was asked, and with the reliability of its probabilities.

    Args:
        comparison: a comparison that has ended.
        backend: the backend that ran it.
        prepared: the experiment that was compared, and what is asked.
    """
    wanted, best = prepared.wanted, comparison.board.best
    if best is None or comparison.best_model is None:
        return comparison
    try:
        said = backend.compared.out_of_fold(best.model_id)
        if said is not None:
            return _decided(comparison, best.model_id, said, prepared)
    except Exception as error:  # noqa: BLE001 - models may say anything; the ranking stands, and the model as it is
        why = f"{type(error).__name__}: {error}"
    else:
        why = f"{best.model_name} ({best.model_id}) gave no probabilities for all folds, or they were not kept"
    what = [name for name, asked in (("threshold", wanted.threshold), ("calibration", wanted.calibrate)) if asked]
    if not what:
        return comparison
    return replace(comparison, problems=[*comparison.problems, f"No {' and no '.join(what)} was chosen: {why}."])


def _decided(comparison: Comparison, model_id: str, said: OutOfFold, prepared: PreparedRun) -> Comparison:
    from bakeoff.pycaret3.deciding import decide, on_holdout

    wanted = prepared.wanted
    decided = decide(model_id, said, wanted)
    model = decided.applied(comparison.best_model)
    decided = on_holdout(decided, prepared.experiment, model)
    asked = wanted.threshold is not None or wanted.calibrate is not None
    return replace(
        comparison,
        decision=decided.decision if asked else None,
        reliability=decided.curves,
        models=[model, *comparison.models[1:]],
    )


def _labels(config: RunConfig, source: SourceTable) -> list[str]:
    """Return the classes in the order that models have them in."""
    return [str(label) for label in np.unique(source.frame[config.target]).tolist()]


def _named(text: str, labels: list[str]) -> str | None:
    """Return the class that a text names, in any case; ``None`` if there is none."""
    if text in labels:
        return text
    found = [label for label in labels if label.strip().casefold() == text.strip().casefold()]
    return found[0] if len(found) == 1 else None
