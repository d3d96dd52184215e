"""Who works on a run by its row in ``runs``, and that no key of ``trials`` is there twice for anybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Metric, Model, Outcome, Status
from bakeoff.errors import RunConflictError
from bakeoff.storage import claims
from bakeoff.storage.claims import claim_run
from bakeoff.storage.lease import Holder
from bakeoff.storage.rows import RunRecord
from support.stored_runs import n_commits, rows, stored_rows
from support.waiting import until

PLAN = Plan((Model("lr", "Logistic"), Model("nb", "Bayes")), 2, (Metric("auc", "AUC"),), "auc")
GOOD = Outcome("lr", 0, metrics={"auc": 0.5}, finished_at=1.7e9)
PATIENCE = 120.0


@pytest.fixture(scope="module")
def tables(open_tables: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = open_tables(tmp_path_factory.mktemp("claims"))
    made.create()
    return made


@pytest.fixture
def _quick_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "BEAT_SECONDS", 0.1)


def another(**changes: Any) -> Holder:
    return replace(Holder.me(), host="other", machine="another", **changes)


def silent(_: str) -> None:
    """Nobody hears it."""


@pytest.mark.usefixtures("_quick_beats")
def test_a_run_is_claimed_renewed_refused_to_others_and_noticed_when_it_is_taken_over(
    tables: Any,
) -> None:
    run, mine = RunRecord("claimed", "running"), Holder.me()
    claim = claim_run(tables, run, mine, silent)
    (row,) = stored_rows(tables, "runs", "claimed")
    assert Holder.from_json(row["holder"]) == mine
    before, beat = n_commits(tables, "runs"), tables.run("claimed").heartbeat_at
    until(lambda: tables.run("claimed").heartbeat_at > beat, PATIENCE)
    assert n_commits(tables, "runs") > before
    with pytest.raises(RunConflictError, match=f"process {mine.pid} on {mine.host} has it"):
        claim_run(tables, run, another(), silent)
    claim.check()
    thief = another()
    tables.replace_holder(replace(run, holder=thief.to_json()), row["holder"])

    def is_noticed() -> bool:
        try:
            claim.check()
        except RunConflictError as error:
            return "on other has it" in str(error)
        return False

    until(is_noticed, PATIENCE)
    claim.release()


def test_of_a_holder_that_is_gone_or_has_ended_a_run_is_taken_over(tables: Any) -> None:
    run = RunRecord("left", "running")
    gone = another(beat=1.7e9)
    tables.enter_run(replace(run, holder=gone.to_json(), heartbeat_at=gone.beat))
    claim_run(tables, run, Holder.me(), silent).release()
    tables.upsert_run(replace(run, status="killed"))
    again = Holder.me()
    claim_run(tables, run, again, silent).release()
    (row,) = stored_rows(tables, "runs", "left")
    assert (Holder.from_json(row["holder"]), row["status"]) == (again, "running")


def test_of_two_that_have_seen_the_same_holder_one_gets_the_run(tables: Any) -> None:
    run = RunRecord("raced", "interrupted")
    tables.enter_run(run)
    first, second = another(), another()
    for each in (first, second):
        tables.replace_holder(replace(run, holder=each.to_json()), None)
    (row,) = stored_rows(tables, "runs", "raced")
    assert Holder.from_json(row["holder"]) == first


def test_a_run_that_was_not_begun_after_all_is_given_back(tables: Any) -> None:
    claim_run(tables, RunRecord("new", "running"), Holder.me(), silent).give_back(forget=True)
    assert stored_rows(tables, "runs", "new") == []
    tables.enter_run(RunRecord("old", "killed"))
    claim_run(tables, RunRecord("old", "running"), Holder.me(), silent).give_back(forget=False)
    (row,) = stored_rows(tables, "runs", "old")
    assert (row["holder"], row["status"]) == (None, "interrupted")


def test_a_key_that_is_there_is_merged_and_scores_stay(tables: Any) -> None:
    open_ones = [replace(GOOD, fold=1, status=Status.CANCELLED, metrics={}, finished_at=0.0)]
    tables.append_trials("merged", PLAN, "d1", [GOOD, *open_ones])
    later = [
        replace(GOOD, metrics={"auc": 0.9}, finished_at=1.8e9),
        replace(GOOD, fold=1),
        replace(GOOD, model_id="nb"),
    ]
    for _ in range(2):
        tables.merge_trials("merged", PLAN, [*later, replace(GOOD, model_id="nb", fold=1)])
        tables.merge_trials("merged", PLAN, [replace(open_ones[0], fold=0)])
    written = stored_rows(tables, "trials", "merged")
    found = {(row["model_id"], row["fold"]): (row["status"], row["metrics"]["auc"]) for row in written}
    assert len(written) == len(found) == 4
    assert set(found.values()) == {("ok", 0.5)}


def test_whoever_reads_trials_reads_no_key_twice(tables: Any) -> None:
    """As two processes of an earlier version could write them."""
    for digest, attempt in (("a", 1), ("b", 2)):
        tables.append_trials("double", PLAN, digest, [replace(GOOD, attempt=attempt)])
    assert len(stored_rows(tables, "trials", "double")) == 2
    (row,) = rows(tables, "trials", "double")
    assert row["attempt"] == 2
    assert [outcome.attempt for outcome in tables.trials("double")] == [2]
