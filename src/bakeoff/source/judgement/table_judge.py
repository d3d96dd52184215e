"""All judgements on a table, one after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from bakeoff.config import RunConfig
from bakeoff.source.findings import Finding, Findings
from bakeoff.source.judgement.features import find_constants, find_future_dates, find_gaps, find_twins
from bakeoff.source.judgement.ids import find_ids
from bakeoff.source.judgement.judged_table import JudgedTable
from bakeoff.source.judgement.leaks import find_leaks
from bakeoff.source.judgement.rows import find_copies, find_drift

if TYPE_CHECKING:
    import pandas as pd

    from bakeoff.source.load import SourceTable

_LOG = logging.getLogger(__name__)

_JUDGEMENTS: tuple[Callable[[JudgedTable, Findings], None], ...] = (
    find_leaks,
    find_copies,
    find_ids,
    find_future_dates,
    find_drift,
    find_gaps,
    find_constants,
    find_twins,
)


def judge(frame: pd.DataFrame, task: str, config: RunConfig) -> tuple[Finding, ...]:
    """Return what is suspicious about the rows that a run would learn from; nothing is changed.

    Args:
        frame: the rows.
        task: ``classification``, ``regression`` or ``time_series``.
        config: target, seed, and the arguments of ``setup()``.
    """
    table, findings = JudgedTable.of(frame, task, config), Findings()
    for judgement in _JUDGEMENTS:
        try:
            judgement(table, findings)
        except Exception:  # noqa: BLE001 - a judgement is advice, and no reason for a run to fail
            _LOG.warning("%s could not judge the table.", judgement.__name__, exc_info=True)
    return tuple(findings)


def judged(source: SourceTable, config: RunConfig) -> SourceTable:
    """Return the source with what is suspicious about it among its findings."""
    return replace(source, findings=(*source.findings, *judge(source.frame, source.task, config)))
