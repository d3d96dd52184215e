"""The store of a run's outcomes, as the scheduler sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bakeoff.comparison.trial import Outcome


class TrialStore(Protocol):
    """A store of the outcomes of one run, and of what earlier runs tell about the costs of its trials."""

    def finished(self) -> Sequence[Outcome]:
        """Return the outcomes of earlier attempts of the run, which are not run again; the same in every call."""

    def record(self, outcome: Outcome) -> Outcome:
        """Make an outcome durable, before anybody hears of it.

        Returns:
            The outcome as it is ranked and published, without secrets.

        Raises:
            Exception: The outcome could not be stored, which ends the run.
        """

    def expected_seconds(self, model_id: str) -> float | None:
        """Return the seconds of a trial of this model in earlier runs; ``None`` if they are not known, or not yet."""


class NullStore:
    """A store that keeps nothing.

    Example:
        >>> outcome = Outcome("lr", 0)
        >>> NullStore().record(outcome) is outcome, NullStore().finished(), NullStore().expected_seconds("lr")
        (True, (), None)
    """

    def finished(self) -> Sequence[Outcome]:
        """Return no outcome."""
        return ()

    def record(self, outcome: Outcome) -> Outcome:
        """Return the outcome as it is."""
        return outcome

    def expected_seconds(self, model_id: str) -> float | None:  # noqa: ARG002 - the protocol's
        """Return ``None``: nothing is known."""
        return None
