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
"""What every row is marked with; ``scored_by`` is the model in one column, which monitoring asks for."""
COMMENTS = {
    PREDICTION: "What the model predicts",
    PROBABILITIES: "Probability of each class",
    **{column.name: column.comment for column in SCORED.columns},
}
"""The columns that scoring adds, and what they hold."""


@dataclass(frozen=True)
class Batch:
    """A batch of rows that are scored together, under an id of its own.

    Attributes:
        batch_id: Names it; a repeat leaves one copy.
        model: What it is scored with.
        scored_at: When.
    """

    batch_id: str
    model: ScoringModel
    scored_at: dt.datetime

    @property
    def marks(self) -> dict[str, Any]:
        """The marks of each row."""
        model = self.model
        told = (model.run_id, model.name, model.version, model.label, self.batch_id, self.scored_at)
        return dict(zip(MARKS, told, strict=True))

    def check_repeat(self, earlier: Iterable[str], place: str) -> None:
        """Refuse to take a batch for a repeat that another model has scored.

        Raises:
            RunConflictError: Rows of this batch are there, and another model has scored them.
        """
        others = sorted(set(map(str, earlier)) - {self.model.label})
        if others:
            raise RunConflictError(
                f"Batch {self.batch_id} is in {place} already, scored by {' and '.join(others)} and not by "
                f"{self.model.label}: choose another --batch-id."
            )


def check_names(columns: Iterable[str], source: str) -> None:
    """Refuse a source whose columns are called as those that scoring adds.

    Raises:
        SourceError: It has such columns; they are named.
    """
    taken = [name for name in columns if name.lower() in COMMENTS]
    if taken:
        raise SourceError(
            f"{source} has columns called {', '.join(map(repr, taken))}, which scoring adds: score a view or a copy "
            "in which they have other names."
        )


def as_text(probabilities: Any) -> str:
    """Probabilities as JSON, for files that hold no maps."""
    return json.dumps(dict(probabilities))
