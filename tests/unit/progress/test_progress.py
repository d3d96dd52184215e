"""What a job shows while it runs, where nobody looks at a terminal; `tests/e2e/test_display.py` has the rest."""

from __future__ import annotations

import pytest

from bakeoff.comparison.events import BatchDone, PlanGrown, PlanMade, RunDone, RungDone, TaskStarted, TrialDone
from bakeoff.comparison.leaderboard import rank
from bakeoff.comparison.plan import Batch, Plan
from bakeoff.comparison.trial import Metric, Model, Outcome, Status
from bakeoff.progress import state as progress_state
from bakeoff.progress.state import ProgressState
from bakeoff.progress.stderr_listener import Progress

PLAN = Plan((Model("lr", "Logistic Regression"), Model("rf", "Random [red]Forest")), 4, (Metric("auc", "AUC"),), "auc")


def good(model_id, fold, value=0.5):
    return Outcome(model_id, fold, metrics={"auc": value}, fit_seconds=1.0)


def bad(model_id, fold):
    return Outcome(model_id, fold, status=Status.FAILED, error_type="ValueError", error_message="no \x1b[31mway")


def events(outcomes, done=()):
    yield PlanMade(PLAN, 2, tuple(done))
    for batch in PLAN.batches:
        mine = [outcome for outcome in outcomes if outcome.model_id in batch.model_ids]
        yield TaskStarted(tuple(outcome.trial for outcome in mine))
        yield from map(TrialDone, mine)
        yield BatchDone(batch, rank(PLAN, mine, batch.model_ids).rows, tuple(mine), 1.0)
    yield RunDone(rank(PLAN, outcomes))


ALL = [*(good("lr", fold, 0.9) for fold in range(4)), *(bad("rf", fold) for fold in range(4))]


def test_a_log_tells_batches_failures_and_the_best_without_control_characters(capsys):
    progress = Progress()
    for event in events(ALL):
        progress.handle(event)
    assert progress.close() == []
    assert progress.close() == []
    out, err = capsys.readouterr()
    assert out == ""
    assert all(character.isprintable() or character == "\n" for character in err)
    lines = err.splitlines()
    assert lines[0] == "Comparing 2 models on 4 folds, 2 at once."
    assert "1/2 models | AUC: Logistic Regression 0.9000 | best Logistic Regression, AUC 0.9000" in lines
    assert any(line.startswith("Random [red]Forest failed on fold 0: ValueError: no ") for line in lines)
    assert sum("failed on fold" in line for line in lines) == 1


def test_a_race_says_who_is_stopped_and_counts_the_folds_that_are_left(capsys):
    plan = PLAN
    state = ProgressState(plan)
    state.update(PlanMade(plan, 2))
    for model_id, value in (("lr", 0.9), ("rf", 0.1)):
        for fold in range(2):
            state.update(TrialDone(good(model_id, fold, value)))
    assert state.update(RungDone(2, ("rf",))) == "After 2 folds 1 model may still win, stopped Random [red]Forest."
    assert state.line().startswith("4/6 folds | ")
    assert (state.share, state.snapshot().done) == (0.75, 6)
    assert state.update(RungDone(3, ())) == "After 3 folds 1 model may still win, none is stopped."
    said = state.update(RungDone(4, (), ("rf",)))
    assert said == "After 4 folds no model has all of them, so Random [red]Forest may win after all."
    assert state.line().startswith("4/8 folds | ")


def test_a_tuning_says_what_it_tries_and_what_that_has_given(capsys):
    first = tuple(Model(f"lr-t{n}", "Logistic Regression (tuned)", "{}", tunes="lr") for n in (1, 2))
    then = (Model("lr-t3", "Logistic Regression (tuned)", "{}", tunes="lr"),)
    grown = PLAN.with_candidates(first)
    state = ProgressState(PLAN)
    state.update(PlanMade(PLAN, 2))
    for outcome in ALL:
        state.update(TrialDone(outcome))
    assert state.update(PlanGrown(grown, first)) == "Tuning Logistic Regression: 2 candidates."
    assert state.line().startswith("8/16 folds | ")
    for fold in range(4):
        assert state.update(TrialDone(good("lr-t1", fold, 0.95))) is None
    assert state.update(TrialDone(bad("lr-t2", 0))) is None  # some parameters go with no others
    assert state.update(RungDone(2, ("lr-t2",), of_candidates=True)) is None
    assert "best Logistic Regression (tuned), AUC 0.9500" in state.line()
    assert state.line().startswith("13/13 folds | ")
    said = state.update(PlanGrown(grown.with_candidates(then), then, (good("lr-t3", 0),)))
    assert said == "Tuning Logistic Regression: 1 candidate more after 2, best AUC 0.9500."
    assert state.line().startswith("14/17 folds | ")
    best = tuple(good("lr-t1", fold, 0.95) for fold in range(4))
    rows = rank(grown, best, ["lr-t1"]).rows
    assert (
        state.update(BatchDone(Batch(3, ("lr-t1",)), rows, best, 1.0))
        == "Tuned | AUC: Logistic Regression (tuned) 0.9500"
    )


def test_what_comes_before_the_plan_is_not_shown(capsys):
    progress = Progress()
    progress.handle(TrialDone(good("lr", 0)))
    assert progress.close() == []
    assert capsys.readouterr().err == ""


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves when it is told to."""
    hands = [100.0]
    monkeypatch.setattr(progress_state.time, "monotonic", lambda: hands[0])
    return hands


def test_the_time_left_is_guessed_from_the_folds_of_this_run(clock):
    run = ProgressState(PLAN)
    run.update(PlanMade(PLAN, 2, (good("rf", 0), good("rf", 1))))
    assert run.share == 0.25
    clock[0] += 40.0
    for fold in range(3):
        run.update(TrialDone(good("lr", fold)))
    assert "left" not in run.line()  # three folds say too little
    run.update(TrialDone(good("lr", 3)))
    assert "6/8 folds | 0:00:40, about 0:00:20 left" in run.line()  # 10 s a fold, two folds to go
    for fold in (2, 3):
        run.update(TrialDone(good("rf", fold)))
    assert "left" not in run.line()
    assert run.share == 1.0
