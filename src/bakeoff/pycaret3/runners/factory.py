"""Choice of the runner for an experiment."""

from __future__ import annotations

from dataclasses import replace

from bakeoff.pycaret3.frozen import HOLDOUT, FrozenExperiment
from bakeoff.pycaret3.runners.base import TrialRunner
from bakeoff.pycaret3.runners.holdout import HoldoutRunner


def runner_for(frozen: FrozenExperiment) -> TrialRunner:
    """Return a runner of the kind that the experiment needs."""
    if HOLDOUT in frozen.extra:
        extra = {key: value for key, value in frozen.extra.items() if key != HOLDOUT}
        return HoldoutRunner(frozen, refitter=runner_for(replace(frozen, extra=extra)))
    # Each of these loads its own part of PyCaret, which processes for the other kind do not need.
    if frozen.task == "time_series":
        from bakeoff.pycaret3.runners.forecasting import ForecastRunner

        return ForecastRunner(frozen)
    from bakeoff.pycaret3.runners.tabular import TabularRunner

    return TabularRunner(frozen)
