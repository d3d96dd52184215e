"""Who works on a run by its row in ``runs``, and that no key of ``trials`` is there twice for anybody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Metric, Model, Outcome, Status
from bakeoff.errors import RunConflictError
from bakeoff.storage import claims, tables
from bakeoff.storage.claims import claim_run
from bakeoff.storage.lease import Holder
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.rows import RunRecord
from support.waiting import until

PLAN = Plan((Model("lr", "Logistic"), Model("nb", "Bayes")), 2, (Metric("auc", "AUC"),), "auc")
GOOD = Outcome("lr", 0, metrics={"auc": 0.5}, finished_at=1.7e9)
PATIENCE = 120.0


@pytest.fixture(scope="module")
def target(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> ResultsLocation:
    made = ResultsLocation(path=tmp_path_factory.mktemp("claims"))
    tables.ensure_tables(spark, made)
    return made


@pytest.fixture
def _quick_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "BEAT_SECONDS", 0.1)


def held(spark: Any, target: ResultsLocation, run_id: str) -> Any:
    return tables.frame(spark, target, "runs").where(f"run_id = '{run_id}'").collect()


def n_commits(target: ResultsLocation) -> int:
    """Counted on disk: Spark has enough to do."""
    assert target.path is not None
    return len(list((target.path / "runs" / "_delta_log").glob("*.json")))


def another(**changes: Any) -> Holder:
    return replace(Holder.me(), host="other", machine="another", **changes)


def silent(_: str) -> None:
    """Nobody hears it."""


@pytest.mark.usefixtures("_quick_beats")
def test_a_run_is_claimed_renewed_refused_to_others_and_noticed_when_it_is_taken_over(
    spark: Any, target: ResultsLocation
) -> None:
    run, mine = RunRecord("claimed", "running"), Holder.me()
    claim = claim_run(spark, target, run, mine, silent)
    (row,) = held(spark, target, "claimed")
    assert Holder.from_json(row.holder) == mine
    before = n_commits(target)
    until(lambda: n_commits(target) > before, PATIENCE)
    assert held(spark, target, "claimed")[0].heartbeat_at > row.heartbeat_at
    with pytest.raises(RunConflictError, match=f"process {mine.pid} on {mine.host} has it"):
        claim_run(spark, target, run, another(), silent)
    claim.check()
    thief = another()
    claims._replace_holder(spark, target, replace(run, holder=thief.to_json()), row.holder)

    def is_noticed() -> bool:
        try:
            claim.check()
        except RunConflictError as error:
            return "on other has it" in str(error)
        return False

    until(is_noticed, PATIENCE)
    claim.release()


def test_of_a_holder_that_is_gone_or_has_ended_a_run_is_taken_over(spark: Any, target: ResultsLocation) -> None:
    run = RunRecord("left", "running")
    gone = another(beat=1.7e9)
    tables.enter_run(spark, target, replace(run, holder=gone.to_json(), heartbeat_at=gone.beat))
    claim_run(spark, target, run, Holder.me(), silent).release()
    tables.merge_run(spark, target, replace(run, status="killed"))
    again = Holder.me()
    claim_run(spark, target, run, again, silent).release()
    (row,) = held(spark, target, "left")
    assert (Holder.from_json(row.holder), row.status) == (again, "running")


def test_of_two_that_have_seen_the_same_holder_one_gets_the_run(spark: Any, target: ResultsLocation) -> None:
    run = RunRecord("raced", "interrupted")
    tables.enter_run(spark, target, run)
    first, second = another(), another()
    for each in (first, second):
        claims._replace_holder(spark, target, replace(run, holder=each.to_json()), None)
    (row,) = held(spark, target, "raced")
    assert Holder.from_json(row.holder) == first


def test_a_run_that_was_not_begun_after_all_is_given_back(spark: Any, target: ResultsLocation) -> None:
    claim_run(spark, target, RunRecord("new", "running"), Holder.me(), silent).give_back(forget=True)
    assert held(spark, target, "new") == []
    tables.enter_run(spark, target, RunRecord("old", "killed"))
    claim_run(spark, target, RunRecord("old", "running"), Holder.me(), silent).give_back(forget=False)
    (row,) = held(spark, target, "old")
    assert (row.holder, row.status) == (None, "interrupted")


def test_a_key_that_is_there_is_merged_and_scores_stay(spark: Any, target: ResultsLocation) -> None:
    open_ones = [replace(GOOD, fold=1, status=Status.CANCELLED, metrics={}, finished_at=0.0)]
    tables.append_trials(spark, target, "merged", PLAN, "d1", [GOOD, *open_ones])
    later = [
        replace(GOOD, metrics={"auc": 0.9}, finished_at=1.8e9),
        replace(GOOD, fold=1),
        replace(GOOD, model_id="nb"),
    ]
    for _ in range(2):
        tables.merge_trials(spark, target, "merged", PLAN, [*later, replace(GOOD, model_id="nb", fold=1)])
        tables.merge_trials(spark, target, "merged", PLAN, [replace(open_ones[0], fold=0)])
    written = spark.table(target.name("trials")).where("run_id = 'merged'").collect()
    found = {(row.model_id, row.fold): (row.status, row.metrics["auc"]) for row in written}
    assert len(written) == len(found) == 4
    assert set(found.values()) == {("ok", 0.5)}


def test_whoever_reads_trials_reads_no_key_twice(spark: Any, target: ResultsLocation) -> None:
    """As two processes of an earlier version could write them."""
    for digest, attempt in (("a", 1), ("b", 2)):
        tables.append_trials(spark, target, "double", PLAN, digest, [replace(GOOD, attempt=attempt)])
    assert spark.table(target.name("trials")).where("run_id = 'double'").count() == 2
    (row,) = tables.frame(spark, target, "trials").where("run_id = 'double'").collect()
    assert row.attempt == 2
    assert [outcome.attempt for outcome in tables.read_trials(spark, target, "double")] == [2]


def test_runs_of_an_earlier_version_can_be_interrupted(spark: Any, tmp_path: Path) -> None:
    older = ResultsLocation(path=tmp_path)
    tables.ensure_tables(spark, older)
    name = older.name("runs")
    spark.sql(f"ALTER TABLE {name} DROP CONSTRAINT known_status")
    spark.sql(f"ALTER TABLE {name} ADD CONSTRAINT known_status CHECK (status IN ('running', 'finished'))")
    spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')")
    spark.sql(f"ALTER TABLE {name} DROP COLUMNS (holder, heartbeat_at)")
    tables.ensure_tables(spark, older)
    tables.merge_run(spark, older, RunRecord("r", "interrupted"))
    assert [row.status for row in held(spark, older, "r")] == ["interrupted"]
