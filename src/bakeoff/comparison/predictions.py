"""Predictions of models for the test rows of their folds: rows that they have not learned from.

They travel and are kept as bytes: a line of JSON that describes the numbers, then the numbers, compressed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from bakeoff.comparison.trial import Outcome, Trial
from bakeoff.comparison.words import WordEnum

AUTO_BYTES = 512 * 1024 * 1024
"""Most bytes that the predictions of a run may take, uncompressed, if they are kept because nothing was said."""
_LEVEL = 1
"""Level of the compression: the quickest, as probabilities hardly get smaller with a higher one."""


class Keep(WordEnum):
    """Whether predictions are kept."""

    AUTO = "auto"
    YES = "yes"
    NO = "no"


class Kind(WordEnum):
    """Kind of a model's predictions."""

    PROBABILITIES = "probabilities"
    """A column for each class, in the order of the classes (float32)."""
    DECISIONS = "decisions"
    """Values of the decision function (float32)."""
    LABELS = "labels"
    """Positions of the predicted classes in the order of the classes; -1 for any other value (int32)."""
    VALUES = "values"
    """Numbers (float64)."""


_TYPES = {Kind.PROBABILITIES: "<f4", Kind.DECISIONS: "<f4", Kind.LABELS: "<i4", Kind.VALUES: "<f8"}


@dataclass(frozen=True)
class Predictions:
    """The predictions of one model for the test rows of one fold.

    Attributes:
        kind: what the numbers are.
        values: one number for each row, or one row of numbers.
        rows: positions among the test rows of the fold; ``None`` if the preprocessing has dropped none of them.

    Example:
        >>> said = Predictions(Kind.PROBABILITIES, np.array([[0.25, 0.75]]))
        >>> Predictions.unpack(said.pack()).values.tolist()
        [[0.25, 0.75]]
    """

    kind: Kind
    values: np.ndarray[Any, Any]
    rows: np.ndarray[Any, Any] | None = None

    def pack(self) -> bytes:
        """Return the predictions as bytes."""
        values = np.ascontiguousarray(self.values, dtype=_TYPES[self.kind])
        rows = np.array([] if self.rows is None else self.rows, dtype="<i4")
        head = {"kind": str(self.kind), "shape": values.shape, "rows": None if self.rows is None else len(rows)}
        return json.dumps(head).encode() + b"\n" + zlib.compress(values.tobytes() + rows.tobytes(), _LEVEL)

    @classmethod
    def unpack(cls, content: bytes) -> Predictions:
        """Read what `pack` returned.

        Raises:
            ValueError: The bytes hold something else.
        """
        line, _, packed = content.partition(b"\n")
        try:
            head, numbers = json.loads(line), zlib.decompress(packed)
            kind = Kind(head["kind"])
            size = int(np.prod(head["shape"])) * np.dtype(_TYPES[kind]).itemsize
            values = np.frombuffer(numbers[:size], dtype=_TYPES[kind]).reshape(head["shape"])
            rows = None if head["rows"] is None else np.frombuffer(numbers[size:], dtype="<i4")
        except (zlib.error, KeyError, TypeError) as error:
            raise ValueError(f"These bytes are no predictions: {error}.") from error
        return cls(kind, values, rows)


class PredictionStore(Protocol):
    """A store of the predictions of one run, apart from its outcomes, which stay small."""

    def keep(self, outcome: Outcome) -> Outcome:
        """Keep the predictions of an outcome, and return the outcome without them."""

    def of(self, trial: Trial) -> Predictions | None:
        """Return the predictions of a trial; ``None`` if there are none."""


class PredictionMemory:
    """Store that keeps predictions in memory, compressed.

    Example:
        >>> store = PredictionMemory()
        >>> packed = Predictions(Kind.VALUES, np.array([1.5])).pack()
        >>> store.keep(Outcome("lr", 0, predictions=packed)).predictions is None
        True
        >>> store.of(Trial("lr", 0)).values.tolist(), store.of(Trial("lr", 1))
        ([1.5], None)
    """

    def __init__(self) -> None:
        self._packed: dict[Trial, bytes] = {}

    def keep(self, outcome: Outcome) -> Outcome:
        """Keep the predictions of an outcome, and return the outcome without them."""
        if outcome.predictions is None:
            return outcome
        self._packed[outcome.trial] = outcome.predictions
        return replace(outcome, predictions=None)

    def of(self, trial: Trial) -> Predictions | None:
        """Return the predictions of a trial; ``None`` if there are none."""
        packed = self._packed.get(trial)
        return None if packed is None else Predictions.unpack(packed)


def aligned(
    values: np.ndarray[Any, Any], own_classes: np.ndarray[Any, Any], positions: Mapping[Any, int]
) -> np.ndarray[Any, Any] | None:
    """Return probabilities with one column for each class of the run, 0.0 for those that a model does not know.

    Args:
        values: the model's probabilities.
        own_classes: the classes that its columns stand for.
        positions: position of each class of the run.

    Returns:
        The probabilities; ``None`` if the columns do not stand for these classes.

    Example:
        >>> aligned(np.array([[0.2, 0.8]]), np.array(["a", "c"]), {"a": 0, "b": 1, "c": 2}).tolist()
        [[0.2, 0.0, 0.8]]
    """
    if values.ndim != 2 or values.shape[1] != len(own_classes):  # noqa: PLR2004 - of a matrix
        return None
    places = [positions.get(label) for label in own_classes.tolist()]
    if None in places:
        return None
    if places == list(range(len(positions))):
        return values
    spread = np.zeros((len(values), len(positions)))
    spread[:, places] = values
    return spread


def expected_bytes(n_models: int, n_test_rows: int, n_classes: int) -> int:
    """Return the bytes that the predictions of a run take at most, uncompressed.

    Args:
        n_models: number of models.
        n_test_rows: number of test rows of all folds together.
        n_classes: number of classes; 0 for a regression.
    """
    return n_models * n_test_rows * (4 * n_classes or 8)


def are_kept(keep: Keep, n_bytes: int) -> bool:
    """Return whether predictions that take so many bytes are kept.

    Example:
        >>> are_kept(Keep.AUTO, 1_000), are_kept(Keep.AUTO, 10**9), are_kept(Keep.YES, 10**9), are_kept(Keep.NO, 1)
        (True, False, True, False)
    """
    return keep is Keep.YES or (keep is Keep.AUTO and n_bytes <= AUTO_BYTES)
