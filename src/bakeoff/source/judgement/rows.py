"""Find rows that stand in each other's way: copies, contradictions, and a table that changes from top to bottom."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from bakeoff.source.findings import FindingKind, Findings
from bakeoff.source.judgement.judged_table import Coded, JudgedTable, listed

_SHARE = 0.01
"""Share of the rows from which copies and contradictions are worth a sentence."""
_LEAST = 5
_ROWS_PER_COMBINATION = 0.01
"""Rows for each combination of values, above which rows are alike by chance."""
_DRIFTED = 1.0
"""Population stability index from which the first and the last rows are another table; 0.25 is called a large shift."""
_LEAST_DRIFTED = 2
_SHARE_DRIFTED = 0.2
"""Number and share of the features that have to drift: a single one is often just how the rows were sorted."""
_FIFTH_AT_LEAST = 100
_BINS = 10


def find_copies(table: JudgedTable, findings: Findings) -> None:
    """Add a finding on rows that are there several times, and one on equal rows of different classes."""
    if table.task == "time_series" or not table.features:
        return
    combinations = sum(float(np.log(max(table.n_distinct(name), 1))) for name in table.features)
    if np.log(max(len(table), 1)) - combinations > np.log(_ROWS_PER_COMBINATION):
        return
    rows = pd.DataFrame({"row": _hashes(table), "target": table.factors[table.target][0]})
    copies = rows.duplicated(keep="first").to_numpy()
    n_copies = int(copies.sum())
    share = n_copies / len(table)
    if n_copies >= _LEAST and share >= _SHARE:
        findings.add(
            FindingKind.SUSPICIOUS,
            f"{n_copies:,} rows ({share:.1%}) are copies of others, so models are tested on rows that they have seen, "
            "and score too well: remove them if the same thing was recorded twice.",
            n_affected=n_copies,
            weight=65,
        )
    if table.task != "classification":
        return
    alike = rows[rows.duplicated("row", keep=False)]
    n_classes = alike.groupby("row")["target"].transform("nunique")
    n_torn = int((n_classes > 1).sum())
    if n_torn >= _LEAST and n_torn / len(table) >= _SHARE:
        findings.add(
            FindingKind.SUSPICIOUS,
            f"{n_torn:,} rows ({n_torn / len(table):.1%}) equal a row of another class in every feature: no model gets "
            "them all right, so a column may be missing or classes be wrong.",
            n_affected=n_torn,
            weight=55,
        )


def _hashes(table: JudgedTable) -> npt.NDArray[np.uint64]:
    """Return a hash of the features of each row, made from their codes."""
    total = np.zeros(len(table), dtype=np.uint64)
    for name in table.features:
        codes = table.factors[name][0].astype(np.uint64)
        total = (total * np.uint64(0x9E3779B97F4A7C15) + codes) ^ (total >> np.uint64(29))
    return total


def find_drift(table: JudgedTable, findings: Findings) -> None:
    """Add a finding on columns that are distributed quite differently in the first and in the last fifth of the rows.

    Rows that are sorted by the target, and columns that only grow, such as dates and ids, say nothing about time.
    """
    fifth = len(table) // 5
    if table.task == "time_series" or fifth < _FIFTH_AT_LEAST or _is_sorted(table.coded[table.target]):
        return
    shifts = {}
    for name in table.features:
        column = table.coded[name]
        if table.is_time(name) or column.n_codes > fifth or _is_sorted(column):
            continue
        shift = _stability_index(column, fifth)
        if shift >= _DRIFTED:
            shifts[name] = shift
    if len(shifts) < max(_LEAST_DRIFTED, _SHARE_DRIFTED * len(table.features)):
        return
    names = sorted(shifts, key=lambda name: -shifts[name])
    findings.add(
        FindingKind.SUSPICIOUS,
        f"{listed(names)} are quite different in the last fifth of the rows from the first (stability index up to "
        f"{shifts[names[0]]:.1f}): if the rows are in the order of time, scores on shuffled rows are too good, and "
        '--setup \'{"data_split_shuffle": false, "fold_strategy": "timeseries"}\' tests on later ones.',
        columns=names,
        weight=40,
    )


def _is_sorted(column: Coded) -> bool:
    """Whether the rows are sorted by a column, upwards or downwards, or come in blocks of equal values."""
    steps = np.diff(column.codes)
    if column.is_ordered and ((steps >= 0).mean() >= 0.99 or (steps <= 0).mean() >= 0.99):  # noqa: PLR2004
        # A rare value hardly ever changes from row to row: what counts is that changes go one way.
        changes = steps[steps != 0]
        return bool(abs(np.sign(changes).sum()) >= 0.9 * len(changes))
    return int((steps != 0).sum()) <= 2 * column.n_codes


def _stability_index(column: Coded, fifth: int) -> float:
    """Return the population stability index of the last fifth of the rows with regard to the first."""
    codes, n_codes = column.codes, column.n_codes
    if n_codes > _BINS and column.is_ordered:
        codes = codes * _BINS // n_codes
    elif n_codes > _BINS:
        frequent = np.argsort(-np.bincount(codes, minlength=n_codes), kind="stable")[: _BINS - 1]
        places = np.full(n_codes, _BINS - 1)
        places[frequent] = np.arange(len(frequent))
        codes = places[codes]
    n_bins = min(n_codes, _BINS)
    first, last = (
        (np.bincount(part, minlength=n_bins) + 0.5) / (fifth + 0.5 * n_bins) for part in (codes[:fifth], codes[-fifth:])
    )
    return float(((last - first) * np.log(last / first)).sum())
