"""A whole session as a person sees it: on windows of several widths, and in a file; the run is a made-up one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bakeoff.cli.formatting import outcome_lines, print_leaderboard, print_lines
from bakeoff.comparison.events import BatchDone, PlanMade, RunDone, TaskStarted, TrialDone
from bakeoff.job.result import RunResult
from bakeoff.progress.stderr_listener import Progress
from bakeoff.report.facts import Facts
from bakeoff.report.sentences import answer, clock
from bakeoff.storage.location import ResultsLocation
from bakeoff.tracking.logged_model import BestModel
from support.facts_factory import facts
from support.terminal import seen, terminal

NOTE = "The task is classification, because the target has two values (see --task for the other kinds)."
PROBLEM = "The report could not be logged to MLflow: ConnectionError: nobody is listening on the other side"
BAR = re.compile(r"\d/\d+ folds \| \d:\d\d:")
LONG = Path("/a/folder/that/has/a/name") / ("so-long-" * 10)


@pytest.fixture(scope="module")
def known() -> Facts:
    return facts("classification", 12, n_failed=3)


def play(known: Facts) -> None:
    """What a run says and draws, from its first sentence to what to type next."""
    console = Console(stderr=True, highlight=False)
    print_lines(console, [NOTE])
    progress = Progress()
    progress.handle(PlanMade(known.plan, 2, ()))
    for row, batch in zip(known.board.rows, known.plan.batches, strict=True):
        mine = tuple(each for each in known.board.outcomes if each.model_id in batch.model_ids)
        progress.handle(TaskStarted(tuple(each.trial for each in mine)))
        for outcome in mine:
            progress.handle(TrialDone(outcome))
        progress.handle(BatchDone(batch, (row,), mine, 1.0))
    progress.handle(RunDone(known.board))
    assert progress.close() == []
    print_leaderboard(Console(highlight=False), known.plan, known.board)
    run = replace(known.run, run_id="r", mlflow_experiment_id="1", mlflow_run_id="0" * 32)
    result = RunResult(
        replace(known, run=run), models=[], tables=ResultsLocation(path=LONG),
        logged=BestModel("runs:/abc/model", "file:/abc"), problems=(PROBLEM,), report=LONG / "report.html",
    )  # fmt: skip
    print_lines(Console(highlight=False), outcome_lines(result, Path(".bakeoff")))


def holds(lines: Sequence[str], sentence: str) -> bool:
    """Whether a sentence stands on the screen with all its words whole, on as many lines as it takes."""
    said = "\n".join(lines)
    return re.search(r"\s+".join(map(re.escape, sentence.split())), said) is not None


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_no_line_is_broken_whatever_the_width(monkeypatch: pytest.MonkeyPatch, known: Facts, columns: int) -> None:
    with terminal(monkeypatch, columns, ("stdout", "stderr")) as written:
        play(known)
    drawn: list[int] = []

    def look(lines: list[str]) -> None:
        bars = [line for line in lines if BAR.search(line)]
        assert len(bars) <= 1  # one that is too wide would leave a piece of itself behind
        drawn.append(len(bars))

    lines = seen(written[0], columns, look)
    assert any(drawn)
    assert not [line for line in lines if BAR.search(line)]
    for sentence in (NOTE, answer(known), clock(known.summary), PROBLEM, "failed on fold 0: ValueError: <script>"):
        assert holds(lines, sentence)
    table = [line for line in lines if re.match(r" +(#|\d+) ", line)]
    assert [line.split()[0] for line in table] == ["#", *(str(n + 1) for n in range(12))]
    assert len({line.find("±") for line in table[1:] if "±" in line}) == 1  # numbers stand below each other
    # What is to be copied is not cut by blanks.
    assert f"{LONG}/report.html" in "".join(lines)
    assert "  bakeoff ui" in lines


def test_a_file_gets_no_control_characters_and_whole_lines(capsys: pytest.CaptureFixture[str], known: Facts) -> None:
    play(known)
    out, err = capsys.readouterr()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", out + err)
    assert NOTE in err.splitlines()
    assert answer(known) in out.splitlines()
    assert f"Warning: {PROBLEM}" in out.splitlines()
