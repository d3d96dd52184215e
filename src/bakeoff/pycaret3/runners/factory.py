"""The runner that fits an experiment's kind."""

from __future__ import annotations

from dataclasses import replace

from bakeoff.pycaret3.frozen import HOLDOUT, FrozenExperiment
from bakeoff.pycaret3.runners.base import TrialRunner


def runner_for(frozen: FrozenExperiment) -> TrialRunner:
    """The runner that fits the experiment's kind."""
    if HOLDOUT in frozen.extra:
        from bakeoff.pycaret3.runners.holdout import HoldoutRunner

        extra = {key: value for key, value in frozen.extra.items() if key != HOLDOUT}
        return HoldoutRunner(frozen, usual=runner_for(replace(frozen, extra=extra)))
    if frozen.task == "time_series":
        from bakeoff.pycaret3.runners.forecasting import ForecastRunner

        return ForecastRunner(frozen)
    from bakeoff.pycaret3.runners.tabular import TabularRunner

    return TabularRunner(frozen)
