"""Tables in a folder, read without Spark: what Spark has written comes out as Spark itself reads it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bakeoff.comparison.leaderboard import rank
from bakeoff.comparison.plan import Plan
from bakeoff.comparison.trial import Metric, Model, Outcome, Status
from bakeoff.errors import ConfigError
from bakeoff.storage.folder_reader import FolderReader, needs_spark
from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.result_tables import ComparedTable
from bakeoff.storage.rows import RunRecord
from bakeoff.storage.schema import TABLES, VIEWS
from bakeoff.storage.spark_tables import SparkTables
from bakeoff.storage.sql_translation import UntranslatableError
from support.bundle import load

ROOT = Path(__file__).parents[2]
PLAN = Plan((Model("lr", "Logistic"), Model("nb", "Bayes")), 2, (Metric("auc", "AUC"), Metric("f1", "F1")), "auc")
OUTCOMES = [
    Outcome("lr", 0, metrics={"auc": 0.8, "f1": 0.5}, fit_seconds=1.0, score_seconds=0.5, finished_at=1.7e9 + 1.000001),
    Outcome("lr", 1, metrics={"auc": 0.75, "f1": float("nan")}, fit_seconds=2.0, finished_at=1.7e9 + 2, host="h"),
    Outcome("nb", 0, metrics={"auc": 0.7, "f1": 0.4}, metric_errors={"f1": "odd"}, finished_at=1.7e9 + 3),
    Outcome("nb", 1, status=Status.FAILED, error_type="ValueError", error_message="no\nü", finished_at=1.7e9 + 4),
]
RUN = RunRecord(
    "one",
    "finished",
    task_type="classification",
    source="t.csv",
    target="y",
    n_rows=100,
    higher_is_better=True,
    primary_metric="auc",
    best_model_id="lr",
    best_value=0.775,
    slots=2,
    wall_seconds=9.5,
    ideal_seconds=3.25,
    versions={"python": "3.11"},
    started_at=1.7e9,
    finished_at=1.7e9 + 9.5,
)
VALUES = {"source": "t.csv", "task_type": "classification", "run_id": "one", "days": "70000", "schema": "none"}
NEED_SPARK = {"check_run.sql", "scored_drift.sql"}
"""Queries over a schema of a metastore, or over a table of one that is named by a parameter."""


@pytest.fixture(scope="module")
def location(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> ResultsLocation:
    place = ResultsLocation(path=tmp_path_factory.mktemp("tables") / "Über uns [v2] 100% #1" / "tables")
    tables = SparkTables(spark, place)
    tables.create()
    for run in (RUN, replace(RUN, run_id="two", started_at=1.8e9, finished_at=1.8e9 + 4, best_value=0.9)):
        tables.enter_run(replace(run, status="running"))
        tables.append_trials(run.run_id, PLAN, "first", OUTCOMES)
        tables.merge_trials(run.run_id, PLAN, [replace(OUTCOMES[3], attempt=2, finished_at=1.7e9 + 5)])
        tables.upsert_leaderboard(run.run_id, rank(PLAN, OUTCOMES, ["lr", "nb"]).rows, "auc", {"lr": "abc"})
        tables.upsert_run(run)
    return place


@pytest.fixture(scope="module")
def tables(spark: Any, location: ResultsLocation) -> SparkTables:
    return SparkTables(spark, location)


@pytest.fixture(scope="module")
def named(spark: Any, location: ResultsLocation) -> Any:
    """A session of its own in which tables and views have their plain names."""
    own = spark.newSession()
    SparkTables(own, location).register_views()
    return own


@pytest.fixture
def reader(location: ResultsLocation) -> Iterator[FolderReader]:
    with FolderReader(location) as opened:
        yield opened


def at_versions(query: str, tables: SparkTables) -> str:
    """The query with the paths of tables that are read at a version, which Spark's views are not."""
    return re.sub(r"(\w+) (?=VERSION AS OF)", lambda found: f"{tables.location.name(found[1])} ", query)


def as_shown(frame: pd.DataFrame, digits: int = 9) -> list[list[str]]:
    """The values as they are printed, in an order that does not depend on how they were read."""
    return sorted([_shown(value, digits) for value in row] for row in frame.itertuples(index=False, name=None))


def _shown(value: Any, digits: int) -> str:
    if isinstance(value, dict):
        return str({key: _shown(inner, digits) for key, inner in sorted(value.items())})
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return ""
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


@pytest.mark.parametrize("name", [*TABLES, *VIEWS])
def test_each_table_and_view_is_what_spark_reads(tables: SparkTables, reader: FolderReader, name: str) -> None:
    expected, found = tables.read(name), reader.read(name)

    assert list(found.columns) == list(expected.columns)
    assert as_shown(found) == as_shown(expected)
    assert len(found) or name == "profiles"


def test_the_port_answers_as_it_does_with_spark(tables: SparkTables, reader: FolderReader) -> None:
    table = ComparedTable("t.csv", "y", "classification", 200)

    assert reader.newest_run() == tables.newest_run()
    assert reader.run("one") == RUN
    assert reader.run("none") is tables.run("none") is None
    assert sorted(run.run_id for run in reader.runs()) == ["one", "two"]
    assert repr(reader.trials("one")) == repr(tables.trials("one"))
    assert reader.trial_seconds(table) == pytest.approx(tables.trial_seconds(table))
    ranked = [{**row, "finished_at": None} for row in reader.leaderboard("one")]
    assert ranked == [{**row, "finished_at": None} for row in tables.leaderboard("one")]


@pytest.mark.parametrize("file", sorted((ROOT / "src" / "sql").glob("*.sql")), ids=lambda file: file.name)
def test_the_saved_queries_give_the_same_rows(
    named: Any, tables: SparkTables, reader: FolderReader, file: Path
) -> None:
    query = file.read_text(encoding="utf-8").strip().rstrip(";")
    if file.name in NEED_SPARK:
        with pytest.raises((ConfigError, UntranslatableError)):
            reader.frame(query, VALUES)
        return
    asked = {name: value for name, value in VALUES.items() if re.search(rf":{name}\b", query)}

    expected, found = named.sql(at_versions(query, tables), args=asked).toPandas(), reader.frame(query, asked)

    assert list(found.columns) == list(expected.columns)
    assert as_shown(found) == as_shown(expected)


def shown_queries() -> dict[str, str]:
    """The queries of the dashboard, the alerts and the pages, by where they stand."""
    board = json.loads((ROOT / "src" / "dashboards" / "bakeoff.lvdash.json").read_text())
    found = {f"dashboard {part['name']}": "".join(part["queryLines"]) for part in board["datasets"]}
    schema = "`${var.catalog}`.`${resources.schemas.results.name}`."
    for name, alert in load()["resources"]["alerts"].items():
        found[f"alert {name}"] = alert["query_text"].replace(schema, "")
    for page in ("README.md", "docs/how-to/sql.md", "docs/tutorial.md"):
        text = (ROOT / page).read_text()
        blocks = re.findall(r"^```sql\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        queries = [query for block in blocks for query in block.split(";") if query.strip()]
        queries += re.findall(r'bakeoff sql "([^"$]*)"', text)
        found |= {f"{page} {number}": query for number, query in enumerate(queries)}
    return {name: query for name, query in found.items() if "FROM scored" not in query}


SHOWN = shown_queries()


@pytest.mark.parametrize("name", SHOWN)
def test_the_queries_that_are_shown_give_the_same_rows(
    named: Any, tables: SparkTables, reader: FolderReader, name: str
) -> None:
    query, values = SHOWN[name].strip().rstrip(";"), {**VALUES, "run": "latest"}
    asked = {parameter: value for parameter, value in values.items() if re.search(rf":{parameter}\b", query)}

    expected, found = named.sql(at_versions(query, tables), args=asked).toPandas(), reader.frame(query, asked)

    digits = 3 if "current_timestamp" in query else 9  # one is asked after the other
    assert list(found.columns) == list(expected.columns)
    assert as_shown(found, digits) == as_shown(expected, digits)


QUERIES = [
    "SELECT model_id, metrics['auc'] AS auc FROM leaderboard ORDER BY auc DESC",
    "SELECT sum(rank) AS ranks, count(*) AS n, max(finished_at) AS last FROM leaderboard",
    "SELECT best_value / 0 AS nothing, n_rows % 7 AS left, n_rows / 8 AS part FROM runs",
    "SELECT date_trunc('DAY', started_at) AS day, count_if(status = 'finished') AS n FROM runs GROUP BY 1",
    "SELECT model_id, avg(fit_seconds) AS seconds FROM trials GROUP BY 1 ORDER BY 2 DESC",
    "SELECT run_id, explode(map_keys(versions)) AS name FROM runs",
    "SELECT run_id, name, version FROM runs LATERAL VIEW explode(versions) AS name, version",
    "SELECT model_id, percentile(fit_seconds, 0.5) AS middle, stddev(fit_seconds) AS spread FROM trials GROUP BY 1",
    "SELECT DISTINCT upper(substring(error_type, 1, 5)) AS kind FROM failures WHERE error_message LIKE '%ü%'",
    "WITH best AS (SELECT * FROM best_models) SELECT b.run_id, r.source FROM best AS b JOIN runs AS r USING (run_id)",
    "SELECT unix_timestamp(finished_at) - unix_timestamp(started_at) AS seconds FROM runs",
    "SELECT unix_seconds(finished_at) AS seconds FROM runs",
    "SELECT run_id FROM runs VERSION AS OF 1",
    "SELECT concat_ws('-', run_id, target) AS name, coalesce(promotion, 'none') AS promotion FROM runs",
    "SELECT status, count(*) FROM trials GROUP BY status",
    "SELECT to_date(started_at) AS day, cast(finished_at AS DATE) AS end, month(started_at) AS month FROM runs",
    "SELECT regexp_extract(source, '([a-z]+)[.]') AS name, split(source, '[.]')[1] AS k, length(source) AS n FROM runs",
    "SELECT lower(upper(source)) AS l, floor(-1.2) AS f, ceil(1.2) AS c, abs(-2) AS a, round(-2.5) AS r FROM runs",
    "SELECT max_by(model_id, primary_value) AS best, median(rank) AS middle, variance(rank) AS v FROM leaderboard",
    "SELECT lpad(run_id, 2, '*') AS l, rpad(run_id, 9) AS r, instr(source, 'c') AS i, reverse(run_id) AS b FROM runs",
]


@pytest.mark.parametrize("query", QUERIES)
def test_queries_that_people_write_give_the_same_rows(
    named: Any, tables: SparkTables, reader: FolderReader, query: str
) -> None:
    if "/ 0" in query and tables.spark.conf.get("spark.sql.ansi.enabled") == "true":
        pytest.skip("in ANSI mode Spark refuses to divide by zero")

    expected, found = named.sql(at_versions(query, tables)).toPandas(), reader.frame(query)

    assert list(found.columns) == list(expected.columns)
    assert as_shown(found) == as_shown(expected)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT nothing FROM runs", "nothing"),
        ("SELECT * FROM run", "did you mean 'runs'"),
        ("SELECT * FROM text.`/etc/passwd`", "none of the tables here"),
        ("SELECT * FROM delta.`/etc`", "none of the tables here"),
        ("SELECT * FROM main.results.runs", "none of the tables here"),
        ("SELECT * FROM runs WHERE run_id = :which", "--param which=VALUE"),
    ],
)
def test_what_is_not_there_is_a_sentence(reader: FolderReader, query: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        reader.frame(query)


@pytest.mark.parametrize(
    "query",
    [
        "DROP TABLE runs",
        "DELETE FROM runs",
        "INSERT INTO runs SELECT * FROM runs",
        "SELECT 1; SELECT 2",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM range(3)",
        "DESCRIBE HISTORY runs",
        "COPY runs TO 'x.csv'",
        "ATTACH 'x.db'",
        "SELECT java_method('java.lang.System', 'exit', 0)",
        # ... and so is what DuckDB would answer in another way, or not at all.
        "SELECT dayofweek(started_at), weekday(started_at) FROM runs",
        "SELECT extract(DOW FROM started_at) FROM runs",
        "SELECT cast(best_value AS INT) FROM runs",
        "SELECT cast(started_at AS STRING) FROM runs",
        "SELECT substr(source, 0, 2) FROM runs",
        "SELECT slice(map_keys(metrics), 2, 2) FROM leaderboard",
        "SELECT skewness(fit_seconds) FROM trials",
        "SELECT hash(run_id) FROM runs",
        "SELECT isnan(best_value) FROM runs",
        "SELECT regexp_replace(source, '(t)', '$1$1') FROM runs",
        "SELECT ln(n_rows - 100) FROM runs",
        "SELECT size(metrics) FROM leaderboard",
        "SELECT * FROM runs WHERE run_id = 1",
    ],
)
def test_what_is_no_query_over_the_tables_is_left_to_spark(reader: FolderReader, query: str) -> None:
    with pytest.raises(UntranslatableError):
        reader.frame(query)


def test_tables_with_what_only_spark_reads_are_left_to_spark(spark: Any, tmp_path: Path) -> None:
    place = ResultsLocation(path=tmp_path / "tables")
    SparkTables(spark, place).create()
    assert not needs_spark(place)

    spark.sql(f"ALTER TABLE {place.name('runs')} SET TBLPROPERTIES (delta.enableDeletionVectors = true)")

    assert needs_spark(place)
    assert needs_spark(ResultsLocation(schema="results"))


@pytest.mark.slow
def test_short_processes_end_well(location: ResultsLocation) -> None:
    read = f"""
from pathlib import Path
from bakeoff.storage.folder_reader import FolderReader
from bakeoff.storage.location import ResultsLocation
with FolderReader(ResultsLocation(path=Path({str(location.path)!r}))) as reader:
    print(len(reader.read("best_models")), len(reader.trials("one")))
"""
    ended = [
        subprocess.run([sys.executable, "-c", read], capture_output=True, text=True, check=False) for _ in range(25)
    ]

    assert {(one.returncode, one.stdout, one.stderr) for one in ended} == {(0, "2 4\n", "")}
