"""The executor of tasks, as the scheduler sees it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from bakeoff.comparison.plan import Task
from bakeoff.comparison.trial import Model, Outcome


class Executor(Protocol):
    """The interface of what runs tasks."""

    @property
    def slots(self) -> int:
        """The number of tasks that can run at once, now."""

    @property
    def lost(self) -> str | None:
        """The reason why no task can run any more; ``None`` while tasks can run."""

    def submit(self, task: Task, attempt: int) -> Future[list[Outcome]]:
        """Start a task, or queue it; the future fails if the worker is lost."""

    def cancel(self) -> None:
        """Stop the running tasks and drop the queued ones."""

    def wait(self, futures: Iterable[Future[Any]], timeout: float | None, *, for_all: bool = False) -> set[Future[Any]]:
        """Wait for one future to end (``for_all``: for all of them), or for these seconds; return those that have."""

    def foresee(self, model_ids: Sequence[str]) -> None:
        """Take note of the likely winners, best first; called when a slot has nothing left to do."""

    def admit(self, candidates: Sequence[Model]) -> Sequence[Outcome]:
        """Take note of models that were not there at the start; return the outcomes of those that cannot be built."""
