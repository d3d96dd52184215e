"""The columns that scoring adds to the rows of a batch."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bakeoff.errors import RunConflictError, SourceError
from bakeoff.scoring.model import ScoringModel
from bakeoff.scoring.predictor import PREDICTION, PROBABILITIES
from bakeoff.storage.schema import SCORED

MARKS = tuple(column.name for column in SCORED.columns)
"""Columns that mark every row; ``scored_by`` is the model in one column, which monitoring needs."""
COMMENTS = {
    PREDICTION: "What the model predicts",
    PROBABILITIES: "Probability of each class",
    **{column.name: column.comment for column in SCORED.columns},
}
"""Comments of the columns that scoring adds, by name."""


@dataclass(frozen=True)
class Batch:
    """A batch of rows that are scored together, under an id of its own.

    Attributes:
        batch_id: Id of the batch; scoring it again leaves one copy.
        model: The model that scores it.
        scored_at: Time of the scoring.
    """

    batch_id: str
    model: ScoringModel
    scored_at: dt.datetime

    @property
    def marks(self) -> dict[str, Any]:
        """Values of the columns that mark every row, by name."""
        model = self.model
        values = (model.run_id, model.name, model.version, model.label, self.batch_id, self.scored_at)
        return dict(zip(MARKS, values, strict=True))

    def check_repeat(self, earlier: Iterable[str], place: str) -> None:
        """Refuse to repeat a batch that another model has scored.

        Args:
            earlier: Labels of the models that have scored rows of this batch.
            place: Name of the destination.

        Raises:
            RunConflictError: Another model has scored rows of this batch.
        """
        others = sorted(set(map(str, earlier)) - {self.model.label})
        if others:
            raise RunConflictError(
                f"Batch {self.batch_id} is in {place} already, scored by {' and '.join(others)} and not by "
                f"{self.model.label}: choose another --batch-id."
            )


def check_names(columns: Iterable[str], source: str) -> None:
    """Refuse a source with columns that have the names of those that scoring adds.

    Raises:
        SourceError: The source has such columns; they are named.
    """
    taken = [name for name in columns if name.lower() in COMMENTS]
    if taken:
        raise SourceError(
            f"{source} has columns called {', '.join(map(repr, taken))}, which scoring adds: score a view or a copy "
            "in which they have other names."
        )


def check_case(columns: Iterable[str], source: str) -> None:
    """Refuse a source for a table if it has columns whose names differ in nothing but case: Delta takes them for one.

    Raises:
        SourceError: The source has such columns; they are named.
    """
    spellings: dict[str, list[str]] = {}
    for name in columns:
        spellings.setdefault(name.lower(), []).append(name)
    alike = next((names for names in spellings.values() if len(names) > 1), None)
    if alike is not None:
        raise SourceError(
            f"{source} has columns called {' and '.join(map(repr, alike))}, which a Delta table takes for one: give "
            "--to a file that ends in .csv or .parquet, or score a copy in which they have other names."
        )


def as_text(probabilities: Any) -> str:
    """Return probabilities as JSON, for files that cannot hold maps."""
    return json.dumps(dict(probabilities))
