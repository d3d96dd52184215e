"""The job: a comparison, from the table to the results."""

from bakeoff.job.main import run
from bakeoff.job.result import RunResult

__all__ = ["RunResult", "run"]
