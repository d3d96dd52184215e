"""A bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace

import pytest
from rich.cells import cell_len
from rich.console import Console

from bakeoff import progress
from bakeoff.comparison.events import BatchDone, PlanMade, RunDone, TaskStarted, TrialDone
from bakeoff.comparison.leaderboard import rank
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import TT, Metric, Model, Outcome, Status
from bakeoff.progress import ProgressView

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
AUC, RMSE = Metric("auc", "AUC"), Metric("rmse", "RMSE", greater_is_better=False)
MODELS = (
    Model("lr", "Logistic Regression"),
    Model("custom", "A Classifier of One's Own That Has a Name Which Goes On and On"),
    Model("rf", "Random Forest"),
)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    """Consoles are what the tests say they are, whatever the tests run in."""
    monkeypatch.setenv("TERM", "xterm")
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves when it is told to."""
    hands = SimpleNamespace(now=100.0)
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: hands.now))
    return hands


def plan_of(n_folds=2, sort_by="auc", batch_size=1):
    return Plan(MODELS, n_folds, (AUC, RMSE), sort_by, batch_size=batch_size)


def outcomes_of(model_id, *values):
    """``None`` is a fold that failed."""
    return [
        Outcome(model_id, fold, metrics={"auc": value, "rmse": value}, fit_seconds=value)
        if value is not None
        else Outcome(model_id, fold, status=Status.FAILED, error_type="ValueError", error_message="no " + "way " * 50)
        for fold, value in enumerate(values)
    ]


def batch_done(plan, outcomes):
    model_ids = {outcome.model_id for outcome in outcomes}
    (batch,) = [batch for batch in plan.batches if set(batch.model_ids) == model_ids]
    return BatchDone(batch, rank(plan, outcomes, model_ids).rows, tuple(outcomes), 1.0)


def play(console, plan, *batches, done=()):
    view = ProgressView(console)
    view.handle(PlanMade(plan, 2, tuple(done)))
    for outcomes in batches:
        view.handle(TaskStarted(tuple(outcome.trial for outcome in outcomes)))
        for outcome in outcomes:
            view.handle(TrialDone(outcome))
        view.handle(batch_done(plan, outcomes))
    everything = [*done, *(outcome for outcomes in batches for outcome in outcomes)]
    view.handle(RunDone(rank(plan, everything)))
    return console.file.getvalue()


def terminal(width):
    return Console(file=io.StringIO(), force_terminal=True, width=width, legacy_windows=False)


def no_terminal():
    return Console(file=io.StringIO(), force_terminal=False, width=80)


def shown_lines(text):
    return [line for line in re.split(r"[\r\n]", ESCAPES.sub("", text)) if line.strip()]


THREE = (outcomes_of("lr", 0.9, 0.8), outcomes_of("custom", None, None), outcomes_of("rf", 0.5, None))


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_bar_fits_into_the_terminal_and_goes_away(width):
    text = play(terminal(width), plan_of(), *THREE)
    assert shown_lines(text)
    assert max(cell_len(line) for line in shown_lines(text)) <= width
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1  # the cursor is there again
    assert text.endswith("\x1b[2K")  # the line of the bar is empty again


@pytest.mark.parametrize("width", [80, 200])
def test_the_bar_says_models_folds_failures_and_the_best(width):
    last = shown_lines(play(terminal(width), plan_of(), *THREE))[-1]
    assert "best lr 0.8500, 3 failed" in last
    assert "6/6 folds" in last


def test_what_was_finished_before_counts_as_done_on_the_bar():
    resumed = [*THREE[0], *THREE[1]]
    first = shown_lines(play(terminal(80), plan_of(), THREE[2], done=resumed))[0]
    assert "starting" in first
    assert "4/6 folds" in first


def test_closing_twice_or_before_the_start_is_fine():
    console = terminal(80)
    view = ProgressView(console)
    view.close()
    view.handle(PlanMade(plan_of(), 2))
    view.close()
    view.close()
    assert console.file.getvalue().count("\x1b[?25h") == 1


def test_without_a_terminal_there_is_a_line_for_each_model_and_no_control_character(clock):
    text = play(no_terminal(), plan_of(), *THREE)
    assert all(character.isprintable() or character == "\n" for character in text)
    said, *lines = text.splitlines()
    assert said == "Comparing 3 models on 2 folds, 2 at once."
    assert [line.split()[0] for line in lines] == ["1/3", "2/3", "3/3"]
    assert "Logistic Regression" in lines[0]
    assert "0.8500" in lines[0]
    assert "failed: ValueError: no way" in lines[1]
    assert "0.5000" in lines[2]
    assert max(map(len, lines)) < 160


def test_a_batch_of_several_models_comes_in_one_go_the_best_first():
    plan = plan_of(batch_size=3)
    lines = play(no_terminal(), plan, [outcome for outcomes in THREE for outcome in outcomes]).splitlines()[1:]
    assert [line.split()[0] for line in lines] == ["3/3"] * 3
    assert [name in line for name, line in zip(("Logistic", "Random", "A Class"), lines, strict=True)] == [True] * 3


def test_the_time_left_is_guessed_from_the_folds_of_this_run(clock):
    console, plan = no_terminal(), plan_of()
    view = ProgressView(console)
    view.handle(PlanMade(plan, 2, tuple(THREE[2])))
    clock.now += 30.0
    for outcome in THREE[0]:
        view.handle(TrialDone(outcome))
    view.handle(batch_done(plan, THREE[0]))
    assert console.file.getvalue().rstrip().endswith("about 30 s left")  # 15 s a fold, two folds to go
    for outcome in THREE[1]:
        view.handle(TrialDone(outcome))
    view.handle(batch_done(plan, THREE[1]))
    assert "left" not in console.file.getvalue().splitlines()[-1]


@pytest.mark.parametrize(("sort_by", "best"), [("auc", "lr 0.8500"), ("rmse", "rf 0.7000"), (TT, "rf 0.7000")])
def test_the_best_is_the_best_in_the_direction_of_the_metric(sort_by, best):
    batches = (outcomes_of("lr", 0.9, 0.8), outcomes_of("rf", 0.7, 0.7), outcomes_of("custom", 0.75, 0.75))
    last = shown_lines(play(terminal(120), plan_of(sort_by=sort_by), *batches))[-1]
    assert f"best {best}" in last


def test_a_complete_model_is_better_than_a_partial_one():
    batches = (outcomes_of("lr", 0.6, 0.6), outcomes_of("rf", 0.9, None), outcomes_of("custom", 0.5, 0.5))
    assert "best lr 0.6000" in shown_lines(play(terminal(120), plan_of(), *batches))[-1]
    batches = (outcomes_of("rf", 0.9, None), outcomes_of("lr", 0.6, 0.6), outcomes_of("custom", 0.5, 0.5))
    assert "best lr 0.6000" in shown_lines(play(terminal(120), plan_of(), *batches))[-1]


def test_a_model_that_failed_is_never_the_best():
    batches = (outcomes_of("custom", None, None), outcomes_of("lr", 0.1, 0.1))
    text = ESCAPES.sub("", play(terminal(120), plan_of(), *batches))
    assert "best custom" not in text
