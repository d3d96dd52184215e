"""What `bakeoff sql` runs and what it refuses, on a real parser and real tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff.cli.app import main
from bakeoff.cli.sql_parameters import with_named_tables
from bakeoff.errors import ConfigError
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.rows import RunRecord
from bakeoff.storage.spark_tables import SparkTables
from bakeoff.storage.statements import Allowed, check_statement

READS = [
    "SELECT status, count(*) FROM runs WHERE wall_seconds > 1 GROUP BY 1 HAVING count(*) > 1 ORDER BY 2 DESC LIMIT 3",
    "WITH x AS (SELECT * FROM trials) SELECT * FROM x JOIN runs USING (run_id) UNION ALL SELECT 1, 2",
    "SELECT * FROM runs WHERE run_id IN (SELECT run_id FROM trials) AND EXISTS (SELECT 1 FROM leaderboard)",
    "SELECT row_number() OVER (ORDER BY fold), percentile_cont(0.5) WITHIN GROUP (ORDER BY 1) FROM x",
    "SELECT * FROM trials LATERAL VIEW explode(metrics) m AS metric, value",
    "SELECT transform(array(1), x -> x + 1), CAST('1' AS INT), s LIKE 'x%', date '2020-01-01', uuid() FROM range(3)",
    "SELECT * FROM trials PIVOT (count(*) FOR fold IN (0, 1))",
    "SELECT * FROM trials TABLESAMPLE (10 PERCENT), LATERAL (SELECT fold)",
    "VALUES (1), (2)",
    "TABLE runs",
    "SHOW TABLES",
    "DESCRIBE runs",
    "EXPLAIN SELECT * FROM runs",
    "EXPLAIN DELETE FROM runs",
    "SELECT raise_error('boom')",
    "SELECT * FROM delta.`{home}/tables/runs` VERSION AS OF 0",
    "SELECT * FROM delta.`file:{home}/tables/runs`",
    "DESCRIBE HISTORY delta.`{home}/tables/runs`",
]
WRITES = [
    "DELETE FROM runs",
    "DELETE FROM delta.`{home}/tables/runs` WHERE true",
    "UPDATE runs SET status = 'finished'",
    "MERGE INTO runs USING runs AS r ON true WHEN MATCHED THEN DELETE",
    "INSERT INTO runs SELECT * FROM runs",
    "INSERT OVERWRITE runs SELECT * FROM runs",
    "WITH x AS (SELECT * FROM runs) INSERT INTO runs SELECT * FROM x",
    "FROM runs INSERT INTO a SELECT * INSERT INTO b SELECT *",
    "DROP TABLE runs",
    "DROP VIEW runs",
    "TRUNCATE TABLE runs",
    "ALTER TABLE runs ADD COLUMNS (more INT)",
    "ALTER TABLE runs SET TBLPROPERTIES ('a' = 'b')",
    "CREATE OR REPLACE TEMPORARY VIEW runs AS SELECT 1",
    "VACUUM delta.`{home}/tables/runs` RETAIN 0 HOURS",
    "RESTORE TABLE delta.`{home}/tables/runs` TO VERSION AS OF 0",
]
READS_MORE = [
    "SELECT * FROM text.`file:///etc/passwd`",
    "SELECT * FROM csv.`{home}/secret.csv`",
    "SELECT * FROM text.here",
    "SELECT * FROM spark_catalog.parquet.`/x`",
    "SELECT * FROM delta.`/elsewhere`",
    "SELECT * FROM Spark_Catalog.Delta.`/elsewhere`",
    "SELECT * FROM delta.`{home}/tables/../../elsewhere`",
    "SELECT * FROM delta.`/elsewhere` VERSION AS OF 1",
    "SELECT (SELECT max(value) FROM text.`/x`) FROM runs",
    "SELECT * FROM runs WHERE EXISTS (SELECT 1 FROM json.`/x`)",
    "WITH x AS (SELECT * FROM orc.`/x`) SELECT * FROM x",
    "EXPLAIN SELECT * FROM text.`/x`",
    "DESCRIBE parquet.`/x`",
    "SELECT java_method('java.lang.System', 'getProperty', 'user.home')",
    "SELECT reflect('java.lang.System', 'getenv')",
    "SELECT `java_method`('a', 'b')",
    "SELECT 1 FROM runs ORDER BY java_method('a', 'b')",
    "SELECT sum(1) OVER (PARTITION BY reflect('a', 'b')) FROM runs",
    "SELECT max(1) FILTER (WHERE reflect('a', 'b') = '') FROM runs",
    "SELECT transform(array(1), x -> reflect('a', 'b'))",
    "SELECT * FROM VALUES (reflect('a', 'b'))",
    "SELECT * FROM runs JOIN LATERAL (SELECT reflect('a', 'b'))",
    "SELECT IDENTIFIER('java_method')('a', 'b')",
    "SELECT * FROM table_changes('runs', 0)",
    "SELECT somebodys.function(1)",
    "SELECT no_such_function(1)",
    "SELECT TRANSFORM(run_id) USING 'cat' AS (x) FROM runs",
]
OTHERS = [
    "INSERT OVERWRITE DIRECTORY '/x' USING csv SELECT 1",
    "INSERT OVERWRITE LOCAL DIRECTORY '/x' SELECT 1",
    "CREATE TABLE x (a INT) USING csv LOCATION '/x'",
    "CREATE TABLE x AS SELECT 1",
    "CREATE TEMPORARY VIEW v USING csv OPTIONS (path '/x')",
    "CREATE FUNCTION f AS 'a.b.C' USING JAR '/x.jar'",
    "ADD JAR '/x.jar'",
    "LOAD DATA INPATH '/x' INTO TABLE runs",
    "CACHE TABLE runs",
    "CLEAR CACHE",
    "SET",
    "SET spark.sql.shuffle.partitions = 3",
    "RESET",
    "USE other",
    "ANALYZE TABLE runs COMPUTE STATISTICS",
    "SELECT * FROM IDENTIFIER('text.`/x`')",
]


@pytest.fixture(scope="module")
def tables(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> ResultsLocation:
    home = tmp_path_factory.mktemp("asked")
    target = ResultsLocation.at(home)
    tables = SparkTables(spark, target)
    tables.create()
    tables.enter_run(RunRecord("r", "finished", started_at=1_700_000_000.0))
    return target


def ask(
    spark: Any, tables: ResultsLocation, query: str, *, write: bool = False, everything: bool = False
) -> str | None:
    """Why a statement is refused, if it is."""
    assert tables.path is not None
    try:
        check_statement(spark, query.replace("{home}", str(tables.path.parent)), Allowed(tables, write, everything))
    except ConfigError as error:
        return str(error)
    return None


@pytest.mark.parametrize("query", READS)
def test_queries_of_the_results_are_run(spark: Any, tables: ResultsLocation, query: str) -> None:
    assert ask(spark, tables, query) is None
    assert ask(spark, tables, query, everything=True) is None


@pytest.mark.parametrize("query", WRITES)
def test_what_changes_something_needs_an_option(spark: Any, tables: ResultsLocation, query: str) -> None:
    assert "add --write" in (ask(spark, tables, query) or "")
    assert "add --write" in (ask(spark, tables, query, everything=True) or "")
    assert ask(spark, tables, query, write=True) is None


@pytest.mark.parametrize("query", READS_MORE)
def test_files_java_and_programs_need_another_option(spark: Any, tables: ResultsLocation, query: str) -> None:
    assert "add --engine spark" in (ask(spark, tables, query) or "")
    assert "add --engine spark" in (ask(spark, tables, query, write=True) or "")
    assert ask(spark, tables, query, everything=True) is None


@pytest.mark.parametrize(
    "query", ["INSERT INTO runs SELECT * FROM csv.`/x`", "DELETE FROM runs WHERE reflect('a', 'b')", "VACUUM '/x'"]
)
def test_a_change_reads_no_more_than_a_query(spark: Any, tables: ResultsLocation, query: str) -> None:
    assert "add --engine spark" in (ask(spark, tables, query, write=True) or "")


@pytest.mark.parametrize("query", OTHERS)
def test_all_else_needs_both(spark: Any, tables: ResultsLocation, query: str) -> None:
    for one in ({}, {"write": True}, {"everything": True}):
        assert "--engine spark" in (ask(spark, tables, query, **one) or "")
    assert ask(spark, tables, query, write=True, everything=True) is None


def written_oddly(query: str) -> st.SearchStrategy[str]:
    """The same statement with other blanks, comments and capitals, outside of what is quoted."""
    blank = st.sampled_from([" ", "\n", "\t", "  ", " /* SELECT */ ", " -- it only reads\n", " /**/ \n"])

    def join(draws: tuple[list[str], list[bool]]) -> str:
        words, (blanks, capitals) = query.split(" "), draws
        odd = [
            word if set(word) & set("`'{") else (word.upper() if capital else word.lower())
            for word, capital in zip(words, capitals, strict=True)
        ]
        return blanks[-1] + "".join(word + gap for word, gap in zip(odd, blanks, strict=True))

    n = len(query.split(" "))
    return st.tuples(st.lists(blank, min_size=n, max_size=n), st.lists(st.booleans(), min_size=n, max_size=n)).map(join)


@given(odd=st.sampled_from([*WRITES, *OTHERS, *READS_MORE]).flatmap(written_oddly))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_how_it_is_written_makes_no_difference(spark: Any, tables: ResultsLocation, odd: str) -> None:
    from pyspark.errors import ParseException

    try:
        assert "add --" in (ask(spark, tables, odd) or "")
    except ParseException:  # SET takes no comments: what cannot be parsed is not run either
        assert "SET" in odd.upper()


def test_the_drift_query_is_asked_with_its_parameters_and_needs_no_option(spark: Any, tables: ResultsLocation) -> None:
    query = (Path(__file__).parents[2] / "src" / "sql" / "scored_drift.sql").read_text()
    assert query.startswith("-- ")  # which is not the name of an option
    assert ask(spark, tables, with_named_tables(query, {"scored": "scored", "days": "30"})) is None
    assert "csv" in (ask(spark, tables, with_named_tables(query, {"scored": "csv.`/x`", "days": "30"})) or "")
    assert "add --engine spark" in (ask(spark, tables, with_named_tables(query, {"scored": "text.`/x`"})) or "")


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], spark: Any, tables: ResultsLocation) -> Any:
    assert tables.path is not None
    home = str(tables.path.parent)

    def run(query: str, *options: str) -> str:
        with pytest.raises(SystemExit) as stopped:
            main(["sql", query.replace("{home}", home), "--home", home, *options])
        said = capsys.readouterr().err.strip().splitlines()
        assert stopped.value.code == 2
        assert len(said) == 1
        return said[0]

    return run


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("SELECT raise_error('boom')", "Error: Spark cannot run this query: boom."),
        ("SELECT assert_true(1 = 2)", "'(1 = 2)' is not true!"),
        ("SELECT nope FROM range(3)", "`nope` cannot be resolved"),
        ("SELECT (1", "Syntax error at or near"),
        ("SELECT 1; DROP TABLE runs", "Syntax error at or near 'DROP'"),
        ("", "Error: There is no query: ask, for example,"),
        ("SELECT * FROM nowhere", "Error: nowhere is none of the tables here: add --engine spark"),
        ("DELETE FROM delta.`{home}/tables/runs`", "add --write"),
    ],
)
def test_what_goes_wrong_is_spark_s_own_sentence(refused: Any, query: str, says: str) -> None:
    assert says in refused(query)


def test_nothing_is_run_before_it_is_allowed(
    refused: Any, spark: Any, tables: ResultsLocation, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert tables.path is not None
    home, rows = str(tables.path.parent), tables.name("runs")
    assert "--write" in refused(f"DELETE FROM {rows}")
    assert "--write" in refused(f"INSERT OVERWRITE DIRECTORY '{tmp_path / 'out'}' USING csv SELECT 1")
    assert not (tmp_path / "out").exists()
    main(["sql", f"SELECT run_id FROM {rows}", "--csv", "--home", home])
    assert capsys.readouterr().out.split() == ["run_id", "r"]
    main(["sql", f"UPDATE {rows} SET source = 'changed'", "--write", "--home", home])
    assert spark.sql(f"SELECT source FROM {rows}").first()[0] == "changed"
    (tmp_path / "note.txt").write_text("read me\n")
    capsys.readouterr()
    main(["sql", f"SELECT * FROM text.`{tmp_path}/note.txt`", "--engine", "spark", "--csv", "--home", home])
    assert "read me" in capsys.readouterr().out
