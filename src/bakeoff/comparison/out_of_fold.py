"""Predictions of a classifier for rows that it has not learned from, of all folds together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class OutOfFold:
    """The probabilities of one classifier for the test rows of all folds.

    Attributes:
        labels: the classes, in their order.
        truth: position of the class of each prediction's row.
        chances: of two classes, the probability of the second; of more, a column for each.
        fold: fold of each prediction.
        row: row of each prediction, by its position; several have the same one where folds are repeated.
    """

    labels: Sequence[str]
    truth: Array
    chances: Array
    fold: Array
    row: Array

    @property
    def is_binary(self) -> bool:
        """Whether there are two classes."""
        return self.chances.ndim == 1

    def turns(self) -> Iterator[tuple[Array, Array]]:
        """Yield for each fold which predictions something may be learned from, and which are of the fold.

        The first are those of other folds, without those of the fold's own rows, which repeated folds have.

        Example:
            >>> said = OutOfFold("ab", np.array([0, 1]), np.array([0.2, 0.9]), np.array([0, 1]), np.array([0, 1]))
            >>> [(others.tolist(), own.tolist()) for others, own in said.turns()]
            [([False, True], [True, False]), ([True, False], [False, True])]
        """
        for fold in np.unique(self.fold):
            own = self.fold == fold
            yield ~np.isin(self.row, self.row[own]), own
