"""Every trial ends, whatever the workers do, and listeners hear it in order and hurt nothing."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff.comparison.events import Announcer, BatchDone, PlanMade, RunDone, TaskStarted, TrialDone
from bakeoff.comparison.leaderboard import likely_winners, rank
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.scheduler import Limits, Scheduler
from bakeoff.comparison.trial import WORKER_LOST, Metric, Model, Outcome, Status, Trial, failed_outcomes
from bakeoff.errors import WorkerError

QUICK = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
PATIENCE = 10.0  # seconds for what takes milliseconds, on a machine that is busy
DEADLINE = 0.2


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


class Workers(Waits):
    """An executor of threads; ``script`` says what becomes of a trial that is not good."""

    def __init__(self, slots=2, script=None):
        super().__init__()
        self.slots = slots
        self.submitted: list[tuple[tuple[Trial, ...], int]] = []
        self.cancels = self.in_flight = self.most_in_flight = 0
        self.cancelled = threading.Event()
        self._script = script or {}
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

    def _work(self, task, attempt):
        try:
            answers = [self._script.get(trial, good)(trial, attempt) for trial in task.trials]
            return [outcome for outcome in answers if outcome is not None]
        finally:
            with self._lock:
                self.in_flight -= 1


class Notes:
    """A listener that remembers what it hears."""

    def __init__(self):
        self.heard: list[Any] = []

    def handle(self, event):
        self.heard.append(event)

    def all(self, kind):
        return [event for event in self.heard if isinstance(event, kind)]


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


@pytest.fixture
def workers():
    """Makes executors, and ends their threads after the test."""
    made = []

    def make(slots=2, script=None):
        made.append(Workers(slots, script))
        return made[-1]

    yield make
    for each in made:
        each.close()


def run(plan, executor, *, cost=lambda _: 1.0, limits=None, done=(), listeners=(), timeout=PATIENCE):
    notes, recorded = Notes(), []
    announcer = Announcer([*listeners, notes])
    scheduler = Scheduler(plan, executor, announcer, cost, limits or Limits(), recorded.append, done)
    board = scheduler.run()
    return Run(plan, executor, board, notes, announcer.close(timeout), recorded)


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


@pytest.mark.parametrize("slots", [1, 3, 50])
@pytest.mark.parametrize("batch_size", [1, 3, 9])
def test_every_trial_gets_its_outcome_and_listeners_hear_all_of_it(workers, slots, batch_size):
    plan = plan_of(n_models=5, batch_size=batch_size)
    ended = run(plan, workers(slots))
    assert_told_in_order(ended)
    assert ended.board == rank(plan, [good(trial) for trial in plan.trials])
    assert ended.notes.heard[0].slots == slots
    assert ended.workers.cancels == 0
    assert ended.problems == []


def test_a_failing_trial_is_an_outcome_like_any_other(workers):
    plan = plan_of()
    script = {Trial("m1", 0): bad, **{Trial("m2", fold): bad for fold in range(3)}}
    ended = run(plan, workers(script=script))
    assert_told_in_order(ended)
    assert {row.model_id: row.status for row in ended.board.rows} == {
        "m0": "ok", "m1": "partial", "m2": "failed", "m3": "ok",
    }  # fmt: skip
    assert all(ended.workers.attempts(trial) == [1] for trial in plan.trials)


def test_slots_are_kept_busy_with_one_task_in_reserve(workers):
    executor = workers(slots=3)
    run(plan_of(n_models=6), executor)
    assert executor.most_in_flight <= 4
    assert len(executor.submitted) >= 12


def test_the_dearest_trials_start_first(workers):
    executor = workers(slots=1)
    run(plan_of(n_models=3, n_folds=2), executor, cost={"m0": 4.0, "m1": 40.0, "m2": 10.0}.__getitem__)
    assert [trials[0].model_id for trials, _ in executor.submitted] == ["m1", "m1", "m2", "m2", "m0", "m0"]


def test_started_tasks_are_told(workers):
    ended = run(plan_of(), workers())
    assert [event.trials for event in ended.notes.all(TaskStarted)] == [trials for trials, _ in ended.workers.submitted]


def test_an_outcome_is_durable_before_anybody_hears_of_it(workers):
    heard: dict[Trial, threading.Event] = {trial: threading.Event() for trial in plan_of().trials}
    too_early = []

    class Ears:
        def handle(self, event):
            if isinstance(event, TrialDone):
                heard[event.outcome.trial].set()

    def record(outcome):
        # A listener that was told already has this long to show it.
        if heard[outcome.trial].wait(0.02):
            too_early.append(outcome.trial)

    announcer = Announcer([Ears()])
    Scheduler(plan_of(), workers(), announcer, lambda _: 1.0, record=record).run()
    assert announcer.close(PATIENCE) == []
    assert all(event.is_set() for event in heard.values())
    assert too_early == []


def test_what_cannot_be_made_durable_ends_the_run(workers):
    executor, notes = workers(), Notes()

    def full(outcome):
        raise OSError("No space left on device")

    announcer = Announcer([notes])
    with pytest.raises(OSError, match="No space left"):
        Scheduler(plan_of(), executor, announcer, lambda _: 1.0, record=full).run()
    announcer.close(PATIENCE)
    assert executor.cancels == 1
    assert notes.all(TrialDone) == notes.all(RunDone) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupt_cancels_what_runs_and_is_passed_on(workers, error):
    executor = workers(slots=1)
    submit = executor.submit

    def interrupted(task, attempt):
        if executor.submitted:
            raise error
        return submit(task, attempt)

    executor.submit = interrupted
    with pytest.raises(error):
        run(plan_of(), executor)
    assert executor.cancels == 1


def test_finished_trials_are_not_run_again(workers):
    plan = plan_of()
    before = [good(Trial("m0", 0)), bad(Trial("m1", 2)), good(Trial("m3", 1))]
    ended = run(plan, workers(), done=[*before, good(Trial("m9", 0))])
    assert_told_in_order(ended)
    assert ended.notes.heard[0].done == tuple(before)
    submitted = [trial for trials, _ in ended.workers.submitted for trial in trials]
    assert Counter(submitted) == Counter(set(plan.trials) - {outcome.trial for outcome in before})
    assert not {outcome.trial for outcome in before} & {outcome.trial for outcome in ended.recorded}
    assert ended.board == rank(plan, [bad(t) if t == Trial("m1", 2) else good(t) for t in plan.trials])


def test_a_run_that_is_finished_already_submits_nothing(workers):
    plan = plan_of()
    everything = [good(trial) for trial in plan.trials]
    ended = run(plan, workers(), done=everything)
    assert ended.workers.submitted == []
    assert ended.recorded == ended.notes.all(TrialDone) == []
    assert ended.board == rank(plan, everything)


def test_an_empty_plan_ends_at_once(workers):
    ended = run(plan_of(n_models=0), workers())
    assert [type(event) for event in ended.notes.heard] == [PlanMade, RunDone]
    assert ended.board.rows == ()


@pytest.mark.parametrize("max_retries", [0, 1, 3])
def test_a_trial_that_always_loses_its_worker_is_given_up_after_the_retries(workers, max_retries):
    killer = Trial("m2", 0)
    plan = plan_of(n_models=4, n_folds=1, batch_size=1)
    executor = workers(slots=2, script={killer: lost})
    ended = run(plan, executor, limits=Limits(max_retries=max_retries))
    assert_told_in_order(ended)
    assert executor.attempts(killer) == list(range(1, max_retries + 2))
    (failure,) = ended.board.failures
    assert (failure.trial, failure.status, failure.error_type) == (killer, Status.CRASHED, "WorkerError")
    assert failure.error_message == "the worker of m2 is gone"


def test_a_lost_task_is_tried_again_trial_by_trial_and_takes_nobody_with_it(workers):
    killer = Trial("m5", 0)
    plan = plan_of(n_models=12, n_folds=1)
    executor = workers(slots=1, script={killer: lost})
    ended = run(plan, executor, cost=lambda _: 0.125)
    assert_told_in_order(ended)
    (companions,) = [trials for trials, attempt in executor.submitted if attempt == 1 and killer in trials]
    assert len(companions) == 3
    again = [trials for trials, attempt in executor.submitted if attempt == 2]
    assert sorted(again) == sorted((trial,) for trial in companions)
    assert [outcome.trial for outcome in ended.board.failures] == [killer]
    attempts = {outcome.trial: outcome.attempt for outcome in ended.board.outcomes if outcome.ok}
    assert attempts == {trial: 2 if trial in companions else 1 for trial in plan.trials if trial != killer}


def crashed(trial, attempt=1):
    return replace(
        good(trial, attempt), status=Status.CRASHED, metrics={}, error_type="ProcessEnded", error_message="x"
    )


def together_lost(trial, attempt=1):
    """What a worker answers for a task that the engine has sent again: nobody knows which trial it was."""
    return replace(crashed(trial, attempt), error_type=WORKER_LOST)


@pytest.mark.parametrize("status", [Status.CRASHED, Status.OOM])
@pytest.mark.parametrize("max_retries", [0, 1, 2])
def test_a_trial_that_takes_its_process_down_is_tried_again_alone(workers, max_retries, status):
    killer = Trial("m5", 0)
    plan = plan_of(n_models=12, n_folds=1)
    what = lambda trial, attempt: replace(crashed(trial, attempt), status=status)  # noqa: E731
    executor = workers(slots=1, script={killer: what})
    ended = run(plan, executor, cost=lambda _: 0.125, limits=Limits(max_retries=max_retries))
    assert_told_in_order(ended)
    assert executor.attempts(killer) == list(range(1, max_retries + 2))
    assert [trials for trials, attempt in executor.submitted if attempt > 1] == [(killer,)] * max_retries
    (failure,) = ended.board.failures
    assert (failure.trial, failure.status, failure.attempt) == (killer, status, max_retries + 1)


def test_a_crash_that_happens_once_leaves_no_failure(workers):
    once = Trial("m1", 0)
    ended = run(plan_of(), workers(script={once: only_at_first(crashed)}))
    assert_told_in_order(ended)
    assert ended.board.failures == ()


def test_an_exception_and_a_timeout_are_final(workers):
    late = lambda trial, attempt: replace(bad(trial, attempt), status=Status.TIMEOUT)  # noqa: E731
    executor = workers(script={Trial("m1", 0): bad, Trial("m2", 0): late})
    ended = run(plan_of(), executor)
    assert {attempt for _, attempt in executor.submitted} == {1}
    assert len(ended.board.failures) == 2


@pytest.mark.parametrize("max_retries", [0, 1])
def test_a_task_that_was_lost_together_is_split_to_find_the_culprit(workers, max_retries):
    plan = plan_of(n_models=12, n_folds=1)
    culprit = Trial("m5", 0)
    executor = workers(slots=1)
    answer = executor._work

    def lost_together(task, attempt):
        if culprit in task.trials and len(task.trials) > 1:
            return [together_lost(trial, attempt) for trial in task.trials]
        return [crashed(culprit, attempt)] if culprit in task.trials else answer(task, attempt)

    executor._work = lost_together
    ended = run(plan, executor, cost=lambda _: 0.125, limits=Limits(max_retries=max_retries))
    assert_told_in_order(ended)
    assert [outcome.trial for outcome in ended.board.failures] == [culprit]
    assert executor.attempts(culprit)[0] == 1
    assert 2 in executor.attempts(culprit)


def test_what_is_known_when_a_run_is_broken_off(workers):
    plan = plan_of(n_models=2, n_folds=2)
    executor = workers(slots=1)
    announcer = Announcer([])
    n_recorded = []

    def record(outcome):
        n_recorded.append(outcome)
        if len(n_recorded) == 3:
            raise KeyboardInterrupt

    scheduler = Scheduler(plan, executor, announcer, lambda _: 9.0, record=record)
    with pytest.raises(KeyboardInterrupt):
        scheduler.run()
    assert executor.cancels == 1
    assert Counter(outcome.status for outcome in scheduler.so_far().outcomes) == {Status.OK: 2, Status.CANCELLED: 2}


def test_a_worker_that_is_lost_once_costs_nothing_but_time(workers):
    plan = plan_of()
    ended = run(plan, workers(script=dict.fromkeys(plan.trials, only_at_first(lost))))
    assert_told_in_order(ended)
    assert ended.board.failures == ()
    assert {outcome.attempt for outcome in ended.board.outcomes} == {2}


def test_a_task_that_somebody_cancels_is_tried_again(workers):
    executor = workers()
    submit = executor.submit

    def cancelled_at_first(task, attempt):
        if attempt > 1:
            return submit(task, attempt)
        future: Future[list[Outcome]] = Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future

    executor.submit = cancelled_at_first
    ended = run(plan_of(), executor)
    assert_told_in_order(ended)
    assert ended.board.failures == ()
    assert executor.cancels == 0


def test_a_trial_without_an_outcome_is_tried_again_and_the_others_are_not(workers):
    forgotten = Trial("m5", 0)
    plan = plan_of(n_models=12, n_folds=1)
    executor = workers(slots=1, script={forgotten: only_at_first(silent)})
    ended = run(plan, executor, cost=lambda _: 0.125)
    assert_told_in_order(ended)
    assert ended.board.failures == ()
    assert [trials for trials, attempt in executor.submitted if attempt == 2] == [(forgotten,)]


def test_a_trial_that_never_gets_an_outcome_is_given_up(workers):
    forgotten = Trial("m1", 0)
    ended = run(plan_of(), workers(script={forgotten: silent}))
    assert_told_in_order(ended)
    (failure,) = ended.board.failures
    assert (failure.trial, failure.status, failure.error_type) == (forgotten, Status.CRASHED, "RuntimeError")
    assert failure.error_message == "The worker gave no outcome."


def test_an_answer_that_is_none_is_a_lost_worker(workers):
    executor = workers()
    executor._work = lambda task, attempt: None
    ended = run(plan_of(), executor)
    assert_told_in_order(ended)
    assert set(ended.statuses.values()) == {Status.CRASHED}


def test_a_trial_that_is_answered_twice_counts_once(workers):
    plan = plan_of(n_models=3, n_folds=1)
    executor = workers(slots=1)
    executor._work = lambda task, attempt: [good(trial) for trial in plan.trials]
    ended = run(plan, executor)
    assert_told_in_order(ended)
    assert ended.board.failures == ()


def test_the_deadline_cancels_what_runs_and_keeps_what_is_finished(workers):
    plan = plan_of()
    executor = workers(slots=2)
    executor._script = {trial: executor.hang for trial in plan.trials if trial.fold == 2}
    started = time.monotonic()
    # Cheap models of a fold would travel together, so these do not: what is finished is then known.
    ended = run(plan, executor, cost=lambda _: 9.0, limits=Limits(seconds=DEADLINE))
    assert DEADLINE <= time.monotonic() - started < PATIENCE
    assert_told_in_order(ended)
    assert executor.cancels == 1
    assert {trial for trial, status in ended.statuses.items() if status is Status.OK} == {
        trial for trial in plan.trials if trial.fold != 2
    }
    assert {status for trial, status in ended.statuses.items() if trial.fold == 2} == {Status.CANCELLED}
    assert {outcome.error_message for outcome in ended.board.failures} == {"The run ended before this trial did."}
    assert {row.status for row in ended.board.rows} == {"partial"}


def test_what_waits_behind_a_hanging_trial_is_cancelled_with_it(workers):
    """The pool's queue is emptied by ``cancel``: those futures never run, and nobody waits for them."""
    plan = plan_of(n_models=2, n_folds=2)
    executor = workers(slots=1)
    executor._script = dict.fromkeys(plan.trials, executor.hang)
    ended = run(plan, executor, limits=Limits(seconds=DEADLINE))
    assert_told_in_order(ended)
    assert len(executor.submitted) == 2
    assert set(ended.statuses.values()) == {Status.CANCELLED}
    assert ended.board.best is None


def test_no_time_at_all_cancels_everything_and_loses_nothing_of_before(workers):
    plan = plan_of()
    executor = workers()
    executor._script = dict.fromkeys(plan.trials, executor.hang)
    ended = run(plan, executor, limits=Limits(seconds=0.0), done=[good(Trial("m0", 0))])
    assert_told_in_order(ended)
    assert executor.cancels == 1
    assert Counter(ended.statuses.values()) == {Status.CANCELLED: 11, Status.OK: 1}


def test_a_deadline_that_is_far_away_changes_nothing(workers):
    ended = run(plan_of(), workers(), limits=Limits(seconds=3600.0))
    assert ended.board == rank(ended.plan, [good(trial) for trial in ended.plan.trials])
    assert ended.workers.cancels == 0


def test_the_first_failure_ends_the_run_where_that_is_asked_for(workers):
    plan = plan_of()
    culprit = Trial("m1", 0)
    executor = workers(slots=1, script={culprit: bad})
    cost = {"m0": 10.0, "m1": 99.0, "m2": 10.0, "m3": 10.0}.__getitem__
    ended = run(plan, executor, cost=cost, limits=Limits(stop_at_failure=True))
    assert_told_in_order(ended)
    assert executor.cancels == 1
    assert ended.statuses[culprit] is Status.FAILED
    assert len(executor.submitted) <= 3
    assert Counter(ended.statuses.values())[Status.CANCELLED] >= 9


def test_without_failures_the_run_goes_to_its_end(workers):
    ended = run(plan_of(), workers(), limits=Limits(stop_at_failure=True))
    assert ended.board.failures == ()
    assert ended.workers.cancels == 0


class Raises:
    def handle(self, event):
        raise ConnectionError("no server")


class Hangs:
    def __init__(self):
        self.release = threading.Event()

    def handle(self, event):
        self.release.wait(PATIENCE)


def test_a_listener_that_raises_or_hangs_changes_nothing_and_is_reported(workers):
    plan, hangs = plan_of(), Hangs()
    try:
        ended = run(plan, workers(), listeners=[Raises(), hangs], timeout=0.2)
    finally:
        hangs.release.set()
    assert ended.board == rank(plan, [good(trial) for trial in plan.trials])
    assert Counter(ended.problems) == {
        "Raises: ConnectionError: no server": len(ended.notes.heard),
        "Hangs has not caught up.": 1,
    }
    assert_told_in_order(ended)


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


PLAN = plan_of(n_models=4, n_folds=2)


@QUICK
@given(
    st.permutations(PLAN.trials),
    st.dictionaries(st.sampled_from(PLAN.trials), st.sampled_from([bad, lost]), max_size=4),
)
def test_the_result_does_not_depend_on_who_ends_first(order, script):
    ended = run(PLAN, InThisOrder(PLAN, order, script))
    expected = rank(PLAN, [bad(trial) if script.get(trial) is bad else good(trial) for trial in PLAN.trials])
    # As text, because NaN does not equal itself.
    assert repr(ended.board) == repr(expected)
    assert_told_in_order(ended)


class Late(Workers):
    """Gives the last fold of one model only when it is told to."""

    def __init__(self, trial):
        super().__init__(slots=2, script={trial: self.hold})
        self._told = threading.Event()

    def hold(self, trial, attempt):
        assert self._told.wait(PATIENCE)
        return good(trial)

    def foresee(self, model_ids):
        super().foresee(model_ids)
        if len(model_ids) == 2:
            self._told.set()


def test_a_slot_with_nothing_to_do_hears_who_will_probably_win():
    plan = plan_of(n_models=4, n_folds=2)
    worst = rank(plan, [good(trial) for trial in plan.trials]).rows[-1].model_id
    executor = Late(Trial(worst, 1))
    scheduler = Scheduler(plan, executor, Announcer([]), lambda _: 1.0, n_winners=2)
    board = scheduler.run()
    assert executor.foreseen[-1] == [row.model_id for row in board.rows[:2]]
    assert all(worst not in ids for ids in executor.foreseen)


def test_nobody_is_taken_for_the_winner_while_a_better_one_lacks_a_fold():
    plan = plan_of(n_models=4, n_folds=2)
    everything = [good(trial) for trial in plan.trials]
    best, second = [row.model_id for row in rank(plan, everything).rows[:2]]
    known = [outcome for outcome in everything if outcome.trial != Trial(best, 1)]
    assert likely_winners(plan, known, 1) == []
    assert likely_winners(plan, known, 2) == [second]
    assert likely_winners(plan, everything, 2) == [best, second]
    failed = failed_outcomes([Trial(best, 1)], Status.FAILED, "ValueError", "no")
    assert likely_winners(plan, [*known, *failed], 1) == [second]


def test_nobody_is_foreseen_where_nobody_is_asked_for(workers):
    executor = workers()
    Scheduler(plan_of(), executor, Announcer([]), lambda _: 1.0).run()
    assert executor.foreseen == []


def test_slots_that_are_added_on_the_way_are_used(workers):
    executor = workers(slots=6)
    executor.slots = 1

    class Adds:
        def handle(self, event):
            if isinstance(event, TrialDone):
                executor.slots = 6

    plan = plan_of(n_models=20, n_folds=3)
    executor._script = dict.fromkeys(plan.trials, lambda trial, attempt: time.sleep(0.01) or good(trial))
    announcer = Announcer([Adds()])
    Scheduler(plan, executor, announcer, lambda _: 3.0).run()
    announcer.close(PATIENCE)
    assert executor.most_in_flight > 2


@pytest.mark.parametrize("after", [0, 1, 3])
def test_when_it_is_asked_to_stop_a_run_keeps_what_is_finished_and_cancels_the_rest(workers, after):
    plan, notes, recorded = plan_of(n_models=3, n_folds=3), Notes(), []
    executor = workers(2)
    executor._script = {trial: executor.hang for trial in plan.trials if trial.model_id != "m0"}
    announcer = Announcer([notes])
    scheduler = Scheduler(plan, executor, announcer, lambda model_id: 20.0 if model_id == "m0" else 9.0)
    scheduler.record, scheduler.stop = recorded.append, lambda: len(recorded) >= after
    board = scheduler.run()
    ended = Run(plan, executor, board, notes, announcer.close(PATIENCE), recorded)
    assert_told_in_order(ended)
    assert scheduler.stopped
    assert executor.cancels == 1
    done = [outcome.trial for outcome in board.outcomes if outcome.ok]
    assert len(done) >= after
    assert Counter(ended.statuses.values()) == Counter({Status.OK: len(done), Status.CANCELLED: 9 - len(done)})


def test_what_is_said_is_cleaned_before_anybody_hears_it(workers):
    plan = plan_of(n_models=1, n_folds=2)
    notes, recorded = Notes(), []
    announcer = Announcer([notes])
    scheduler = Scheduler(plan, workers(1, dict.fromkeys(plan.trials, bad)), announcer, lambda _: 1.0)
    scheduler.record, scheduler.clean = recorded.append, lambda outcome: replace(outcome, error_message="***")
    board = scheduler.run()
    assert announcer.close(PATIENCE) == []
    heard = [event.outcome for event in notes.all(TrialDone)]
    assert {outcome.error_message for outcome in [*heard, *recorded, *board.outcomes]} == {"***"}
    assert not scheduler.stopped
