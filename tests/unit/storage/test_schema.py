"""The tables as data: what they promise before any Spark is near."""

from __future__ import annotations

import math
import re
from dataclasses import fields
from pathlib import Path

import pytest

from bakeoff.comparison.leaderboard import rank
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Metric, Model, Outcome, Status
from bakeoff.errors import UserError
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.rows import RunRecord, leaderboard_row, outcome_of, run_row, to_micros, trial_row
from bakeoff.storage.schema import LEADERBOARD, PREDICTIONS, RUNS, TABLES, TRIALS, VIEWS

PLAN = Plan((Model("lr", "Logistic"),), n_folds=2, metrics=(Metric("auc", "AUC"),), sort_by="auc")


@pytest.mark.parametrize("table", [*TABLES.values(), PREDICTIONS], ids=[*TABLES, "predictions"])
def test_keys_are_columns_that_cannot_be_null(table):
    required = {column.name for column in table.columns if not column.nullable}
    assert set(table.key) <= required
    assert table.key[0] == table.columns[0].name == "run_id"


@pytest.mark.parametrize("table", [*TABLES.values(), PREDICTIONS], ids=[*TABLES, "predictions"])
def test_names_are_snake_case_and_comments_fit_into_literals(table):
    names = [column.name for column in table.columns]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z][a-z0-9_]*", name) for name in names)
    comments = [table.comment, *(column.comment for column in table.columns)]
    assert not [comment for comment in comments if set(comment) & set("'\\\n")]


@pytest.mark.parametrize("table", [*TABLES.values(), PREDICTIONS], ids=[*TABLES, "predictions"])
def test_a_checked_column_is_never_null_by_design(table):
    # Delta takes NULL for a violation, so a check on a column that may be left empty would refuse good rows.
    always_written = {"attempt", "fit_seconds", "score_seconds", "n_folds_ok"}
    required = {column.name for column in table.columns if not column.nullable} | always_written
    checked = " ".join(condition for _, condition in table.checks)
    assert {column.name for column in table.columns if re.search(rf"\b{column.name}\b", checked)} <= required


def test_every_status_of_a_trial_is_allowed():
    (condition,) = [condition for name, condition in TRIALS.checks if name == "known_status"]
    assert all(f"'{status.value}'" in condition for status in Status)


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_views_read_from_the_tables_they_are_given(view):
    query = view.select(lambda table: f"<{table}>")
    named = set(re.findall("<([a-z]+)>", query))
    assert named
    assert named <= set(TABLES)
    assert not re.search(r"(FROM|JOIN) (runs|trials|leaderboard)\b", query)
    assert "QUALIFY" not in query.upper()
    assert "{" not in query


def test_rows_have_the_columns_of_their_tables():
    outcome = Outcome("lr", 0, metrics={"auc": 0.5})
    (row,) = rank(PLAN, [outcome]).rows
    assert [item.name for item in fields(RunRecord)] != []
    assert set(run_row(RunRecord("r", "running"))) == {column.name for column in RUNS.columns}
    assert set(trial_row("r", PLAN, outcome)) == {column.name for column in TRIALS.columns}
    assert set(leaderboard_row("r", row, "auc", None)) == {column.name for column in LEADERBOARD.columns}


def test_what_is_not_finite_becomes_null():
    outcome = Outcome("lr", 0, metrics={"auc": math.nan, "r2": -math.inf, "f1": 0.5}, fit_seconds=math.nan)
    row = trial_row("r", PLAN, outcome)
    assert row["metrics"] == {"auc": None, "r2": None, "f1": 0.5}
    assert row["fit_seconds"] == 0.0
    (ranked,) = rank(PLAN, [outcome]).rows
    board = leaderboard_row("r", ranked, "auc", None)
    assert (board["primary_value"], board["metrics"]["auc"], board["metrics_std"]["auc"]) == (None, None, None)
    run = run_row(RunRecord("r", "running", best_value=math.nan, wall_seconds=math.inf))
    assert (run["best_value"], run["wall_seconds"]) == (None, None)


def test_text_that_no_encoding_knows_is_made_writable():
    row = trial_row("r", PLAN, Outcome("lr", 0, error_message="f\udc80.csv", metric_errors={"auc": "\udc80"}))
    assert row["error_message"] == "f?.csv"
    assert row["metric_errors"] == {"auc": "?"}


def test_an_outcome_survives_its_row():
    outcome = Outcome("lr", 1, metrics={"auc": 0.1 + 0.2}, fit_seconds=0.25, host="h", finished_at=1700000000.123456)
    row = trial_row("r", PLAN, outcome)
    assert outcome_of({**row, "finished_at_micros": to_micros(row["finished_at"])}) == outcome


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (ResultsLocation(catalog="main", schema="ml"), "`main`.`ml`.`runs`"),
        (ResultsLocation(schema="my ml"), "`my ml`.`runs`"),
        (ResultsLocation(catalog="a`b", schema="c.d"), "`a``b`.`c.d`.`runs`"),
        (ResultsLocation(path=Path("/x y/a`b's")), "delta.`/x y/a``b's/runs`"),
    ],
)
def test_names_are_quoted(target, name):
    assert target.name("runs") == name
    assert target.in_metastore == (target.path is None)


@pytest.mark.parametrize(
    "place", [{}, {"catalog": "main"}, {"schema": "a", "path": Path("/b")}, {"catalog": "a", "path": Path("/b")}]
)
def test_a_target_is_one_place(place):
    with pytest.raises(UserError, match="either a schema"):
        ResultsLocation(**place)
