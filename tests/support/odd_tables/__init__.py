"""Tables as people have them: each is drawn from a seed, and has one odd thing or two about it.

An oddity is a function that changes a `Draft`, registered under its kind by `odd`; `odd_table(seed)` draws a draft, the
oddities and what else there is to choose, by hypothesis, and writes the table to a folder.
"""

from __future__ import annotations

from support.odd_tables import columns, files, folds, gaps, names, series, setup_arguments, targets
from support.odd_tables.draft import KINDS, OddTable, odd_table

__all__ = [
    "KINDS",
    "OddTable",
    "columns",
    "files",
    "folds",
    "gaps",
    "names",
    "odd_table",
    "series",
    "setup_arguments",
    "targets",
]
