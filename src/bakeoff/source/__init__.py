"""Find, read and check the table to learn from, always with its rows in the same order.

Files keep their row order, so that results equal those of plain PyCaret on the same file. Tables have no order of their
own: they are sorted by the columns that the user names, or else by a hash of each row.
"""

from __future__ import annotations

from bakeoff.source.findings import Finding, FindingKind, Findings
from bakeoff.source.load import SourceTable, digest_of, load_source
from bakeoff.source.locate import is_local_file, why_spark
from bakeoff.source.series import check_series
from bakeoff.source.target import infer_task
from bakeoff.source.time_index import time_indexed

__all__ = [
    "Finding",
    "FindingKind",
    "Findings",
    "SourceTable",
    "check_series",
    "digest_of",
    "infer_task",
    "is_local_file",
    "load_source",
    "time_indexed",
    "why_spark",
]
