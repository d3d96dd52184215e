"""What each step of a run took, from the first second to the last."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from bakeoff._utils import own_process
from bakeoff.comparison.events import PlanMade, RunDone, StepBegan
from bakeoff.job.step_times import StepTimes
from bakeoff.progress.state import ProgressState
from bakeoff.report.blocks import Table
from bakeoff.report.diagnostics import Diagnostics, Step
from bakeoff.report.page import render
from bakeoff.report.run_sections import time_spent
from support.facts_factory import facts


def test_steps_are_in_the_order_in_which_they_began_also_if_they_fail_or_overlap() -> None:
    steps, heard = StepTimes(), []
    steps.announce = heard.append
    with steps("reading the table"):
        time.sleep(0.01)
    with pytest.raises(ValueError, match="odd"), steps("setting up PyCaret"):
        raise ValueError("odd")

    def long() -> None:
        with steps("drawing"):
            time.sleep(0.2)

    with ThreadPoolExecutor() as beside:
        drawing = beside.submit(long)
        with steps("writing"):
            time.sleep(0.02)
        drawing.result()
    names = [step.name for step in steps.steps]
    assert names[:2] == ["reading the table", "setting up PyCaret"]
    assert sorted(names[2:]) == ["drawing", "writing"]
    assert sorted(heard) == sorted(names)
    assert all(one.began <= two.began for one, two in zip(steps.steps, steps.steps[1:], strict=False))
    by_name = {step.name: step for step in steps.steps}
    assert by_name["reading the table"].seconds >= 0.01
    assert by_name["writing"].began < by_name["drawing"].began + by_name["drawing"].seconds


def test_a_process_of_our_own_counts_from_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    assert StepTimes().steps == ()
    monkeypatch.setattr("bakeoff.job.step_times.process_began", lambda: time.time() - 5)
    steps = StepTimes()
    with steps("reading the table"):
        pass
    start, read = steps.steps
    assert start.began == 0
    assert start.seconds == pytest.approx(5, abs=1)
    assert read.began == pytest.approx(5, abs=1)
    assert own_process.process_began() is None  # the tests' process is nobody's own


def test_steps_are_kept_with_the_run_and_shown_in_its_report() -> None:
    steps = (Step("importing PyCaret", 0.5, 2.25), Step("comparing the models", 4.0, 12.0))
    look = Diagnostics.from_json(Diagnostics(steps=steps).to_json())
    assert look.steps == steps
    known = facts()
    shown = replace(known, look=replace(known.look, steps=steps))
    [table] = [part for part in time_spent(shown).parts if isinstance(part, Table)]
    assert [list(row) for row in table.rows] == [
        ["importing PyCaret", "0.5 s", "2.2 s"],
        ["comparing the models", "4.0 s", "12.0 s"],
    ]
    assert "comparing the models" in render(shown)
    without = [part for part in time_spent(known).parts if isinstance(part, Table)]
    assert without == []  # runs of earlier versions have none


def test_the_display_says_what_is_done_after_the_comparison() -> None:
    known = facts()
    state = ProgressState(known.plan)
    state.update(PlanMade(known.plan, 2, tuple(known.board.outcomes)))
    state.update(RunDone(known.board))
    assert state.line().endswith("fitting the best on all rows")
    assert state.update(StepBegan("drawing the report")) is None
    assert state.line().endswith(" | drawing the report")
