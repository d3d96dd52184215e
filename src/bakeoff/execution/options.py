"""Options of the user's for trials on an engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bakeoff.comparison.limits import Isolation, TrialLimits


@dataclass(frozen=True)
class ExecutionOptions:
    """Options of the user's for trials on an engine.

    Attributes:
        conf: settings for Fugue's execution engine.
        payload_dir: a folder that driver and workers share, for Spark Connect.
        n_slots: how many tasks run at once; ``None`` for as many as the engine has slots.
        driver_trials: whether the driver's machine runs trials, too; ``None`` to decide by what is faster.
        limits: limits of the trials.
        blend: ``off``; ``offer`` for a blend that is fitted if that takes no time; ``on`` for one that is fitted.
        fit_tied: whether the models that are tied with the best one are fitted, too.
    """

    conf: Mapping[str, Any] = field(default_factory=dict)
    payload_dir: str | Path | None = None
    n_slots: int | None = None
    driver_trials: bool | None = None
    limits: TrialLimits = field(default_factory=TrialLimits)
    blend: str = "off"
    fit_tied: bool = False

    @property
    def may_use_driver(self) -> bool | None:
        """Whether the driver's machine runs trials, given the other options."""
        is_off = self.n_slots is not None or self.limits.isolation is Isolation.NONE
        return False if is_off else self.driver_trials
