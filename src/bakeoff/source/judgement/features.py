"""Find columns that models learn little from: constants, gaps, copies, and dates that have yet to come."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd

from bakeoff._utils.text import counted
from bakeoff.source.findings import FindingKind, Findings
from bakeoff.source.judgement.judged_table import JudgedTable, listed

_LEAST_ROWS = 20
"""Number of rows below which columns may be alike by chance."""
_MOSTLY_MISSING = 0.9
_NEARLY_ALL = 0.999
_MOST_COMPARED = 500
"""Number of columns of numbers that are compared with each other."""
_COPIED = 0.999999
_LEAST_TWINS_APART = 5
"""Number of rows of the rarer of two values, below which two columns of two values are alike by chance."""
_FEW_IN_THE_FUTURE = 0.1


def find_constants(table: JudgedTable, findings: Findings) -> None:
    """Add a finding on columns of one value, and one on columns that hardly have another."""
    constant, nearly = [], []
    for name in table.features:
        codes, n_distinct = table.factors[name]
        if n_distinct == 1 < len(table) and not table.n_missing[name]:
            constant.append(name)
        elif n_distinct > 1 and len(table) >= 1 / (1 - _NEARLY_ALL) / 2:
            most = int(np.bincount(codes[codes >= 0]).max())
            if most >= min(_NEARLY_ALL * len(table), len(table) - 1):
                nearly.append(name)
    if constant:
        one = len(constant) == 1
        sentence = f"{listed(constant)} {'has' if one else 'have'} the same value in every row: models learn nothing."
        findings.add(FindingKind.SUSPICIOUS, sentence, columns=constant, weight=25)
    if nearly:
        one = len(nearly) == 1
        sentence = f"{listed(nearly)} {'has' if one else 'have'} the same value in nearly every row."
        findings.add(FindingKind.SUSPICIOUS, sentence, columns=nearly, weight=10)


def find_gaps(table: JudgedTable, findings: Findings) -> None:
    """Add a finding on columns that are mostly missing."""
    shares = {name: table.n_missing[name] / max(len(table), 1) for name in table.features}
    missing = sorted(
        (name for name, share in shares.items() if share >= _MOSTLY_MISSING), key=lambda name: -shares[name]
    )
    if missing:
        findings.add(
            FindingKind.SUSPICIOUS,
            f"{listed(missing)} {'is' if len(missing) == 1 else 'are'} mostly missing (up to "
            f"{shares[missing[0]]:.1%} of the rows), and setup fills that with the usual value: leave "
            f"{'it' if len(missing) == 1 else 'them'} out, or give what the gap means.",
            columns=missing,
            weight=35,
        )


def find_twins(table: JudgedTable, findings: Findings) -> None:
    """Add a finding on columns that are copies of others: equal but for unit and zero, or for the names of values."""
    pairs = _equal_numbers(table) | _equal_values(table)
    if not pairs:
        return
    copies = sorted({copy for _, copy in pairs}, key=table.features.index)
    first = min(pairs, key=lambda pair: (table.features.index(pair[1]), table.features.index(pair[0])))
    sentence = (
        f"{first[1]!r} says the same as {first[0]!r}"
        if len(copies) == 1
        else f"{listed(copies)} each say the same as another column ({first[1]!r} as {first[0]!r})"
    )
    findings.add(
        FindingKind.SUSPICIOUS,
        f"{sentence}: one of them is enough, and importances are shared between them.",
        columns=sorted({name for pair in pairs for name in pair}, key=table.features.index),
        weight=20,
    )


def _equal_numbers(table: JudgedTable) -> set[tuple[str, str]]:
    names = [name for name in table.features if table.is_number(name) and table.n_distinct(name) > 2][:_MOST_COMPARED]  # noqa: PLR2004
    if len(table) < _LEAST_ROWS or len(names) <= 1:
        return set()
    every = max(1, len(table) // 20_000)
    columns = np.column_stack([table.numbers(name)[::every] for name in names])
    missing = np.isnan(columns)
    columns = np.where(missing, 0.0, columns - np.nanmean(np.where(missing.all(axis=0), 0.0, columns), axis=0))
    scales = np.sqrt((columns**2).sum(axis=0))
    columns /= np.where(scales > 0, scales, 1.0)
    alike = np.abs(columns.T @ columns) >= _COPIED
    return {
        (names[one], names[other])
        for one, other in zip(*np.nonzero(np.triu(alike, k=1)), strict=True)
        if scales[one] > 0 and scales[other] > 0 and (missing[:, one] == missing[:, other]).all()
    }


def _equal_values(table: JudgedTable) -> set[tuple[str, str]]:
    """Return pairs of columns whose values correspond one to one; values that seldom repeat do so anyway."""
    if len(table) < _LEAST_ROWS:
        return set()
    alike: dict[bytes, list[str]] = defaultdict(list)
    for name in table.features:
        codes, n_distinct = table.factors[name]
        if n_distinct <= 1 or n_distinct > len(table) // 5:
            continue
        counts = np.bincount(codes[codes >= 0])
        if len(table) - counts.max() >= _LEAST_TWINS_APART:
            alike[codes.tobytes()].append(name)
    return {(names[0], other) for names in alike.values() for other in names[1:]}


def find_future_dates(table: JudgedTable, findings: Findings) -> None:
    """Add a finding on dates that have some times in the future, where nearly all are in the past."""
    tomorrow = pd.Timestamp.now() + pd.Timedelta(days=1)
    late = {}
    for name in table.features:
        if table.is_time(name):
            times = table.frame[name]
            n_late = int((times > tomorrow).sum())
            if 0 < n_late <= _FEW_IN_THE_FUTURE * len(table):
                late[name] = n_late, times.max()
    if late:
        n_late, latest = next(iter(late.values()))
        which = "" if len(late) == 1 else f" of {next(iter(late))!r}"
        findings.add(
            FindingKind.SUSPICIOUS,
            f"{listed(list(late))} {'has' if len(late) == 1 else 'have'} dates in the future ({counted(n_late, 'row')}"
            f"{which}, up to {latest:%Y-%m-%d}): are they mistakes, or stand for 'never'?",
            columns=list(late),
            n_affected=sum(n_late for n_late, _ in late.values()),
            weight=45,
        )
