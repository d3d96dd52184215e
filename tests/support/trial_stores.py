"""Stores of outcomes, in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bakeoff.comparison.trial import Outcome


class MemoryStore:
    """A store that keeps outcomes in a list.

    Args:
        done: outcomes of earlier attempts.
        seconds: seconds of a trial in earlier runs, by model id.
        record: called with each outcome before it is kept; it may raise, or return what is kept in its place.
    """

    def __init__(
        self,
        done: Sequence[Outcome] = (),
        seconds: Mapping[str, float] | None = None,
        record: Callable[[Outcome], Outcome | None] | None = None,
    ) -> None:
        self.recorded: list[Outcome] = []
        self._done, self._seconds, self._record = tuple(done), dict(seconds or {}), record

    def finished(self) -> Sequence[Outcome]:
        return self._done

    def record(self, outcome: Outcome) -> Outcome:
        kept = (self._record(outcome) if self._record else None) or outcome
        self.recorded.append(kept)
        return kept

    def expected_seconds(self, model_id: str) -> float | None:
        return self._seconds.get(model_id)
