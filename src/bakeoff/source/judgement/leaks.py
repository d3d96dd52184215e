"""Find single columns that give the target away."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from bakeoff.source.findings import FindingKind, Findings
from bakeoff.source.judgement.judged_table import Coded, Codes, JudgedTable, listed

SOLVED = 0.95
"""Share of the error of a guess that a column takes away where it gives a target of classes away."""
EXPLAINED = 0.99
"""Share of the variance of the target's ranks that a column explains where it gives a number away."""
_COPIED = 0.9999
"""Correlation of two columns that are copies of each other but for unit and zero."""
_ROWS = 20_000
_FOLDS = 5
_LEAST_ROWS = 30
_LEAST_GUESSED_WRONG = 10
"""Number of rows that the most frequent class gets wrong, below which chance looks like a leak."""
_MOST_CELLS = 2_000_000
_WEIGHT = 100


class Leak(NamedTuple):
    """A column that gives the target away, and how much of it: a share from 0 to 1."""

    column: str
    share: float


def find_leaks(table: JudgedTable, findings: Findings) -> None:
    """Add a finding on the columns each of which alone predicts the target nearly perfectly.

    Each column's values, or bins of its numbers, predict held-out rows by what their like had in the other folds, so a
    column of distinct texts gives nothing away. Gaps are a value like others.
    """
    if len(table) < _LEAST_ROWS:
        return
    if table.task == "time_series":
        leaks, measure = _copies_of_series(table), "its steps correlate by {:.1%}"
    elif table.task == "classification":
        leaks = _leaks_of_classes(table)
        measure = "right in {:.1%} of the rows that the most frequent class gets wrong"
    else:
        leaks, measure = _leaks_of_numbers(table), "{:.1%} of the variance of its ranks"
    if not leaks:
        return
    leaks.sort(key=lambda leak: -leak.share)
    names = [leak.column for leak in leaks]
    alone = "alone predicts" if len(leaks) == 1 else "each alone predict"
    them = "it" if len(leaks) == 1 else "them"
    findings.add(
        FindingKind.SUSPICIOUS,
        f"{listed(names)} {alone} the target {table.target!r} nearly perfectly ({measure.format(leaks[0].share)}): "
        f"leave {them} out (--setup 'ignore_features') if nobody knows {them} before the target.",
        columns=names,
        weight=_WEIGHT,
    )


def _leaks_of_classes(table: JudgedTable) -> list[Leak]:
    rows = _rows(table)
    target = table.factors[table.target][0][rows]
    counts = np.bincount(target[target >= 0])
    wrong = len(rows) - counts.max()
    if wrong < _LEAST_GUESSED_WRONG:
        return []
    folds = _folds(len(rows), table.seed)
    leaks = []
    for name in table.features:
        column = table.coded[name]
        if column.n_codes * len(counts) > _MOST_CELLS or column.n_codes > len(rows) // 2:
            continue
        missed = _missed(column.codes[rows], column.n_codes, target, len(counts), folds)
        solved = 1 - missed / wrong
        if solved >= SOLVED:
            leaks.append(Leak(name, solved))
    return leaks


def _missed(codes: Codes, n_codes: int, target: Codes, n_classes: int, folds: Codes) -> int:
    """Return how many rows a column misclassifies, each by the rows of the other folds that have its code."""
    cells = codes * n_classes + target
    size = n_codes * n_classes
    total = np.bincount(cells, minlength=size)
    missed = 0
    for fold in range(_FOLDS):
        held_out = folds == fold
        known = (total - np.bincount(cells[held_out], minlength=size)).reshape(n_codes, n_classes)
        usual = int(known.sum(axis=0).argmax())
        guess = np.where(known.sum(axis=1) > 0, known.argmax(axis=1), usual)
        missed += int((guess[codes[held_out]] != target[held_out]).sum())
    return missed


def _leaks_of_numbers(table: JudgedTable) -> list[Leak]:
    rows = _rows(table)
    target = pd.Series(table.numbers(table.target)[rows])
    ranks = target.rank().to_numpy(dtype=float)
    if np.isnan(ranks).any() or ranks.std() == 0:
        return []
    folds = _folds(len(rows), table.seed)
    leaks = []
    for name in table.features:
        column = table.coded[name]
        explained = 0.0
        if column.n_codes <= len(rows) // 2:
            explained = _explained(Coded(column.codes[rows], column.n_codes, column.is_ordered), ranks, folds)
        if explained < EXPLAINED and (table.is_number(name) or table.is_time(name)):
            explained = max(explained, _squared_rank_correlation(table.numbers(name)[rows], ranks))
        if explained >= EXPLAINED:
            leaks.append(Leak(name, explained))
    return leaks


def _explained(column: Coded, values: npt.NDArray[np.float64], folds: Codes) -> float:
    """Return the share of the variance that a column explains on rows of other folds."""
    total = np.bincount(column.codes, weights=values, minlength=column.n_codes)
    counts = np.bincount(column.codes, minlength=column.n_codes)
    missed = 0.0
    for fold in range(_FOLDS):
        held_out = folds == fold
        codes = column.codes[held_out]
        n_known = counts - np.bincount(codes, minlength=column.n_codes)
        known = total - np.bincount(codes, weights=values[held_out], minlength=column.n_codes)
        means = np.where(n_known > 0, known / np.maximum(n_known, 1), values.mean())
        missed += float(((means[codes] - values[held_out]) ** 2).sum())
    return 1 - missed / float(((values - values.mean()) ** 2).sum())


def _squared_rank_correlation(numbers: npt.NDArray[np.float64], ranks: npt.NDArray[np.float64]) -> float:
    """Return the squared rank correlation; 0 where it is not that of copies, or a tenth of the numbers is missing."""
    present = ~np.isnan(numbers)
    if present.mean() < 0.9:  # noqa: PLR2004
        return 0.0
    own = pd.Series(numbers[present]).rank().to_numpy(dtype=float)
    if own.std() == 0:
        return 0.0
    correlation = abs(float(np.corrcoef(own, ranks[present])[0, 1]))
    return correlation**2 if correlation >= _COPIED else 0.0


def _copies_of_series(table: JudgedTable) -> list[Leak]:
    """Return columns beside a series that step as it does; levels of series that grow are alike anyway."""
    steps = np.diff(table.numbers(table.target))
    leaks = []
    for name in table.features:
        if not table.is_number(name):
            continue
        own = np.diff(table.numbers(name))
        both = ~(np.isnan(steps) | np.isnan(own))
        if both.sum() < _LEAST_ROWS - 1 or own[both].std() == 0 or steps[both].std() == 0:
            continue
        correlation = abs(float(np.corrcoef(own[both], steps[both])[0, 1]))
        if correlation >= _COPIED:
            leaks.append(Leak(name, correlation))
    return leaks


def _rows(table: JudgedTable) -> Codes:
    if len(table) <= _ROWS:
        return np.arange(len(table))
    return np.sort(np.random.default_rng(table.seed).choice(len(table), size=_ROWS, replace=False))


def _folds(n_rows: int, seed: int) -> Codes:
    return np.random.default_rng(seed).permutation(n_rows) % _FOLDS
