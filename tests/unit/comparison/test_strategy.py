"""A race runs the same trials and ranks the same way whatever ends first, and stops only who cannot win any more."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff.comparison import scheduler
from bakeoff.comparison.events import Announcer, BatchDone, RungDone, TrialDone
from bakeoff.comparison.leaderboard import COMPLETE, FAILED, PARTIAL, STOPPED, rank
from bakeoff.comparison.limits import TrialLimits
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.scheduler import Scheduler
from bakeoff.comparison.strategy import Grid, Race, rungs
from bakeoff.comparison.trial import Metric, Model, Outcome, Status, Trial
from support.executors import Lottery, Timed, lost, run
from support.trial_stores import MemoryStore

QUICK = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
METRICS = (Metric("auc", "AUC"), Metric("rmse", "RMSE", greater_is_better=False))


def plan_of(n_models, n_folds, sort_by="auc", batch_size=1):
    models = tuple(Model(f"m{n}", f"Model {n}") for n in range(n_models))
    return Plan(models, n_folds, METRICS, sort_by, batch_size=batch_size)


def outcomes_of(plan, scores):
    """Outcomes by trial; a score of None is a failure."""
    found = {}
    for model, values in zip(plan.models, scores, strict=True):
        for fold in range(plan.n_folds):
            value = values[fold % len(values)]
            done = Outcome(model.id, fold, metrics={plan.sort_by: value}, fit_seconds=1.0)
            failed = replace(done, status=Status.FAILED, metrics={}, error_type="ValueError", error_message="no")
            found[Trial(model.id, fold)] = failed if value is None else done
    return found


def raced(plan, scores, keep=1, slots=2, **more):
    executor = Lottery(slots, outcomes_of(plan, scores).__getitem__)
    return run(plan, executor, strategy=Race(keep, more.pop("families", {})), **more)


@st.composite
def comparisons(draw):
    n_models, n_folds = draw(st.integers(1, 6)), draw(st.integers(1, 9))
    plan = plan_of(n_models, n_folds, draw(st.sampled_from(["auc", "rmse"])), draw(st.integers(1, 3)))
    value = st.one_of(st.floats(0, 1), st.sampled_from([0.5, None, math.nan]))
    return plan, [draw(st.lists(value, min_size=n_folds, max_size=n_folds)) for _ in plan.models]


@QUICK
@given(comparisons(), st.integers(1, 4), st.integers(1, 40), st.randoms(use_true_random=False))
def test_any_slots_and_any_order_run_the_same_trials_and_rank_the_same(comparison, keep, slots, lots):
    plan, scores = comparison
    alone = raced(plan, scores, keep, slots=1)
    executor = Lottery(slots, outcomes_of(plan, scores).__getitem__, lots)
    ended = run(plan, executor, strategy=Race(keep), cost=lambda model_id: 0.01 * slots)
    assert sorted(executor.submitted) == sorted(alone.workers.submitted)
    # As text, because NaN does not equal itself.
    assert repr(ended.board) == repr(alone.board)


@QUICK
@given(comparisons(), st.integers(1, 3), st.data())
def test_a_run_that_goes_on_ends_as_if_nobody_had_interrupted_it(comparison, keep, data):
    plan, scores = comparison
    whole = raced(plan, scores, keep)
    n_done = data.draw(st.integers(0, len(whole.recorded)))
    resumed = raced(plan, scores, keep, slots=3, done=whole.recorded[:n_done])
    assert len(resumed.recorded) == len(whole.recorded) - n_done
    assert repr(resumed.board) == repr(whole.board)


@QUICK
@given(comparisons(), st.integers(1, 4))
def test_every_model_is_complete_or_failed_or_stopped_and_is_heard_of_once(comparison, keep):
    plan, scores = comparison
    ended = raced(plan, scores, keep)
    complete = [row for row in ended.board.rows if row.status == COMPLETE]
    closed = [model_id for event in ended.notes.all(BatchDone) for model_id in event.batch.model_ids]
    assert set(closed) == {model.id for model in plan.models}
    assert len(closed) == len(set(closed)) or any(event.revived for event in ended.notes.all(RungDone))
    for row in ended.board.rows:
        mine = [outcome for outcome in ended.board.outcomes if outcome.model_id == row.model_id]
        assert len(mine) in rungs(plan.n_folds)
        assert all(outcome.status is not Status.CANCELLED for outcome in mine)
        if row.status == STOPPED:
            assert complete
            assert row.error_type is None
            assert row.seconds_saved == pytest.approx(plan.n_folds - len(mine))
    ranks = [(COMPLETE, PARTIAL, STOPPED, FAILED).index(row.status) for row in ended.board.rows]
    assert ranks == sorted(ranks)


def test_rungs_end_after_two_half_and_all_folds():
    plan = plan_of(3, 10)
    ended = raced(plan, [[0.9, 0.8], [0.9, 0.8, 0.8, 0.1, 0.1], [0.2]])
    assert [(event.n_folds, event.stopped) for event in ended.notes.all(RungDone)] == [(2, ("m2",)), (5, ("m1",))]
    assert [(row.model_id, row.status, row.n_folds_ok) for row in ended.board.rows] == [
        ("m0", "ok", 10), ("m1", "stopped", 5), ("m2", "stopped", 2),
    ]  # fmt: skip
    assert ended.board.seconds_saved == pytest.approx(5 + 8)
    assert ended.board.failures == ()


def test_a_model_goes_on_while_its_mean_comes_to_the_worst_fold_of_the_leader():
    plan = plan_of(3, 4)
    # The leader's folds are 0.9 and 0.7.
    ended = raced(plan, [[0.9, 0.7], [0.75, 0.65], [0.70, 0.69]])
    assert {row.model_id: row.status for row in ended.board.rows} == {"m0": "ok", "m1": "ok", "m2": "stopped"}


def test_a_leader_whose_folds_are_close_by_luck_stops_nobody_who_is_near():
    # Folds are usually 0.2 apart, the leader's are equal: m1 goes on although it is below the leader's worst fold.
    ended = raced(plan_of(4, 4), [[0.8, 0.8], [0.85, 0.65], [0.7, 0.5], [0.5, 0.3]])
    assert {row.model_id: row.status for row in ended.board.rows} == {
        "m0": "ok", "m1": "ok", "m2": "stopped", "m3": "stopped",
    }  # fmt: skip


def test_low_is_good_where_the_metric_says_so():
    ended = raced(plan_of(3, 4, "rmse"), [[1.0, 3.0], [2.9, 3.1], [3.0, 3.2]])
    assert {row.model_id: row.status for row in ended.board.rows} == {"m0": "ok", "m1": "ok", "m2": "stopped"}


def test_as_many_families_as_asked_for_run_on_all_folds():
    plan = plan_of(5, 10)
    scores = [[0.9], [0.8], [0.7], [0.6], [0.5]]
    assert [row.status for row in raced(plan, scores, keep=3).board.rows] == ["ok"] * 3 + ["stopped"] * 2
    families = {"m0": "rf", "m1": "rf", "m2": "rf", "m3": "et"}
    ended = raced(plan, scores, keep=3, families=families)
    assert {row.model_id for row in ended.board.rows if row.complete} == {"m0", "m3", "m4"}


def test_a_model_that_lost_a_fold_goes_no_further_unless_all_have_lost_one():
    ended = raced(plan_of(3, 6), [[0.9, None], [0.8], [None]])
    assert {row.model_id: (row.status, row.n_folds_ok) for row in ended.board.rows} == {
        "m0": ("partial", 1), "m1": ("ok", 6), "m2": ("failed", 0),
    }  # fmt: skip
    ended = raced(plan_of(2, 4), [[None, 0.9, 0.9, 0.9], [0.8, None, 0.8, 0.8]])
    assert [(row.model_id, row.status, row.n_folds_ok) for row in ended.board.rows] == [
        ("m0", "partial", 3), ("m1", "partial", 3),
    ]  # fmt: skip


def test_those_that_were_stopped_go_on_where_the_leader_loses_a_fold():
    ended = raced(plan_of(3, 6), [[0.9, 0.9, 0.9, 0.9, 0.9, None], [0.8], [0.1]])
    assert [(event.stopped, event.revived) for event in ended.notes.all(RungDone)] == [
        (("m1", "m2"), ()), ((), ()), ((), ("m1", "m2")),
    ]  # fmt: skip
    assert [(row.model_id, row.status) for row in ended.board.rows] == [("m1", "ok"), ("m2", "ok"), ("m0", "partial")]
    assert {event.batch.id for event in ended.notes.all(BatchDone)} == {1, 2, 3}


def test_two_folds_leave_nothing_to_race_for():
    ended = raced(plan_of(3, 2), [[0.9], [0.5], [0.1]])
    assert [row.status for row in ended.board.rows] == ["ok"] * 3
    assert ended.notes.all(RungDone) == []


def test_the_folds_that_a_race_spares_are_reported_before_the_batch_is():
    ended = raced(plan_of(4, 6, batch_size=2), [[0.9], [0.1], [0.9], [0.1]])
    kinds = [type(event) for event in ended.notes.heard if isinstance(event, (TrialDone, RungDone, BatchDone))]
    assert kinds[:9] == [TrialDone] * 8 + [RungDone]
    assert [event.batch.id for event in ended.notes.all(BatchDone)] == [1, 2]
    (first, _) = ended.notes.all(BatchDone)
    assert [(row.model_id, row.status) for row in first.rows] == [("m0", "ok"), ("m1", "stopped")]


def test_a_deadline_in_the_middle_of_a_race_leaves_the_stopped_ones_below():
    plan = plan_of(3, 6)
    answers = outcomes_of(plan, [[0.7], [0.9, 0.1], [0.8]])

    def record(outcome):
        if outcome.fold >= 3:
            raise KeyboardInterrupt

    executor = Lottery(1, answers.__getitem__)
    executor.cancel = lambda: None
    scheduler = Scheduler(
        plan, executor, Announcer([]), lambda _: 9.0, store=MemoryStore(record=record), strategy=Race()
    )
    with pytest.raises(KeyboardInterrupt):
        scheduler.run()
    assert [(row.model_id, row.status, row.n_folds_ok) for row in scheduler.so_far().rows] == [
        ("m2", "partial", 3), ("m0", "stopped", 2), ("m1", "stopped", 2),
    ]  # fmt: skip


def test_the_time_for_all_trials_ends_a_race_too():
    plan = plan_of(2, 6)
    executor = Lottery(1, outcomes_of(plan, [[0.7], [0.6]]).__getitem__)
    executor.cancel = lambda: None
    ended = run(plan, executor, strategy=Race(), limits=TrialLimits(seconds=0.0))
    assert {outcome.trial for outcome in ended.board.outcomes} == set(plan.trials)
    assert Status.CANCELLED in {outcome.status for outcome in ended.board.outcomes}


def test_trials_that_are_lost_for_good_do_not_end_a_race_early(workers):
    plan = plan_of(4, 6)
    script = {trial: (lambda trial, attempt: outcomes_of(plan, [[0.9]] * 4)[trial]) for trial in plan.trials}
    script |= {Trial("m3", fold): lost for fold in range(6)}
    ended = run(plan, workers(slots=1, script=script), strategy=Race(), cost=lambda _: 9.0)
    assert [(row.model_id, row.status) for row in ended.board.rows] == [
        ("m0", "ok"), ("m1", "ok"), ("m2", "ok"), ("m3", "failed"),
    ]  # fmt: skip


def test_what_is_known_beforehand_is_not_run():
    plan = plan_of(3, 6)
    scores = [[0.9], [None], [0.8]]
    broken = [outcome for outcome in outcomes_of(plan, scores).values() if outcome.model_id == "m1"]
    for strategy in (Grid(), Race(3)):
        executor = Lottery(2, outcomes_of(plan, scores).__getitem__)
        ended = run(plan, executor, strategy=strategy, known=broken)
        assert {trial.model_id for trial in executor.submitted} == {"m0", "m2"}
        assert ended.board.rows[-1].status == FAILED


def test_the_grid_runs_every_trial():
    plan = plan_of(3, 4)
    scores = [[0.9], [0.1], [0.5]]
    executor = Lottery(2, outcomes_of(plan, scores).__getitem__)
    assert repr(run(plan, executor).board) == repr(rank(plan, outcomes_of(plan, scores).values()))
    assert sorted(executor.submitted) == sorted(plan.trials)


def test_a_longer_row_of_folds_has_three_rungs_at_most():
    for n_folds in range(1, 40):
        ends = rungs(n_folds)
        assert ends[-1] == n_folds
        assert all(one < other for one, other in pairwise(ends))
        assert len(ends) <= 3


def raced_in(monkeypatch, seconds, limit, scores, keep=1):
    """Race models that take so many seconds a fold, on a clock of the executor's."""
    plan = plan_of(len(scores), 10)
    executor = Timed(2, {model.id: each for model, each in zip(plan.models, seconds, strict=True)},
                     outcomes_of(plan, scores).__getitem__)  # fmt: skip
    monkeypatch.setattr(scheduler, "time", executor)
    return run(plan, executor, cost=executor.seconds_of, limits=TrialLimits(seconds=limit), strategy=Race(keep))


def test_models_without_time_for_the_first_folds_leave_it_to_those_that_are_in_time(monkeypatch):
    ended = raced_in(monkeypatch, [50.0, 1.0, 1.0, 1.0], 30.0, [[0.95], [0.9, 0.91], [0.8], [0.89, 0.93]])
    status = {row.model_id: (row.status, row.n_folds_ok) for row in ended.board.rows}
    assert status == {"m1": (COMPLETE, 10), "m3": (COMPLETE, 10), "m2": (STOPPED, 2), "m0": (FAILED, 0)}
    first, _, last = ended.notes.all(RungDone)
    assert (first.n_folds, first.dropped, last.n_folds, last.revived) == (2, ("m0",), 10, ("m0",))


def test_models_that_had_no_time_race_for_what_is_left_of_it(monkeypatch):
    scores = [[0.5 + n / 100] for n in range(6)] + [[0.9], [0.8]]
    ended = raced_in(monkeypatch, [1.0] * 8, 19.5, scores)
    dropped = ended.notes.all(RungDone)[0].dropped
    assert set(dropped) >= {"m6", "m7"}
    assert (ended.board.rows[0].model_id, ended.board.rows[0].complete) == ("m6", True)
    assert {row.model_id: row.n_folds_ok for row in ended.board.rows}["m7"] == 2
    assert ended.workers.now < 19.5


def test_a_rung_of_two_models_is_waited_for(monkeypatch):
    ended = raced_in(monkeypatch, [10.0, 0.1, 0.1], 90.0, [[0.95], [0.9], [0.8]])
    assert not any(rung.dropped for rung in ended.notes.all(RungDone))
    assert ended.board.rows[0].model_id == "m0"


def test_without_limit_nobody_is_dropped(monkeypatch):
    ended = raced_in(monkeypatch, [50.0, 1.0, 1.0, 1.0], None, [[0.95], [0.9], [0.8], [0.7]])
    assert ended.board.rows[0].model_id == "m0"
    assert not any(rung.dropped for rung in ended.notes.all(RungDone))


def test_where_there_is_no_time_for_all_that_may_win_the_best_has_it(monkeypatch):
    ended = raced_in(monkeypatch, [3.0, 1.0, 1.0], 22.0, [[0.95, 0.7], [0.9, 0.7], [0.8, 0.75]])
    assert [row.model_id for row in ended.board.rows if row.complete] == ["m0"]
