"""Predictions of a comparison's models for the test rows of their folds, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bakeoff.comparison.leaderboard import Leaderboard
from bakeoff.comparison.predictions import Kind, Predictions, PredictionStore
from bakeoff.comparison.trial import Outcome
from bakeoff.pycaret3.prepared import PreparedComparison
from bakeoff.pycaret3.scoring.predicted import class_positions


def prediction_rows(
    comparison: PreparedComparison, board: Leaderboard, predictions: PredictionStore, names: Mapping[Any, Any]
) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of each good trial whose predictions are kept, without the id of the run.

    Args:
        comparison: what was compared.
        board: the ranked models, with their outcomes.
        predictions: what they predicted.
        names: what to call a class, by its label, where that is to be another.
    """
    frozen = comparison.frozen
    classes = [str(names.get(label, label)) for label in class_positions(frozen)]
    for outcome in good_trials(comparison, board):
        said = predictions.of(outcome.trial)
        if said is None:
            continue
        test = frozen.splits[outcome.fold][1]
        truth = frozen.y.iloc[test if said.rows is None else test[said.rows]]
        yield [
            {
                "row_number": number,
                "fold": outcome.fold,
                "model_id": outcome.model_id,
                "truth": str(names.get(value, value)),
                "prediction": answer,
                "probabilities": chances,
            }
            for number, value, answer, chances in zip(
                truth.index.tolist(), truth.tolist(), _answers(said, classes), _chances(said), strict=True
            )
        ]


def good_trials(comparison: PreparedComparison, board: Leaderboard) -> list[Outcome]:
    """Return the good outcomes of the models that are ranked, model by model."""
    order = {model.id: number for number, model in enumerate(comparison.plan.models)}
    found = [outcome for outcome in board.outcomes if outcome.ok and outcome.model_id in order]
    return sorted(found, key=lambda outcome: (order[outcome.model_id], outcome.fold))


def _answers(said: Predictions, classes: Sequence[str]) -> list[str | None]:
    """Return the predicted number or class of each row, as text."""
    values = said.values
    if said.kind is Kind.VALUES:
        return [str(value) for value in values.tolist()]
    if said.kind is Kind.LABELS:
        codes = values
    elif values.ndim == 1:  # decisions between two classes
        codes = (values > 0).astype(int)
    else:
        codes = values.argmax(axis=1)
    return [classes[code] if code >= 0 else None for code in codes.tolist()]


def _chances(said: Predictions) -> Sequence[list[float] | None]:
    """Return the probabilities of each row."""
    if said.kind is not Kind.PROBABILITIES:
        return [None] * len(said.values)
    chances: list[list[float] | None] = said.values.tolist()
    return chances
