"""Find columns whose values hardly ever repeat: ids, and texts and dates that would be taken for categories."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd

from bakeoff.source.findings import FindingKind, Findings
from bakeoff.source.judgement.judged_table import JudgedTable, listed

_LEAST_ROWS = 20
"""Number of rows below which everything may be distinct by chance."""
_MOSTLY_DISTINCT = 0.5
_ID_NAME = re.compile(r"(^|[_\W])(id|uuid|guid|index|key|nr|no|number)$|[a-z]I[dD]$|^unnamed: \d+$", re.IGNORECASE)
_LIKE_A_DATE = r"^\s*\d{1,4}\s*[-/. ]\s*(?:\d{1,2}|[A-Za-z]{3,9})\s*[-/., ]\s*\d{1,4}\b"
_WORDS = 4
"""Number of words that a text has on average, from which it is prose rather than a name."""
_LOOKED_AT = 1_000
"""Number of texts that tell whether a column holds dates or prose."""
_ID, _DATES, _TEXTS = "id", "dates", "texts"


def find_ids(table: JudgedTable, findings: Findings) -> None:
    """Add a finding on columns that number or name the rows, one on dates and one on other texts that hardly repeat."""
    if len(table) < _LEAST_ROWS:
        return
    found: dict[str, list[str]] = {_ID: [], _DATES: [], _TEXTS: []}
    for name in table.features:
        if (kind := _kind_of(table, name)) is not None:
            found[kind].append(name)
    if ids := found[_ID]:
        sentence = "tells the rows apart as an id does, and says nothing of new ones: leave it out"
        if len(ids) > 1:
            sentence = "tell the rows apart as ids do, and say nothing of new ones: leave them out"
        sentence = f"{listed(ids)} {sentence} (--setup 'ignore_features')."
        findings.add(FindingKind.SUSPICIOUS, sentence, columns=ids, weight=60)
    if dates := found[_DATES]:
        sentence = f"{listed(dates)} {'holds' if len(dates) == 1 else 'hold'} dates as text, which PyCaret takes for "
        sentence += "categories: say --setup 'date_features', or 'ignore_features'."
        findings.add(FindingKind.SUSPICIOUS, sentence, columns=dates, weight=58)
    if texts := found[_TEXTS]:
        each = f"{table.n_distinct(texts[0]):,} different texts in {len(table):,} rows"
        sentence = f"{listed(texts)} {'holds' if len(texts) == 1 else 'hold'} {each}, which PyCaret takes for "
        sentence += "categories: say --setup 'text_features' where words should count, or 'ignore_features'."
        findings.add(FindingKind.SUSPICIOUS, sentence, columns=texts, weight=50)


def _kind_of(table: JudgedTable, name: str) -> str | None:
    """Return what a column is whose values hardly ever repeat; ``None`` for others, and for numbers and times."""
    n_distinct = table.n_distinct(name)
    if n_distinct < _MOSTLY_DISTINCT * len(table) or table.is_time(name):
        return None
    if table.is_number(name):
        return _ID if n_distinct == len(table) and _numbers_rows(table, name) else None
    if not table.is_text(name):
        return None
    some = table.frame[name].dropna().astype(str).head(_LOOKED_AT)
    if _are_dates(some):
        return _DATES
    is_prose = some.str.split().str.len().mean() >= _WORDS
    return _ID if n_distinct == len(table) - table.n_missing[name] and not is_prose else _TEXTS


def _are_dates(texts: pd.Series[str]) -> bool:
    """Whether all of some texts can be read as dates."""
    if not texts.str.contains(_LIKE_A_DATE).all():
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas warns if it has to guess the format
        readings = (pd.to_datetime(texts, errors="coerce", dayfirst=dayfirst) for dayfirst in (False, True))
        return any(bool(times.notna().all()) for times in readings)


def _numbers_rows(table: JudgedTable, name: str) -> bool:
    """Whether distinct whole numbers count the rows, or are called an id."""
    numbers = table.numbers(name)
    if np.isnan(numbers).any() or (numbers != np.round(numbers)).any():
        return False
    if _ID_NAME.search(str(name).strip()):
        return True
    is_sample = table.n_rows > len(table)
    in_order = bool((np.diff(numbers) > 0).all())
    return in_order and (is_sample or numbers.max() - numbers.min() == len(table) - 1)
