"""The trials that nobody has started yet, and which of them a free slot gets next.

Tasks are cut when they are asked for, not before: by then more is known of what a trial costs, of how many slots there
are, and of how much is left.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator

from bakeoff.comparison.costs import Costs
from bakeoff.comparison.plan import Task
from bakeoff.comparison.trial import Trial

LONGEST_SECONDS = 5.0
"""No task is meant to be longer: what it holds is seen only when it ends."""
SHORTEST_SECONDS = 0.15
"""No task is meant to be shorter: about four times what starting one takes on two cores."""
JOB_SECONDS = 0.02
"""What the driver itself spends on one job once Java is warm (benchmarks/overhead.py measures it). It can start only so
many of them a second, so with many slots this decides how long tasks have to be."""
TRANSFORMS = 3
"""A task should be worth at least so many times the preprocessing of a fold, which other slots may have to repeat."""
SHARES = 3
"""A free slot takes the n-th part of its share of what is left, so tasks grow shorter towards the end."""


def target_seconds(left: float, slots: int) -> float:
    """How long the next task should be, if trials could be cut at will.

    Guided self-scheduling (Polychronopoulos and Kuck 1987): a fixed part of what is left, per slot. Early tasks are
    long, which is cheap, and the last ones short, so that all slots end together.

    Args:
        left: seconds of work that nobody has started.
        slots: how many tasks run at once.

    Example:
        >>> target_seconds(3_000.0, slots=2), target_seconds(12.0, slots=2), target_seconds(0.1, slots=2)
        (5.0, 2.0, 0.15)
        >>> target_seconds(8_000.0, slots=400)
        8.0
        >>> target_seconds(50.0, slots=400)
        1.0
    """
    slots = max(slots, 1)
    # While one task runs, the driver has to start one on each of the other slots. Where there is less work than that,
    # no more is to be lost by starting tasks than by waiting for the last of them.
    startable = min(slots * JOB_SECONDS, math.sqrt(left * JOB_SECONDS))
    return max(SHORTEST_SECONDS, startable, min(LONGEST_SECONDS, left / (SHARES * slots)))


class Backlog:
    """Trials that wait, handed out as tasks: dear ones alone and first, cheap ones together by fold.

    Example:
        >>> from bakeoff.comparison.costs import Costs
        >>> waiting = [Trial(model_id, fold) for fold in (0, 1) for model_id in ("slow", "a", "b")]
        >>> backlog = Backlog(waiting, Costs({"slow": 9.0, "a": 0.1, "b": 0.1}.__getitem__))
        >>> [[f"{t.model_id}{t.fold}" for t in task.trials] for task in backlog.tasks(slots=2)]
        [['slow0'], ['slow1'], ['a0', 'b0'], ['a1', 'b1']]
    """

    def __init__(self, trials: Iterable[Trial], costs: Costs) -> None:
        self._costs = costs
        self._folds: dict[int, list[str]] = {}
        self._waiting: Counter[str] = Counter()
        self._handed_out = 0
        for trial in trials:
            self._folds.setdefault(trial.fold, []).append(trial.model_id)
            self._waiting[trial.model_id] += 1

    def __len__(self) -> int:
        return self._waiting.total()

    @property
    def seconds(self) -> float:
        """What the waiting trials are expected to cost, with one transform of each fold."""
        trials = sum(count * self._costs(model_id) for model_id, count in self._waiting.items())
        return trials + len(self._folds) * self._costs.transform_seconds

    def take(self, slots: int) -> Task | None:
        """The next task for one of so many slots; ``None`` where nothing waits."""
        if not self._folds:
            return None
        target = max(target_seconds(self.seconds, slots), TRANSFORMS * self._costs.transform_seconds)
        dearest = max(self._waiting, key=self._costs)
        if self._costs(dearest) >= target:
            fold = next(fold for fold, waiting in self._folds.items() if dearest in waiting)
            return self._hand_out([self._pop(fold, dearest)])
        return self._hand_out(self._group(target))

    def tasks(self, slots: int) -> Iterator[Task]:
        """All that waits, task by task."""
        while (task := self.take(slots)) is not None:
            yield task

    def _group(self, target: float) -> list[Trial]:
        """Trials of the fold with the most work, the dearest first; of a second fold where one is not enough."""
        group: list[Trial] = []
        load = 0.0
        while self._folds:
            fold = max(self._folds, key=self._load)
            load += self._costs.transform_seconds
            if group and load >= target:
                break
            taken = self._dearest_up_to(fold, target - load)
            load += self._seconds_of(taken)
            group += taken
            if load >= target:
                break
        return group

    def _dearest_up_to(self, fold: int, room: float) -> list[Trial]:
        """As much of a fold as there is room for, and at least one trial; all of it where hardly any would be left."""
        waiting = sorted(self._folds[fold], key=self._costs, reverse=True)
        left = sum(map(self._costs, waiting))
        taken: list[str] = []
        for model_id in waiting:
            # A rest that is shorter than preprocessing the fold once more goes along.
            if taken and room <= 0 and left > max(SHORTEST_SECONDS, self._costs.transform_seconds):
                break
            taken.append(model_id)
            room -= self._costs(model_id)
            left -= self._costs(model_id)
        return [self._pop(fold, model_id) for model_id in taken]

    def _load(self, fold: int) -> float:
        return sum(map(self._costs, self._folds[fold]))

    def _pop(self, fold: int, model_id: str) -> Trial:
        self._folds[fold].remove(model_id)
        if not self._folds[fold]:
            del self._folds[fold]
        self._waiting[model_id] -= 1
        if not self._waiting[model_id]:
            del self._waiting[model_id]
        return Trial(model_id, fold)

    def _seconds_of(self, trials: Iterable[Trial]) -> float:
        return sum(self._costs(trial.model_id) for trial in trials)

    def _hand_out(self, trials: list[Trial]) -> Task:
        self._handed_out += 1
        return Task(self._handed_out, tuple(trials), self._seconds_of(trials))
