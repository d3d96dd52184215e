"""What the last run of the same table tells about the costs of the next one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Metric, Model, Outcome, Status
from bakeoff.storage.history import start_looking
from bakeoff.storage.result_tables import ComparedTable
from bakeoff.storage.rows import RunRecord

PLAN = Plan((Model("lr", "Logistic"), Model("rf", "Forest"), Model("nb", "Bayes")), 2, (Metric("auc", "AUC"),), "auc")
FIRST = [Outcome("lr", fold, fit_seconds=40.0, finished_at=1.7e9) for fold in (0, 1)]
LAST = [
    Outcome("lr", 0, fit_seconds=1.0, score_seconds=0.5, finished_at=1.8e9),
    Outcome("lr", 1, fit_seconds=2.0, score_seconds=0.5, finished_at=1.8e9),
    Outcome("rf", 0, fit_seconds=9.0, finished_at=1.8e9),
    Outcome("rf", 1, status=Status.TIMEOUT, fit_seconds=600.0, finished_at=1.8e9),
    Outcome("nb", 0, status=Status.FAILED, fit_seconds=0.1, finished_at=1.8e9),
]
RUN = RunRecord(
    "first", "finished", source="t.csv", target="y", task_type="classification", n_rows=100, finished_at=1.7e9
)


@pytest.fixture(scope="module")
def tables(open_tables, tmp_path_factory):
    made = open_tables(tmp_path_factory.mktemp("history"))
    assert made.trial_seconds(ComparedTable("t.csv", "y", "classification", 100)) == {}
    made.create()
    for run_id, outcomes, when in (("first", FIRST, 1.7e9), ("last", LAST, 1.8e9), ("broken", FIRST, 1.9e9)):
        made.append_trials(run_id, PLAN, run_id, outcomes)
        status = "failed" if run_id == "broken" else "finished"
        made.upsert_run(replace(RUN, run_id=run_id, status=status, finished_at=when))
    return made


def test_the_good_trials_of_the_last_finished_run_count(tables):
    assert tables.trial_seconds(ComparedTable("t.csv", "y", "classification", 100)) == {"lr": 2.0, "rf": 9.0}


def test_a_table_that_has_grown_costs_more(tables):
    assert tables.trial_seconds(ComparedTable("t.csv", "y", "classification", 300)) == {"lr": 6.0, "rf": 27.0}


@pytest.mark.parametrize(
    "asked", [("u.csv", "y", "classification"), ("t.csv", "z", "classification"), ("t.csv", "y", "regression")]
)
def test_another_question_tells_nothing(tables, asked):
    assert tables.trial_seconds(ComparedTable(*asked, 100)) == {}


def test_looking_goes_on_beside_other_things(tables):
    known = start_looking(tables, ComparedTable("t.csv", "y", "classification", 100))
    assert known.result(60) == {"lr": 2.0, "rf": 9.0}


def test_tables_that_cannot_be_read_tell_nothing(open_tables, tmp_path):
    for table in ("runs", "trials"):
        (tmp_path / table / "_delta_log").mkdir(parents=True)
    tables = open_tables(tmp_path)
    known = start_looking(tables, ComparedTable("t.csv", "y", "classification", 100))
    assert known.result(60) == {}
