"""Results of a run for notebooks, as earlier versions named the module; `bakeoff.results` is the shorter way."""

from bakeoff.runs.results import RunResults, results

__all__ = ["RunResults", "results"]
