"""The reliability of probabilities: how often rows are of a class, by the probability that they were given."""

from __future__ import annotations

import numpy as np

from bakeoff.comparison.model_diagnostics import ReliabilityCurve
from bakeoff.comparison.out_of_fold import Array, OutOfFold

_MOST_BINS = 10
_ROWS_PER_BIN = 20
"""Rows that a bin has at least on average, so that its share is more than chance."""


def reliability(said: OutOfFold, chances: Array, position: int = 1, name: str = "") -> ReliabilityCurve:
    """Return the reliability of probabilities, in bins of as many rows each.

    Args:
        said: what a classifier predicted, whose truth they are compared with.
        chances: the probabilities: its own, or what was made of them.
        position: of two classes, the one that it is about; of more, it is about the class that is predicted.
        name: what the probabilities are called.

    Example:
        >>> said = OutOfFold("ab", np.tile([0, 1], 20), np.tile([0.2, 0.7], 20), np.arange(40) % 2, np.arange(40))
        >>> curve = reliability(said, said.chances)
        >>> [round(value, 3) for value in curve.x], curve.y, curve.counts, round(curve.error, 3)
        ([0.2, 0.7], [0.0, 1.0], [20, 20], 0.25)
    """
    if said.is_binary:
        label = said.labels[position]
        is_it, chance = said.truth == position, chances if position else 1 - chances
    else:
        label, is_it, chance = "", chances.argmax(axis=1) == said.truth, chances.max(axis=1)
    n_bins = int(np.clip(len(chance) // _ROWS_PER_BIN, 1, _MOST_BINS))
    bins = _bins(chance, n_bins)
    places = np.unique(bins)
    x = [float(chance[bins == place].mean()) for place in places]
    y = [float(is_it[bins == place].mean()) for place in places]
    counts = [int((bins == place).sum()) for place in places]
    error = float(np.average(np.abs(np.subtract(x, y)), weights=counts))
    return ReliabilityCurve(label, x, y, counts, error, name)


def _bins(chance: Array, n_bins: int) -> Array:
    """Return the bin of each row; those of rows with equal probabilities are the same.

    Example:
        >>> _bins(np.array([0.0, 0.0, 1.0, 1.0]), 2).tolist(), _bins(np.linspace(0, 1, 6), 2).tolist()
        ([0, 0, 1, 1], [0, 0, 0, 1, 1, 1])
    """
    edges = np.unique(np.quantile(chance, np.linspace(0, 1, n_bins + 1), method="inverted_cdf"))
    if (chance == edges[0]).mean() < 1 / (2 * n_bins):  # few rows have the least: they are not worth a bin
        edges = edges[1:]
    return np.searchsorted(edges, chance, side="left")
