"""The table to learn from: found, read in an order that is always the same, and checked.

Files keep their row order, so that results equal those of plain PyCaret on the same file. Tables have none: they are
ordered by the columns that the user names, else by a hash of their rows.
"""

from __future__ import annotations

from bakeoff.source.load import SourceTable, digest_of, load_source
from bakeoff.source.locate import is_local_file
from bakeoff.source.target import infer_task
from bakeoff.source.time_index import time_indexed

__all__ = ["SourceTable", "digest_of", "infer_task", "is_local_file", "load_source", "time_indexed"]
