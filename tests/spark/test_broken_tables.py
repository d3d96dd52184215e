"""Tables that are broken in ways that only Spark finds, and what the commands say of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bakeoff.comparison.leaderboard import rank
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Metric, Model, Outcome
from bakeoff.errors import TablesError
from bakeoff.runs.loading import read_facts
from bakeoff.runs.results import results
from bakeoff.storage import table_errors
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.rows import RunRecord
from bakeoff.storage.spark_tables import SparkTables
from bakeoff.storage.table_errors import naming_broken_tables
from support.broken_tables import be_foreign, break_first_commit, lose_data, lose_first_commit

PLAN = Plan((Model("lr", "Logistic"),), 1, (Metric("auc", "AUC"),), "auc")
OUTCOME = Outcome("lr", 0, metrics={"auc": 0.8}, finished_at=1.7e9)


@pytest.fixture(scope="module")
def whole(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a finished run."""
    home = tmp_path_factory.mktemp("whole")
    tables = SparkTables(spark, ResultsLocation(path=home / "tables"))
    tables.create()
    tables.enter_run(RunRecord("one", "finished", started_at=1.7e9, target="y", n_folds=1))
    tables.append_trials("one", PLAN, "a", [OUTCOME])
    tables.upsert_leaderboard("one", rank(PLAN, [OUTCOME]).rows, "auc", {})
    return home


HARMS = [lose_data, lose_first_commit, break_first_commit, be_foreign]


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("name", ["runs", "trials"])
def test_what_spark_says_of_a_broken_table_becomes_a_sentence(
    spark: Any, whole: Path, tmp_path: Path, harm: Callable[[Path], None], name: str
) -> None:
    """As it is where the log is not looked at first: in a metastore, or beyond a checkpoint."""
    home = tmp_path / "home"
    shutil.copytree(whole, home)
    target = ResultsLocation(path=home / "tables")
    harm(home / "tables" / name)
    with pytest.raises(TablesError) as raised, naming_broken_tables(target):
        read_facts(SparkTables(spark, target), home, "one")
    said = str(raised.value)
    assert f"The table {target.name(name)} cannot be used (" in said
    assert "\n" not in said


@pytest.mark.parametrize("harm", HARMS[:3])
def test_results_are_refused_before_spark_is_asked(
    spark: Any, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Path], None]
) -> None:
    home = tmp_path / "home"
    shutil.copytree(whole, home)
    assert results("one", spark=spark, home=home).run_id == "one"
    harm(home / "tables" / "leaderboard")
    monkeypatch.setattr(table_errors, "MAKING_SECONDS", 0.0)
    with pytest.raises(TablesError, match="leaderboard` cannot be used"):
        results("one", spark=spark, home=home)
