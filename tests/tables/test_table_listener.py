"""The tables while a run goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bakeoff.comparison.events import PlanMade, TrialDone
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Metric, Model, Outcome
from bakeoff.storage import table_listener
from bakeoff.storage.journal import Journal
from bakeoff.storage.rows import RunRecord
from bakeoff.storage.table_listener import TableListener
from support.stored_runs import stored_rows

PLAN = Plan((Model("lr", "Logistic"),), 10, (Metric("auc", "AUC"),), "auc")


@pytest.fixture(scope="module")
def tables(open_tables: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = open_tables(tmp_path_factory.mktemp("live"))
    made.create()
    return made


@pytest.mark.parametrize("entered", [False, True])
def test_a_run_is_entered_when_it_starts(tables: Any, tmp_path: Path, *, entered: bool) -> None:
    run = RunRecord(f"entered-{entered}", "running")
    if entered:
        tables.enter_run(RunRecord(run.run_id, "killed"))
    live = TableListener(tables, run, Journal(tmp_path), entered=entered)
    live.handle(PlanMade(PLAN, 2))
    assert [row["status"] for row in stored_rows(tables, "runs", run.run_id)] == ["running"]


def test_commits_that_take_long_are_made_seldom(tables: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever waits is committed in the end."""
    monkeypatch.setattr(table_listener, "SECONDS_BETWEEN_COMMITS", 0.0)
    journal = Journal(tmp_path)
    live = TableListener(tables, RunRecord("seldom", "running"), journal)
    live.handle(PlanMade(PLAN, 2))
    commits = []
    append = tables.append_trials

    def slow(*asked: Any) -> None:
        commits.append(len(asked[-1]))
        append(*asked)
        time.sleep(0.1)  # so that the next one is due two seconds from now at the earliest

    monkeypatch.setattr(tables, "append_trials", slow)
    for fold in range(5):
        outcome = Outcome("lr", fold, metrics={"auc": 0.5}, finished_at=1.7e9)
        journal.append(outcome)
        live.handle(TrialDone(outcome))
    assert commits == [1]
    live.flush()
    assert commits == [1, 4]
    assert len(tables.trials("seldom")) == 5
