"""Judge a table before anything is learned from it: what is in it that would make a comparison worth less.

The judgements are quick, look at no more than a sample of a large table, and say little: a finding that is not worth a
person's look costs the next one its reader.
"""

from __future__ import annotations

from bakeoff.source.judgement.table_judge import judge, judged

__all__ = ["judge", "judged"]
