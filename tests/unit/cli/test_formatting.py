"""Tables are readable at every width, and plain where nobody looks at a terminal."""

from __future__ import annotations

import io
import math
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from rich.cells import cell_len
from rich.console import Console

from bakeoff.cli.formatting import outcome_lines, print_frame, print_leaderboard
from bakeoff.comparison.leaderboard import rank
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.significance import judge, mark_ties
from bakeoff.comparison.summary import Summary
from bakeoff.comparison.trial import TT, Metric, Model, Outcome, Status
from bakeoff.report.facts import Facts
from bakeoff.report.sentences import answer
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.rows import RunRecord

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
NAMES = ("Accuracy", "AUC", "Recall", "Prec.", "F1", "Kappa", "MCC")
METRICS = tuple(Metric(name.lower().strip("."), name) for name in NAMES)
MODELS = (
    Model("lr", "Logistic Regression"),
    Model("custom", "A Classifier of One's Own That Has a Name Which Goes On and On"),
    Model("rf", "Random Forest Classifier"),
    Model("lightgbm", "Light Gradient Boosting Machine"),
)
PLAN = Plan(MODELS, 2, METRICS, "auc")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    """Consoles are what the tests say they are, whatever the tests run in."""
    monkeypatch.setenv("TERM", "xterm")
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def scored(model_id, fold, value):
    return Outcome(model_id, fold, metrics={metric.key: value for metric in METRICS}, fit_seconds=1.25)


def lost(model_id, fold, error_type):
    return Outcome(model_id, fold, status=Status.FAILED, error_type=error_type, error_message="why")


BOARD = rank(
    PLAN,
    [
        *(scored("lr", fold, value) for fold, value in enumerate((0.9, 0.8))),
        *(scored("custom", fold, value) for fold, value in enumerate((0.95, 0.97))),
        scored("rf", 0, 0.99),
        lost("rf", 1, "ArpackNoConvergence"),
        *(lost("lightgbm", fold, "LightGBMError") for fold in (0, 1)),
    ],
)


def terminal(width):
    return Console(file=io.StringIO(), force_terminal=True, width=width, legacy_windows=False)


def no_terminal():
    return Console(file=io.StringIO(), force_terminal=False, width=40)


def printed(console, show, *what):
    show(console, *what)
    return console.file.getvalue()


SHORT = Plan((Model("lr", "Logistic Regression"), Model("nb", "Naive Bayes")), 2, METRICS, "auc")
SHORT_BOARD = rank(SHORT, [scored(model.id, fold, 0.9) for model in SHORT.models for fold in (0, 1)])


def test_a_model_without_the_metric_that_ranks_has_a_dash_and_a_reason():
    outcomes = [
        scored(model.id, fold, math.nan if model.id == "nb" else 0.9) for model in SHORT.models for fold in (0, 1)
    ]
    shown = printed(no_terminal(), print_leaderboard, SHORT, rank(SHORT, outcomes)).splitlines()
    (line,) = [line for line in shown if "Naive Bayes" in line]
    assert line.split()[:5] == ["2", "Naive", "Bayes", "nb", "-"]
    assert line.rstrip().endswith("has no AUC")


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_leaderboard_fits_into_the_terminal(width):
    lines = ESCAPES.sub("", printed(terminal(width), print_leaderboard, PLAN, BOARD)).splitlines()
    assert max(cell_len(line) for line in lines) <= width
    rows = lines[-5:-1]
    for row, name in zip(rows, ("A Classifier", "Logistic", "Random", "Light"), strict=True):
        assert name in row


@pytest.mark.parametrize("width", [60, 80, 200])
def test_rank_name_id_and_value_are_whole_at_every_width(width):
    text = ESCAPES.sub("", printed(terminal(width), print_leaderboard, SHORT, SHORT_BOARD))
    assert re.search(r"(?m)^ 1 +Logistic Regression +lr +0\.9000 ± 0\.0000 ", text)
    assert re.search(r"(?m)^ 2 +Naive Bayes +nb +0\.9000 ± 0\.0000 ", text)


def test_a_wide_terminal_shows_more_metrics_than_a_narrow_one():
    shown = []
    for width in (60, 80, 200):
        header = ESCAPES.sub("", printed(terminal(width), print_leaderboard, SHORT, SHORT_BOARD)).splitlines()[1]
        shown.append([name for name in (*NAMES, "TT (Sec)") if f" {name} " in header])
    assert "AUC" in shown[0]
    assert len(shown[0]) < len(shown[1]) < len(shown[2])
    assert shown[2] == [*NAMES, "TT (Sec)"]


def test_models_with_lost_folds_say_so():
    text = printed(no_terminal(), print_leaderboard, PLAN, BOARD)
    rows = {model.id: next(line for line in text.splitlines() if f" {model.id} " in line) for model in MODELS}
    assert "1 of 2 folds: ArpackNoConvergence" in rows["rf"]
    assert "failed: LightGBMError" in rows["lightgbm"]
    assert rows["lr"].rstrip().endswith("1.2500")


def test_without_a_terminal_everything_is_printed_and_nothing_but_text():
    text = printed(no_terminal(), print_leaderboard, PLAN, BOARD)
    assert all(character.isprintable() or character == "\n" for character in text)
    assert all(name in text for name in (*NAMES, "TT (Sec)"))
    assert all(model.name in text for model in MODELS)


def test_the_metric_that_ranks_stands_first():
    for sort_by, name in (("auc", "AUC"), ("mcc", "MCC"), (TT, "TT (Sec)")):
        plan = Plan(MODELS, 2, METRICS, sort_by)
        header = printed(no_terminal(), print_leaderboard, plan, rank(plan, BOARD.outcomes)).splitlines()[1]
        assert re.search(rf"id\s+{re.escape(name)} ± std", header)
        assert header.count(name) == 1


def test_models_that_cannot_be_told_apart_from_the_best_say_so():
    text = printed(no_terminal(), print_leaderboard, SHORT, mark_ties(SHORT_BOARD, judge(SHORT, SHORT_BOARD)))
    first, second = (line for line in text.splitlines() if "0.9000" in line)
    assert "tied" not in first
    assert second.rstrip().endswith("tied")


CLOCK = Summary(slots=4, wall_seconds=20.0, ideal_seconds=15.0)
FACTS = Facts(RunRecord("r", "finished", target="y", source="a.csv"), PLAN, BOARD, judge(PLAN, BOARD), CLOCK)


def result(**changes):
    """A run that ended well, with what the lines are made of."""
    fields = {
        "facts": FACTS,
        "report": None,
        "run_id": "20260131-120000-a1b2c3",
        "plan": PLAN,
        "leaderboard": BOARD,
        "summary": CLOCK,
        "tables": ResultsLocation(path=Path("/data/tables")),
        "experiment_id": "7",
        "mlflow_run_id": "abc",
        "mlflow_url": None,
        "model_uri": None,
        "registered": None,
        "promotion": None,
        "problems": (),
    }
    return SimpleNamespace(**{**fields, **changes})


def test_a_result_names_the_winner_the_clock_and_what_to_type_next():
    lines = outcome_lines(result(), Path(".bakeoff"))
    assert lines[0] == answer(FACTS)
    assert lines[0].startswith(f"{MODELS[1].name} (custom) has the best AUC: 0.9600 ± 0.0100.")
    assert "Took 20.0 s on 4 slots" in lines[1]
    assert "15.0 s" in lines[1]
    assert "efficiency 75%" in lines[1]
    assert "Tables  delta.`/data/tables/runs`" in lines
    assert "MLflow  run abc in experiment 7" in lines
    assert lines[-4:] == [
        "Next:",
        "  bakeoff report 20260131-120000-a1b2c3 --open",
        '  bakeoff sql "SELECT * FROM best_models"',
        "  bakeoff ui",
    ]


def test_a_run_that_had_no_time_for_some_folds_says_what_runs_them():
    late = Outcome("lr", 0, status=Status.CANCELLED)
    board = replace(BOARD, outcomes=(*BOARD.outcomes, late, replace(late, fold=1)))
    lines = outcome_lines(result(leaderboard=board), Path(".bakeoff"))
    assert lines[lines.index("Next:") + 1] == (
        "  bakeoff resume 20260131-120000-a1b2c3  # what there was no time for: 2 folds"
    )


def test_a_home_or_schema_of_ones_own_is_part_of_what_to_type():
    assert outcome_lines(result(), Path("/data"))[-3:] == [
        "  bakeoff report 20260131-120000-a1b2c3 --open --home /data",
        '  bakeoff sql "SELECT * FROM best_models" --home /data',
        "  bakeoff ui --home /data",
    ]
    lines = outcome_lines(result(tables=ResultsLocation(schema="ml")), Path(".bakeoff"))
    assert lines[-2].endswith(" --schema ml")
    assert "Tables  `ml`.`runs`" in lines


def test_a_model_a_link_and_warnings_are_named_where_there_are_any():
    full = result(
        mlflow_url="https://x/1",
        model_uri="runs:/abc/model",
        registered=("main.ml.best", 3),
        problems=("a",),
        promotion="the first champion",
        report=Path("/data/report.html"),
    )
    lines = outcome_lines(full, Path(".bakeoff"))
    assert "MLflow  run abc in experiment 7: https://x/1" in lines
    assert "Model   runs:/abc/model" in lines
    assert "        registered as main.ml.best, version 3: the first champion" in lines
    assert "Report  /data/report.html" in lines
    assert "Warning: a" in lines
    assert not any(
        line.startswith(("Model", "Report", "Warning")) for line in outcome_lines(result(), Path(".bakeoff"))
    )


FRAME = pd.DataFrame(
    {
        "model": ["Logistic Regression", None],
        "auc": [0.123456, math.nan],
        "n": [1, 22],
        "at": [pd.Timestamp("2026-01-31 12:00"), pd.NaT],
        "why": ["a long sentence that says why " * 4, ""],
    }
)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_frame_fits_into_the_terminal_and_loses_nothing(width):
    text = ESCAPES.sub("", printed(terminal(width), print_frame, FRAME))
    assert max(cell_len(line) for line in text.splitlines()) <= width
    # Cells are folded rather than cut: all letters of the long sentence are there. Names are there once, or by row.
    assert text.count("why") == (2 if width < 200 else 1) + 4
    assert "…" not in text
    assert "2026-01-31 12:00:00" in text  # and what is short is not folded


def test_without_a_terminal_each_row_of_a_frame_is_one_line():
    text = printed(no_terminal(), print_frame, FRAME)
    assert all(character.isprintable() or character == "\n" for character in text)
    header, rule, first, second = (line for line in text.splitlines() if line.strip())
    assert header.split() == list(FRAME.columns)
    assert not rule.strip("─ ")
    assert "0.1235" in first
    assert FRAME["why"][0].strip() in first
    assert second.split() == ["22"]  # NULL, NaN and NaT are left blank


def test_a_frame_without_rows_shows_its_columns():
    assert printed(no_terminal(), print_frame, FRAME.head(0)).split()[:5] == list(FRAME.columns)
