"""The tables through Spark: what it does to the session, tables in a metastore, and what Spark refuses.

What all adapters have in common is in tests/tables.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from bakeoff.comparison.leaderboard import rank
from bakeoff.errors import UserError
from bakeoff.storage.commits import commit
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.schema import TABLES, VIEWS
from bakeoff.storage.spark_tables import SparkTables
from support.stored_runs import OLD, PLAN, RUN, store_runs


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
    store_runs(tables)
    return target


def versions(spark, target, table):
    return [row.version for row in spark.sql(f"DESCRIBE HISTORY {target.name(table)}").collect()]


def test_nothing_in_the_session_has_changed(tables, before, settings, temporary):
    for name in (*TABLES, *VIEWS):
        tables.frame(name).collect()
    tables.trials("old")
    assert (settings(), temporary()) == before


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
    assert list(spark.sql(f"DESCRIBE DETAIL {target.name('trials')}").first().clusteringColumns) == ["run_id"]
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
