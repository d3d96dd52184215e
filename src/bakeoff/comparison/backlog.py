"""The queue of trials that have not started, and the policy that groups them into tasks.

A task is built when a slot asks for one, not before: by then more is known about the cost of a trial, the number of
slots and the amount of work that remains.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from bakeoff.comparison.costs import Costs
from bakeoff.comparison.plan import Task
from bakeoff.comparison.trial import Trial

LONGEST_SECONDS = 5.0
"""Longest task that is built on purpose: the outcomes of a task are seen only when it ends."""
SHORTEST_SECONDS = 0.15
"""Shortest task that is built on purpose: about four times what starting one takes on two cores."""
JOB_SECONDS = 0.02
"""Driver time for one Spark job once Java is warm (benchmarks/overhead.py measures it). It limits how many start per
second, so with many slots it decides how long tasks have to be."""
TRANSFORMS = 3
"""Shortest task in multiples of a fold's preprocessing, which other slots may have to repeat."""
SHARES = 3
"""A free slot takes 1 / `SHARES` of its share of the remaining work, so tasks get shorter towards the end."""
CAUTION = 2.0
"""Work counts as fitting into the time left if that is this many times as long: costs are only expected."""


def target_seconds(remaining: float, slots: int) -> float:
    """Return how long the next task should be, if trials could be divided at will.

    Guided self-scheduling (Polychronopoulos and Kuck 1987): a fixed part of the remaining work, per slot. Early tasks
    are long, which keeps overhead low, and the last ones short, so that all slots end together.

    Args:
        remaining: seconds of work that has not started.
        slots: number of tasks that run at once.

    Example:
        >>> target_seconds(3_000.0, slots=2), target_seconds(12.0, slots=2), target_seconds(0.1, slots=2)
        (5.0, 2.0, 0.15)
        >>> target_seconds(8_000.0, slots=400)
        8.0
        >>> target_seconds(50.0, slots=400)
        1.0
    """
    slots = max(slots, 1)
    # While one task runs, the driver has to start one on each of the other slots. With less work than that, starting
    # tasks should cost no more time than waiting for the last of them.
    startable = min(slots * JOB_SECONDS, math.sqrt(remaining * JOB_SECONDS))
    return max(SHORTEST_SECONDS, startable, min(LONGEST_SECONDS, remaining / (SHARES * slots)))


class Backlog:
    """Waiting trials, handed out as tasks: expensive ones first and alone, cheap ones together by fold.

    Where time is limited and may not suffice, the models with the least work left come first, model by model: so as
    many models as possible have all their folds when it is over, and a dear one cannot take the time of all others. If
    something is known of what models are worth, the best one that has the time comes first.

    Args:
        trials: the trials to run, in any order.
        costs: expected seconds of a trial; it may learn while tasks are taken.

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
        self._places: dict[str, int] = {}
        self._handed_out = 0
        self.add(trials)

    def add(self, trials: Iterable[Trial], *, ranked: bool = False) -> None:
        """Add trials that may start now.

        Args:
            trials: the trials.
            ranked: whether they are in the order of what is known of their models, the best first; then these come
                first among those that fit into a limited time.
        """
        trials = tuple(trials)
        if ranked:
            self._places = {model_id: n for n, model_id in enumerate(dict.fromkeys(each.model_id for each in trials))}
        for trial in trials:
            self._folds.setdefault(trial.fold, []).append(trial.model_id)
            self._waiting[trial.model_id] += 1

    def __len__(self) -> int:
        return self._waiting.total()

    @property
    def seconds(self) -> float:
        """Expected seconds of the waiting trials, with one transform of each fold."""
        trials = sum(count * self._costs(model_id) for model_id, count in self._waiting.items())
        return trials + len(self._folds) * self._costs.transform_seconds

    def least_seconds(self, slots: int) -> float:
        """Return the seconds in which ``slots`` slots can end all waiting trials of one model, the quickest one."""
        return min(max(1.0, n / slots) * self._costs(model_id) for model_id, n in self._waiting.items())

    def drop(self, model_ids: Collection[str]) -> None:
        """Remove the trials of models."""
        for fold, waiting in tuple(self._folds.items()):
            for model_id in [each for each in waiting if each in model_ids]:
                self._pop(fold, model_id)

    def take(self, slots: int, seconds_left: float = math.inf) -> Task | None:
        """Remove and return the next task.

        Args:
            slots: number of tasks that run at once.
            seconds_left: seconds after which trials that have not ended are worth nothing.

        Returns:
            The task; ``None`` if no trial waits.
        """
        if not self._folds:
            return None
        needed, available = self.seconds, slots * max(seconds_left, 0.0)
        if needed * CAUTION > available:
            return self._hand_out(self._by_model(slots, available, target_seconds(min(needed, available), slots)))
        target = max(target_seconds(needed, slots), TRANSFORMS * self._costs.transform_seconds)
        costliest = max(self._waiting, key=self._costs)
        if self._costs(costliest) >= target:
            fold = next(fold for fold, waiting in self._folds.items() if costliest in waiting)
            return self._hand_out([self._pop(fold, costliest)])
        return self._hand_out(self._group(target))

    def tasks(self, slots: int) -> Iterator[Task]:
        """Yield tasks until no trial waits."""
        while (task := self.take(slots)) is not None:
            yield task

    def _by_model(self, slots: int, available: float, target: float) -> list[Trial]:
        """Take trials of one model after the other until they fill ``target`` seconds.

        Models that fit into the time available are taken as they are ranked, then by the work that is left of them.
        Those that take less time than preprocessing a fold come with the others of that fold.
        """
        preparing = self._costs.transform_seconds

        def place(model_id: str) -> tuple[bool, int, float]:
            work = max(self._waiting[model_id], slots) * self._costs(model_id)
            fits = work <= available
            return not fits, self._places.get(model_id, 0) if fits else 0, work

        group: list[Trial] = []
        load = 0.0
        order = sorted(self._waiting, key=place)
        for model_id in order:
            for fold in [fold for fold, waiting in self._folds.items() if model_id in waiting]:
                small = [each for each in order if each in self._folds[fold] and self._costs(each) < preparing]
                together = list(dict.fromkeys((model_id, *small)))
                load += preparing + sum(map(self._costs, together))
                if group and load > target:
                    return group
                group += [self._pop(fold, each) for each in together]
        return group

    def _group(self, target: float) -> list[Trial]:
        """Take trials of the fold with the most work, most expensive first; then of the next fold if needed."""
        group: list[Trial] = []
        load = 0.0
        while self._folds:
            fold = max(self._folds, key=self._load)
            load += self._costs.transform_seconds
            if group and load >= target:
                break
            taken = self._costliest_up_to(fold, target - load)
            load += self._seconds_of(taken)
            group += taken
            if load >= target:
                break
        return group

    def _costliest_up_to(self, fold: int, budget: float) -> list[Trial]:
        """Take trials of a fold, most expensive first, until they fill ``budget`` seconds.

        At least one is taken, and all of them if the remainder would be tiny.
        """
        waiting = sorted(self._folds[fold], key=self._costs, reverse=True)
        remaining = sum(map(self._costs, waiting))
        taken: list[str] = []
        for model_id in waiting:
            # A remainder that is shorter than preprocessing the fold once more is included.
            if taken and budget <= 0 and remaining > max(SHORTEST_SECONDS, self._costs.transform_seconds):
                break
            taken.append(model_id)
            budget -= self._costs(model_id)
            remaining -= self._costs(model_id)
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
