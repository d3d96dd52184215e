"""Choice of the runner for an experiment."""

from __future__ import annotations

from dataclasses import replace

from bakeoff.pycaret3.frozen import FrozenExperiment
from bakeoff.pycaret3.runners.base import FoldStore, TrialRunner
from bakeoff.pycaret3.runners.holdout import HoldoutRunner


def runner_for(frozen: FrozenExperiment, shared: FoldStore | None = None) -> TrialRunner:
    """Return a runner of the kind that the experiment needs.

    Args:
        frozen: the experiment.
        shared: cache of transformed folds that the processes of this machine share.
    """
    if frozen.holdout is not None:
        return HoldoutRunner(frozen, frozen.holdout, refitter=runner_for(replace(frozen, holdout=None)))
    # Each of these loads its own part of PyCaret, which processes for the other kind do not need.
    if frozen.task == "time_series":
        from bakeoff.pycaret3.runners.forecasting import ForecastRunner

        return ForecastRunner(frozen)
    from bakeoff.pycaret3.runners.tabular import TabularRunner

    return TabularRunner(frozen, shared)
