"""The table `predictions`: what the models of a run said of test rows, written when the comparison has ended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bakeoff.job.context import Comparison, RunContext
from bakeoff.job.step_times import PREDICTIONS

if TYPE_CHECKING:
    from bakeoff.fugue_backend import FugueBackend


def with_predictions(context: RunContext, comparison: Comparison, backend: FugueBackend) -> Comparison:
    """Write what the models predicted, if that was asked for; return the comparison with what went wrong.

    Args:
        context: the run.
        comparison: a comparison that has ended.
        backend: the backend that ran it.
    """
    config, outputs = context.config, context.outputs
    if config.keep_predictions != "table":
        return comparison
    problems = list(comparison.problems)
    try:
        with context.steps(PREDICTIONS):
            batches = backend.compared.prediction_rows(context.prepared.source.classes)
            outputs.tables.write_predictions(config.run_id, batches, again=bool(outputs.done))
    except Exception as error:  # noqa: BLE001 - the ranking stands
        problems.append(f"The predictions are not all in the tables: {type(error).__name__}: {error}")
    if unsaid := backend.compared.without_predictions:
        names = ", ".join(unsaid)
        problems.append(f"The table predictions lacks folds of {names}: what was predicted there is not kept.")
    return replace(comparison, problems=problems)
