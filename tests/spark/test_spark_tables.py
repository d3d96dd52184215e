"""The tables on a real Spark with Delta: two finished runs, one of them with a partial and a failed model."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bakeoff.comparison.leaderboard import rank
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Metric, Model, Outcome, Status
from bakeoff.errors import UserError
from bakeoff.storage.commits import commit
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.rows import RunRecord
from bakeoff.storage.schema import TABLES, VIEWS
from bakeoff.storage.spark_tables import SparkTables

PLAN = Plan(
    (Model("lr", "Logistic"), Model("rf", "Forest"), Model("nb", "Bayes")),
    n_folds=2,
    metrics=(Metric("auc", "AUC"), Metric("f1", "F1")),
    sort_by="auc",
    batch_size=2,
)
OLD = [
    Outcome("lr", 0, metrics={"auc": 0.8, "f1": 0.5}, fit_seconds=1.0, score_seconds=0.5, finished_at=1.7e9 + 1),
    Outcome("lr", 1, metrics={"auc": 0.6, "f1": math.nan}, fit_seconds=2.0, finished_at=1.7e9 + 2.123456, host="h"),
    Outcome("rf", 0, metrics={"auc": 0.99, "f1": 0.1}, metric_errors={"f1": "none"}, finished_at=1.7e9 + 3),
    Outcome("rf", 1, status=Status.TIMEOUT, error_type="TimeoutError", finished_at=1.7e9 + 5, attempt=2),
    Outcome("nb", 0, status=Status.FAILED, error_type="ValueError", error_message="no\nü", finished_at=1.7e9 + 4),
    Outcome("nb", 1, status=Status.CANCELLED),
]
NEW = [replace(OLD[0], finished_at=1.8e9), replace(OLD[1], finished_at=1.8e9), replace(OLD[2], finished_at=1.8e9)]
NEW.append(replace(NEW[2], fold=1))
RUN = RunRecord(
    "old",
    "finished",
    source="t.csv",
    target="y",
    task_type="classification",
    n_rows=2**40,
    higher_is_better=True,
    best_value=0.7,
    config='{"a": "it\'s"}',
    versions={"python": "3.11"},
    started_at=1.7e9,
    finished_at=1.7e9 + 9.5,
)


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    return ResultsLocation(path=tmp_path_factory.mktemp("tables") / "odd `name's")


@pytest.fixture(scope="module")
def tables(spark, target):
    return SparkTables(spark, target)


@pytest.fixture(scope="module")
def settings(spark):
    # Delta itself notes its last commit among the session's settings; nobody can keep it from that.
    noted = "spark.databricks.delta.lastCommitVersionInSession"
    return lambda: {row["key"]: row["value"] for row in spark.sql("SET").collect() if row["key"] != noted}


@pytest.fixture(scope="module")
def temporary(spark):
    return lambda: {table.name for table in spark.catalog.listTables() if table.isTemporary}


@pytest.fixture(scope="module")
def before(settings, temporary):
    return settings(), temporary()


@pytest.fixture(scope="module", autouse=True)
def stored(target, tables, before):
    """Three runs; what a test of this module adds goes under a run of its own."""
    tables.check()
    assert not target.path.exists()
    assert tables.trials("old") == []
    tables.create()
    tables.append_trials("old", PLAN, "d1", OLD)
    tables.append_trials("new", PLAN, "d1", NEW)
    tables.upsert_run(RUN)
    tables.upsert_run(replace(RUN, run_id="new", started_at=1.8e9, finished_at=1.8e9 + 9))
    tables.upsert_run(replace(RUN, run_id="later", status="running", started_at=1.9e9, finished_at=None))
    for run_id, outcomes in (("old", OLD), ("new", NEW)):
        rows = rank(PLAN, outcomes).rows
        tables.upsert_leaderboard(run_id, rows, "auc", {"lr": "mlflow-1"})
    return target


def rows(tables, name, run_id=None):
    found = [row.asDict() for row in tables.frame(name).collect()]
    return [row for row in found if run_id in {None, row["run_id"]}]


def versions(spark, target, table):
    return [row.version for row in spark.sql(f"DESCRIBE HISTORY {target.name(table)}").collect()]


def test_nothing_in_the_session_has_changed(tables, before, settings, temporary):
    for name in (*TABLES, *VIEWS):
        tables.frame(name).collect()
    tables.trials("old")
    assert (settings(), temporary()) == before


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_tables_are_described_and_clustered(spark, target, table):
    detail = spark.sql(f"DESCRIBE DETAIL {target.name(table.name)}").first()
    assert list(detail.clusteringColumns) == ["run_id"]
    assert detail.description == table.comment
    assert {name for name, _ in table.checks} == {
        key.removeprefix("delta.constraints.") for key in detail.properties if key.startswith("delta.constraints.")
    }
    described = {row.col_name: row.comment for row in spark.sql(f"DESCRIBE {target.name(table.name)}").collect()}
    assert all(described[column.name] == column.comment for column in table.columns)


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("runs", {"run_id": "NULL", "status": "'finished'"}),
        ("trials", {"run_id": "'x'", "model_id": "NULL", "fold": "0", "status": "'ok'"}),
        ("leaderboard", {"run_id": "'x'", "model_id": "NULL", "rank": "1", "status": "'ok'"}),
        ("runs", {"run_id": "'x'", "status": "'done'"}),
        ("leaderboard", {"run_id": "'x'", "model_id": "'m'", "rank": "0", "status": "'ok'"}),
    ],
)
def test_bad_rows_are_refused(spark, target, table, values):
    safe = {"attempt": "1", "fit_seconds": "0", "score_seconds": "0", "n_folds_ok": "0"}
    known = {column.name for column in TABLES[table].columns}
    values |= {name: value for name, value in safe.items() if name in known}
    columns = ", ".join(values)
    with pytest.raises(Exception, match=r"DELTA_VIOLATE_CONSTRAINT|DELTA_NOT_NULL_CONSTRAINT"):
        spark.sql(f"INSERT INTO {target.name(table)} ({columns}) VALUES ({', '.join(values.values())})")


def test_making_the_tables_again_commits_nothing(spark, target, tables):
    commits = [versions(spark, target, table) for table in TABLES]
    tables.create()
    assert [versions(spark, target, table) for table in TABLES] == commits


def test_trials_come_back_as_they_were(tables):
    read = {outcome.trial: outcome for outcome in tables.trials("old")}
    assert len(read) == len(OLD)
    for outcome in OLD:
        if outcome.trial != OLD[1].trial:
            assert read[outcome.trial] == outcome
    assert math.isnan(read[OLD[1].trial].metrics["f1"])
    assert read[OLD[1].trial].finished_at == OLD[1].finished_at


def test_nan_is_stored_as_null(spark, target, tables):
    trials = target.name("trials")
    query = f"SELECT count(*) AS n FROM {trials} WHERE map_contains_key(metrics, 'f1') AND metrics['f1'] IS NULL"
    assert spark.sql(query).first().n == 2
    board = {row["model_id"]: row for row in rows(tables, "leaderboard", "old")}
    assert board["lr"]["metrics"]["f1"] is None
    assert board["nb"]["primary_value"] is None


def test_a_segment_appended_again_changes_nothing_and_another_one_is_added(spark, target, tables):
    done = [Outcome("lr", 0, finished_at=1.0)]
    tables.append_trials("replay", PLAN, "one", done)
    commits = versions(spark, target, "trials")
    tables.append_trials("replay", PLAN, "one", done)
    assert versions(spark, target, "trials") == commits
    assert tables.trials("replay") == done
    tables.append_trials("replay", PLAN, "two", [Outcome("lr", 1, finished_at=1.0)])
    tables.append_trials("replay", PLAN, "none", [])
    assert len(rows(tables, "trials", "replay")) == 2


def test_a_thousand_trials_of_models_with_odd_names_are_stored_and_ranked(tables):
    name = 'it\'s "odd"\n`x` \\ 日本語🎉 ' + "é" * 300
    models = tuple(Model(f"{name}{n}", f"{name}{n}") for n in range(100))
    scores = [0.0, math.nan, math.inf, -math.inf, *(n / 100 for n in range(4, 100))]
    plan = Plan(models, n_folds=10, metrics=(Metric("auc", "AUC"),), sort_by="auc")
    done = [
        Outcome(model.id, fold, metrics={"auc": score}, traceback=name * 30, finished_at=1.0)
        for model, score in zip(models, scores, strict=True)
        for fold in range(10)
    ]
    tables.append_trials("big", plan, "d", done)
    tables.upsert_leaderboard("big", rank(plan, done).rows, "auc", {models[0].id: "m"})
    tables.upsert_run(replace(RUN, run_id="big", config=f'{{"a": "{"x" * 10_000}"}}', versions={}))
    read = {outcome.trial: outcome for outcome in tables.trials("big")}
    assert len(read) == 1000
    for outcome in done:
        stored, value = read[outcome.trial].metrics["auc"], outcome.metrics["auc"]
        assert stored == value if math.isfinite(value) else math.isnan(stored)
        assert read[outcome.trial].traceback == name * 30
    board = {row["rank"]: row for row in rows(tables, "leaderboard", "big")}
    # An infinite score is above all others; a missing one is below them, and both are NULL in SQL.
    order = [f"{name}{n}" for n in (2, *range(99, 3, -1), 0, 3, 1)]
    assert [board[n]["model_id"] for n in range(1, 101)] == order
    assert [board[n]["primary_value"] for n in (1, 2, 98, 99, 100)] == [None, 0.99, 0.0, None, None]
    assert board[98]["mlflow_run_id"] == "m"
    assert len(rows(tables, "runs", "big")[0]["config"]) > 10_000


def test_a_trial_that_is_cancelled_in_one_attempt_and_finished_in_another_is_finished(tables):
    # ... also where the clock of the worker is behind that of the driver.
    both = [Outcome("lr", 0, status=Status.CANCELLED, finished_at=200.0), Outcome("lr", 0, finished_at=100.0)]
    for n, outcome in enumerate(both):
        tables.append_trials("clocks", PLAN, f"d{n}", [outcome])
    assert tables.trials("clocks") == both[1:]


def test_a_trial_that_was_run_again_counts_once(tables):
    again = [replace(OLD[4], finished_at=100.0), replace(OLD[0], model_id="nb", finished_at=200.0)]
    for n, outcome in enumerate(again):
        tables.append_trials("resumed", PLAN, f"d{n}", [outcome])
    assert tables.trials("resumed") == again[1:]
    assert rows(tables, "failures", "resumed") == []


def test_an_append_is_one_file(spark, target):
    (last,) = spark.sql(f"DESCRIBE HISTORY {target.name('trials')} LIMIT 1").collect()
    assert last.operationMetrics["numFiles"] == "1"


def test_merging_again_puts_the_newer_values_in_place(tables):
    first = replace(RUN, run_id="merged", status="running", finished_at=None, git_commit="abc")
    tables.upsert_run(first)
    tables.upsert_run(replace(first, status="finished", git_commit=None, versions={"spark": "3"}))
    (run,) = rows(tables, "runs", "merged")
    assert (run["status"], run["git_commit"], run["versions"]) == ("finished", None, {"spark": "3"})
    assert (run["config"], run["n_rows"]) == (RUN.config, RUN.n_rows)
    assert {"old", "new", "later"} <= {row["run_id"] for row in rows(tables, "runs")}


def test_a_row_that_is_there_can_be_updated(spark, target, tables):
    first = replace(RUN, run_id="updated", status="running", finished_at=None, git_commit="abc")
    tables.enter_run(first)
    last = replace(first, status="finished", git_commit=None, versions={"spark": "3"}, finished_at=1.7e9 + 9.5)
    tables.upsert_run(last)
    (updated,) = rows(tables, "runs", "updated")
    (done,) = spark.sql(f"DESCRIBE HISTORY {target.name('runs')} LIMIT 1").collect()
    assert done.operation == "UPDATE"
    tables.upsert_run(replace(last, run_id="merged too"))
    (merged,) = rows(tables, "runs", "merged too")
    assert updated == {**merged, "run_id": "updated"}


def test_a_row_that_is_not_there_is_entered_by_an_update(spark, target, tables):
    """Somebody may have deleted it, and Delta remembers that it was entered."""
    run = replace(RUN, run_id="deleted")
    for _ in range(2):
        tables.enter_run(run)
        spark.sql(f"DELETE FROM {target.name('runs')} WHERE run_id = 'deleted'")
    tables.upsert_run(run)
    tables.upsert_run(run)
    assert len(rows(tables, "runs", "deleted")) == 1


def test_a_leaderboard_merged_again_has_each_model_once(spark, target, tables):
    worse = rank(PLAN, OLD[2:]).rows
    tables.upsert_leaderboard("board", rank(PLAN, OLD).rows, "auc", {})
    tables.upsert_leaderboard("board", worse, "auc", {"rf": "mlflow-2"})
    board = {row["model_id"]: row for row in rows(tables, "leaderboard", "board")}
    assert {model: row["rank"] for model, row in board.items()} == {row.model_id: row.rank for row in worse}
    assert (board["lr"]["status"], board["rf"]["mlflow_run_id"]) == ("failed", "mlflow-2")
    (last,) = spark.sql(f"DESCRIBE HISTORY {target.name('leaderboard')} LIMIT 1").collect()
    assert last.operationMetrics["numTargetFilesAdded"] == "1"


def test_times_are_points_in_time_whatever_the_zone(spark, target):
    query = f"SELECT unix_micros(started_at) AS s, unix_micros(finished_at) AS f FROM {target.name('runs')}"
    run = spark.sql(f"{query} WHERE run_id = 'old'").first()
    assert (run.s, run.f) == (1_700_000_000_000_000, 1_700_000_009_500_000)


def test_batch_metrics_agree_with_the_leaderboard(tables):
    for run_id in ("old", "new"):
        found = rows(tables, "batch_metrics", run_id)
        means = {(row["model_id"], row["metric"]): row for row in found}
        board = [row for row in rows(tables, "leaderboard", run_id) if row["n_folds_ok"]]
        assert len(means) == len(found) == sum(len(row["metrics"]) for row in board)
        for row in board:
            for metric, mean in row["metrics"].items():
                cell = means[row["model_id"], metric]
                assert cell["mean"] == pytest.approx(mean)
                assert cell["std"] == pytest.approx(row["metrics_std"][metric])
                assert cell["batch_id"] == row["batch_id"]


def test_the_latest_leaderboard_is_of_the_newest_finished_run(tables):
    latest = [row for row in rows(tables, "leaderboard_latest") if row["run_id"] != "merged"]
    assert {row["run_id"] for row in latest} == {"new"}
    assert {(row["rank"], row["model_id"]) for row in latest} == {(1, "rf"), (2, "lr"), (3, "nb")}
    assert {(row["source"], row["target"], row["task_type"]) for row in latest} == {("t.csv", "y", "classification")}


def test_the_best_model_of_a_run_has_every_fold(tables):
    best = {row["run_id"]: row for row in rows(tables, "best_models")}
    assert best["old"]["model_id"] == "lr"
    assert best["old"]["primary_value"] == pytest.approx(0.7)
    assert best["old"]["model_mlflow_run_id"] == "mlflow-1"
    assert best["new"]["model_id"] == "rf"
    assert "later" not in best


def test_failures_stand_newest_first_with_their_reasons(tables):
    failures = rows(tables, "failures", "old")
    assert [(row["model_id"], row["status"]) for row in failures] == [
        ("rf", "timeout"),
        ("nb", "failed"),
        ("nb", "cancelled"),
    ]
    assert (failures[1]["error_message"], failures[1]["source"]) == ("no\nü", "t.csv")


def test_registered_views_have_plain_names_and_stay_current(spark, tables, before, settings, temporary):
    tables.register_views()
    try:
        assert temporary() - before[1] == {*TABLES, *VIEWS}
        count = "SELECT count(*) AS n FROM batch_metrics WHERE run_id = 'registered'"
        assert spark.sql(count).first().n == 0
        tables.append_trials("registered", PLAN, "d", OLD[:1])
        assert spark.sql(count).first().n == 3
        assert spark.sql("SELECT * FROM best_models JOIN runs USING (run_id)").count() >= 2
        assert settings() == before[0]
    finally:
        for name in (*TABLES, *VIEWS):
            spark.catalog.dropTempView(name)


def test_a_lost_race_is_tried_again_and_nothing_else_is(monkeypatch, tmp_path):
    monkeypatch.setattr("time.sleep", lambda _: None)
    raised = [RuntimeError("[DELTA_CONCURRENT_APPEND] ConcurrentAppendException: files were added")] * 2

    def lose_twice():
        if raised:
            raise raised.pop()

    commit(tmp_path, lose_twice)
    assert raised == []
    for message, kind in (
        ("at java.util.concurrent.ThreadPoolExecutor", RuntimeError),
        ("[INSUFFICIENT_PERMISSIONS] no MODIFY", UserError),
    ):
        tries = []

        def fail(tries=tries, message=message):
            tries.append(1)
            raise RuntimeError(message)

        with pytest.raises(kind):
            commit(tmp_path, fail)
        assert len(tries) == 1


@pytest.fixture
def schema(spark):
    yield "bakeoff_tables_test"
    spark.sql("DROP SCHEMA IF EXISTS bakeoff_tables_test CASCADE")


@pytest.mark.slow
def test_in_a_metastore_there_are_tables_and_views_by_name(spark, schema, before, settings, temporary):
    target = ResultsLocation(catalog="spark_catalog", schema=schema)
    tables = SparkTables(spark, target)
    tables.check()
    assert not spark.catalog.databaseExists(schema)
    tables.create()
    spark.sql(f"ALTER TABLE {target.name('trials')} DROP CONSTRAINT sane_numbers")
    tables.create()
    assert "sane_numbers" in str(spark.sql(f"SHOW TBLPROPERTIES {target.name('trials')}").collect())
    tables.append_trials("r", PLAN, "d", OLD)
    tables.upsert_run(replace(RUN, run_id="r"))
    tables.upsert_leaderboard("r", rank(PLAN, OLD).rows, "auc", {})
    assert len(tables.trials("r")) == len(OLD)
    for view in VIEWS:
        by_name = spark.table(f"spark_catalog.{schema}.{view}")
        assert by_name.collect() == tables.frame(view).collect() != []
    statements = []

    class Watched:
        catalog, table = spark.catalog, spark.table

        def sql(self, query):
            statements.append(query)
            return spark.sql(query)

    SparkTables(Watched(), target).create()
    assert {statement.split()[0] for statement in statements} == {"SHOW"}
    assert (settings(), temporary()) == before


def test_a_table_of_somebody_else_is_left_alone(spark, schema):
    spark.sql(f"CREATE SCHEMA {schema}")
    spark.sql(f"CREATE TABLE {schema}.runs (id INT) USING DELTA")
    with pytest.raises(UserError, match="is not Bakeoff's"):
        SparkTables(spark, ResultsLocation(schema=schema)).create()
    assert spark.table(f"{schema}.runs").columns == ["id"]


def test_a_table_of_an_earlier_version_gets_what_is_new_and_keeps_what_it_has(spark, tmp_path):
    older = ResultsLocation(path=tmp_path)
    SparkTables(spark, older).create()
    SparkTables(spark, older).upsert_leaderboard("r", rank(PLAN, OLD).rows, "auc", {})
    name = older.name("leaderboard")
    before = spark.table(name).drop("tied_with_best", "metrics_std").orderBy("rank").collect()
    spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')")
    spark.sql(f"ALTER TABLE {name} DROP COLUMNS (tied_with_best, metrics_std)")
    SparkTables(spark, older).create()
    commits = versions(spark, older, "leaderboard")
    SparkTables(spark, older).create()
    assert versions(spark, older, "leaderboard") == commits
    assert spark.table(name).drop("tied_with_best", "metrics_std").orderBy("rank").collect() == before
    assert {row["tied_with_best"] for row in rows(SparkTables(spark, older), "leaderboard")} == {None}
    SparkTables(spark, older).upsert_leaderboard("r", rank(PLAN, OLD).rows, "auc", {"rf": "m"})
    board = {row["model_id"]: row for row in rows(SparkTables(spark, older), "leaderboard")}
    assert board["rf"]["mlflow_run_id"] == "m"
    assert set(board["rf"]["metrics_std"]) >= {"auc", "f1"}
    assert len(board) == len(PLAN.models)


def test_a_table_of_a_later_version_is_written_to_as_well(spark, tmp_path):
    later = ResultsLocation(path=tmp_path)
    SparkTables(spark, later).create()
    for table in TABLES:
        spark.sql(f"ALTER TABLE {later.name(table)} ADD COLUMNS (from_the_future STRING)")
    SparkTables(spark, later).create()
    SparkTables(spark, later).append_trials("r", PLAN, "d", OLD)
    for status in ("running", "finished"):
        SparkTables(spark, later).upsert_run(replace(RUN, run_id="r", status=status))
    assert [(row["status"], row["from_the_future"]) for row in rows(SparkTables(spark, later), "runs")] == [
        ("finished", None)
    ]
    assert len(SparkTables(spark, later).trials("r")) == len(OLD)


def test_a_column_of_another_type_is_said_in_one_sentence(spark, tmp_path):
    other = ResultsLocation(path=tmp_path)
    name = other.name("runs")
    spark.sql(f"CREATE TABLE {name} (run_id STRING, status STRING, n_rows STRING) USING DELTA")
    with pytest.raises(
        UserError, match="has n_rows as STRING, and this version of Bakeoff writes BIGINT: name another"
    ):
        SparkTables(spark, other).create()
    assert spark.table(name).columns == ["run_id", "status", "n_rows"]


def test_a_folder_that_cannot_be_made_is_said_in_one_sentence(spark, tables, tmp_path):
    (tmp_path / "file").write_text("")
    target = ResultsLocation(path=tmp_path / "file" / "tables")
    for call in (SparkTables.check, SparkTables.create):
        with pytest.raises(
            UserError, match=r"^The folder of the tables .* cannot be made: .*file is no folder: name another --home\.$"
        ):
            call(SparkTables(spark, target))


def test_a_catalog_that_does_not_exist_is_said_in_one_sentence(spark, tables):
    target = ResultsLocation(catalog="no_such_catalog", schema="s")
    for call in (SparkTables.check, SparkTables.create):
        with pytest.raises(UserError, match="There is no catalog `no_such_catalog`"):
            call(SparkTables(spark, target))


def test_what_spark_refuses_to_make_is_a_user_error(spark):
    with pytest.raises(UserError, match=r"cannot be made in `no good name` \(.*\): name a place"):
        SparkTables(spark, ResultsLocation(schema="no good name")).create()


def test_reading_where_nothing_is_says_so(spark, tables, tmp_path):
    nothing = SparkTables(spark, ResultsLocation(path=tmp_path))
    for call in (nothing.register_views, lambda: nothing.frame("runs")):
        with pytest.raises(UserError, match="no results in"):
            call()
    with pytest.raises(UserError, match="no table 'trails': choose from runs"):
        tables.frame("trails")
