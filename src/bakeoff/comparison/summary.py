"""The duration of a run, and the least it could have taken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bakeoff.comparison.trial import Outcome


@dataclass(frozen=True)
class Summary:
    """Timing of a run.

    Attributes:
        slots: number of tasks that could run at once.
        wall_seconds: from the first task to the last refitted winner.
        ideal_seconds: least time that these trials could have taken on these slots.
        n_resumed: number of trials that an earlier attempt of the run had finished.
        began_at: when the first task could start, in seconds since the epoch.
        n_on_driver: number of trials that the driver's machine ran while the workers got ready.
        too_small: whether all trials ran there, because there was too little work to start workers.
    """

    slots: int
    wall_seconds: float
    ideal_seconds: float
    n_resumed: int = 0
    began_at: float = 0.0
    n_on_driver: int = 0
    too_small: bool = False

    @property
    def efficiency(self) -> float:
        """Ideal over wall: 1.0 is the physical limit.

        Example:
            >>> Summary(slots=2, wall_seconds=10.0, ideal_seconds=9.0).efficiency
            0.9
        """
        return self.ideal_seconds / self.wall_seconds if self.wall_seconds else 1.0


def ideal_seconds(outcomes: Sequence[Outcome], slots: int, refit_seconds: Iterable[float] = ()) -> float:
    """Return the lower bound of a run's duration: no trial can be split, and the slots share the rest evenly.

    max(longest trial, (all fit and score seconds + each fold's transform) / slots) + the longest refit, because a
    winner is known only at the end. A fold is transformed once; if slots outnumber folds, once for each slot.

    Example:
        >>> trials = [Outcome("lr", fold, fit_seconds=3.0, score_seconds=1.0) for fold in (0, 1)]
        >>> ideal_seconds(trials, slots=2, refit_seconds=[2.0])
        6.0
    """
    busy = [outcome.fit_seconds + outcome.score_seconds for outcome in outcomes]
    transforms: dict[int, float] = {}
    for outcome in outcomes:
        if outcome.transform_seconds > 0.0:
            shortest = transforms.get(outcome.fold, outcome.transform_seconds)
            transforms[outcome.fold] = min(shortest, outcome.transform_seconds)
    copies = max(1.0, slots / max(len({outcome.fold for outcome in outcomes}), 1))
    shared = (sum(busy) + sum(transforms.values()) * copies) / max(slots, 1)
    return max([shared, *busy]) + max(refit_seconds, default=0.0)
