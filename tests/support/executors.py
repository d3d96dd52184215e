"""Executors and listeners of the scheduler's tests, in threads of this process."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from bakeoff.comparison.events import Announcer, BatchDone, PlanMade, RunDone, TrialDone
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.scheduler import Scheduler
from bakeoff.comparison.trial import WORKER_LOST, Metric, Model, Outcome, Status, Trial
from bakeoff.errors import WorkerError
from support.trial_stores import MemoryStore
from support.waiting import PATIENCE


def plan_of(n_models=4, n_folds=3, batch_size=2):
    models = tuple(Model(f"m{n}", f"Model {n}") for n in range(n_models))
    return Plan(models, n_folds, (Metric("auc", "AUC"),), "auc", batch_size=batch_size)


def good(trial, attempt=1):
    """What a worker answers when all is well: a score that depends on the trial alone."""
    score = (int(trial.model_id[1:]) * 7 + trial.fold * 3) % 11 / 10
    return Outcome(trial.model_id, trial.fold, metrics={"auc": score}, fit_seconds=1.0, attempt=attempt)


def bad(trial, attempt=1):
    return replace(good(trial, attempt), status=Status.FAILED, metrics={}, error_type="ValueError", error_message="no")


def lost(trial, attempt=1):
    raise WorkerError(f"the worker of {trial.model_id} is gone")


def silent(trial, attempt=1):
    """No outcome for this trial."""


def crashed(trial, attempt=1):
    return replace(
        good(trial, attempt), status=Status.CRASHED, metrics={}, error_type="ProcessEnded", error_message="x"
    )


def together_lost(trial, attempt=1):
    """What a worker answers for a task that the engine has sent again: nobody knows which trial it was."""
    return replace(crashed(trial, attempt), error_type=WORKER_LOST)


def only_at_first(what):
    return lambda trial, attempt: what(trial, attempt) if attempt == 1 else good(trial, attempt)


class Waits:
    """How the executors of these tests wait, and what they are told of the likely winners."""

    lost: str | None = None

    def __init__(self):
        self.foreseen: list[list[str]] = []

    def wait(self, futures, timeout, *, for_all=False):
        return wait(futures, timeout, ALL_COMPLETED if for_all else FIRST_COMPLETED).done

    def foresee(self, model_ids):
        self.foreseen.append(list(model_ids))

    def admit(self, candidates):
        return ()


class Workers(Waits):
    """An executor of threads; ``script`` says what becomes of a trial that is not good."""

    def __init__(self, slots=2, script=None):
        super().__init__()
        self.slots = slots
        self.submitted: list[tuple[tuple[Trial, ...], int]] = []
        self.cancels = self.in_flight = self.most_in_flight = 0
        self.cancelled = threading.Event()
        self.script = script or {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(slots)

    def submit(self, task, attempt):
        with self._lock:
            self.submitted.append((task.trials, attempt))
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        return self._pool.submit(self._work, task, attempt)

    def cancel(self):
        self.cancels += 1
        self.close()

    def close(self):
        self.cancelled.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def hang(self, trial, attempt):
        """Behave like a trial that ends only when it is cancelled."""
        assert self.cancelled.wait(PATIENCE)
        raise CancelledError

    def attempts(self, trial):
        return [attempt for trials, attempt in self.submitted if trial in trials]

    def answer(self, task, attempt):
        """What a worker makes of a task; tests may put something else in its place."""
        outcomes = [self.script.get(trial, good)(trial, attempt) for trial in task.trials]
        return [outcome for outcome in outcomes if outcome is not None]

    def _work(self, task, attempt):
        try:
            return self.answer(task, attempt)
        finally:
            with self._lock:
                self.in_flight -= 1


class InThisOrder(Waits):
    """An executor with room for all tasks, which ends them in an order of its own."""

    def __init__(self, plan, order, script):
        super().__init__()
        self.slots = len(plan.trials)
        self._order, self._script = order, script
        self._futures: dict[Trial, Future[list[Outcome]]] = {}

    def submit(self, task, attempt):
        future: Future[list[Outcome]] = Future()
        (trial,) = task.trials
        if attempt > 1:
            future.set_result([good(trial)])
            return future
        self._futures[trial] = future
        if len(self._futures) == len(self._order):
            threading.Thread(target=self._end_all, daemon=True).start()
        return future

    def cancel(self):
        raise AssertionError("there is no reason to cancel")

    def _end_all(self):
        for trial in self._order:
            what = self._script.get(trial, good)
            try:
                self._futures[trial].set_result([what(trial)])
            except WorkerError as error:
                self._futures[trial].set_exception(error)


class Lottery(Waits):
    """An executor whose running tasks end one by one, in the order in which lots are drawn."""

    def __init__(self, slots, answer, lots=None):
        super().__init__()
        self.slots, self.submitted = slots, []
        self._answer, self._lots = answer, lots or Random(1)  # noqa: S311 - lots, not secrets
        self._running: dict[Future[list[Outcome]], tuple[Trial, ...]] = {}

    def submit(self, task, attempt):
        future: Future[list[Outcome]] = Future()
        self._running[future] = task.trials
        self.submitted += task.trials
        return future

    def wait(self, futures, timeout, *, for_all=False):
        if not self._running:
            return set()
        future = self._lots.choice(list(self._running))
        outcomes = [self._answer(trial) for trial in self._running.pop(future)]
        self._lots.shuffle(outcomes)
        future.set_result(outcomes)
        return {future}

    def cancel(self):
        raise AssertionError("there is no reason to cancel")


class Timed(Waits):
    """An executor with a clock of its own: each trial takes the seconds of its model, and nothing else takes any."""

    def __init__(self, slots, seconds, answer=good):
        super().__init__()
        self.slots, self.now, self.cancels = slots, 0.0, 0
        self.seconds_of, self._answer = seconds.__getitem__, answer
        self._free = [0.0] * slots
        self._running: dict[Future[list[Outcome]], tuple[float, tuple[Trial, ...]]] = {}

    def monotonic(self):
        return self.now

    def submit(self, task, attempt):
        future: Future[list[Outcome]] = Future()
        slot = self._free.index(min(self._free))
        needed = sum(self.seconds_of(trial.model_id) for trial in task.trials)
        self._free[slot] = max(self.now, self._free[slot]) + needed
        self._running[future] = (self._free[slot], task.trials)
        return future

    def wait(self, futures, timeout, *, for_all=False):
        until = self.now + timeout
        ends = sorted((end, n) for n, (end, _) in enumerate(self._running.values()) if end <= until)
        if not ends:
            self.now = until
            return set()
        future = list(self._running)[ends[0][1]]
        self.now, trials = self._running.pop(future)
        future.set_result([replace(self._answer(each), fit_seconds=self.seconds_of(each.model_id)) for each in trials])
        return {future}

    def cancel(self):
        self.cancels += 1


class Late(Workers):
    """Gives the last fold of one model only when it is told to."""

    def __init__(self, trial):
        super().__init__(slots=2, script={trial: self.hold})
        self.foreseen_all = threading.Event()

    def hold(self, trial, attempt):
        assert self.foreseen_all.wait(PATIENCE)
        return good(trial)

    def foresee(self, model_ids):
        super().foresee(model_ids)
        if len(model_ids) == 2:
            self.foreseen_all.set()


class Notes:
    """A listener that remembers what it hears."""

    def __init__(self):
        self.heard: list[Any] = []

    def handle(self, event):
        self.heard.append(event)

    def all(self, kind):
        return [event for event in self.heard if isinstance(event, kind)]


class Raises:
    def handle(self, event):
        raise ConnectionError("no server")


class Hangs:
    def __init__(self):
        self.release = threading.Event()

    def handle(self, event):
        self.release.wait(PATIENCE)


@dataclass
class Run:
    """A run that has ended, and all that was seen of it."""

    plan: Plan
    workers: Any
    board: Any
    notes: Notes
    problems: list[str]
    recorded: list[Outcome] = field(default_factory=list)

    @property
    def statuses(self):
        return {outcome.trial: outcome.status for outcome in self.board.outcomes}


def run(plan, executor, *, cost=lambda _: 1.0, done=(), listeners=(), timeout=PATIENCE, **more):
    notes, store = Notes(), MemoryStore(done)
    announcer = Announcer([*listeners, notes])
    board = Scheduler(plan, executor, announcer, cost, store=store, **more).run()
    return Run(plan, executor, board, notes, announcer.close(timeout), store.recorded)


def assert_told_in_order(run):
    """The rules that hold for every run, however it went."""
    heard, plan = run.notes.heard, run.plan
    assert isinstance(heard[0], PlanMade)
    assert isinstance(heard[-1], RunDone)
    assert len(run.notes.all(PlanMade)) == len(run.notes.all(RunDone)) == 1
    assert heard[-1].leaderboard is run.board

    resumed = {outcome.trial for outcome in heard[0].done}
    told = [event.outcome.trial for event in run.notes.all(TrialDone)]
    assert Counter(told) == Counter(set(plan.trials) - resumed)
    assert [event.outcome for event in run.notes.all(TrialDone)] == run.recorded
    assert {outcome.trial for outcome in run.board.outcomes} == set(plan.trials)

    closed = [event.batch for event in run.notes.all(BatchDone)]
    touched = {plan.batch_of[trial.model_id] for trial in told}
    assert Counter(batch.id for batch in closed) == Counter(touched)
    for place, event in enumerate(heard):
        if isinstance(event, BatchDone):
            mine = [Trial(model_id, fold) for model_id in event.batch.model_ids for fold in range(plan.n_folds)]
            before = {each.outcome.trial for each in heard[:place] if isinstance(each, TrialDone)}
            assert [outcome.trial for outcome in event.outcomes] == mine
            assert set(mine) <= before | resumed
            last = heard[place - 1]
            assert isinstance(last, TrialDone)
            assert last.outcome.trial in mine
            assert [row.rank for row in event.rows] == list(range(1, len(event.batch.model_ids) + 1))
