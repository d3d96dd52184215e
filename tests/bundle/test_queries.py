"""Every query of the bundle runs, on the tables of a real run and with the strict SQL of a warehouse."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from bakeoff.storage.location import ResultsLocation
from bakeoff.storage.schema import TABLES, VIEWS
from bakeoff.storage.spark_tables import SparkTables
from bakeoff.tracking.addresses import local_tracking_uri
from support.bundle import CATALOG, ROOT, SOURCE, Filled, load
from support.bundle_checks import sql_parameters

pytestmark = pytest.mark.timeout(1200)  # whichever test is first waits for three whole runs

FILES = sorted((ROOT / "src" / "sql").glob("*.sql"))
VALUES = {"source": SOURCE, "task_type": "classification", "run_id": "101", "days": 7, "scored": "scored"}
BOARD = ROOT / "src" / "dashboards" / "bakeoff.lvdash.json"
DATASETS = [part["name"] for part in json.loads(BOARD.read_text())["datasets"]]
ALERTS = sorted(load()["resources"]["alerts"])


def rows(filled: Filled, query: str, **values: Any) -> list[dict[str, Any]]:
    return [row.asDict() for row in filled.spark.sql(query.strip().rstrip(";"), args=values).collect()]


def saved(filled: Filled, name: str, **values: Any) -> list[dict[str, Any]]:
    return rows(filled, (ROOT / "src" / "sql" / f"{name}.sql").read_text(), **values)


# --- the run itself -------------------------------------------------------------------------------------------------


def test_the_job_runs_with_exactly_what_its_resource_passes(filled: Filled) -> None:
    (run,) = rows(filled, "SELECT * FROM runs WHERE run_id = '101'")
    assert (run["status"], run["source"], run["source_version"]) == ("finished", SOURCE, "0")
    assert json.loads(run["config"])["budget_minutes"] == 90
    assert {row["tableName"] for row in rows(filled, "SHOW TABLES")} >= {"runs", "trials", "leaderboard"}
    assert {row["viewName"] for row in rows(filled, "SHOW VIEWS")} >= {"best_models", "leaderboard_latest", "failures"}


def test_the_registered_model_has_its_aliases_and_its_lineage(filled: Filled) -> None:
    name = f"spark_catalog.{filled.schema}.best_model"
    assert f"registered as {name}, version 1: the first champion" in filled.said
    uri = local_tracking_uri(filled.home)
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    aliases = client.get_registered_model(name).aliases
    assert {alias: str(version) for alias, version in aliases.items()} == {"champion": "1", "challenger": "2"}
    tags = client.get_model_version(name, "1").tags
    assert (tags["bakeoff.source"], tags["bakeoff.source_version"], tags["bakeoff.run_id"]) == (SOURCE, "0", "101")


def test_a_run_says_what_became_of_its_model(filled: Filled) -> None:
    name = f"spark_catalog.{filled.schema}.best_model"
    told = {row["run_id"]: row["promotion"] for row in rows(filled, "SELECT run_id, promotion FROM runs")}
    assert told["101"] == f"{name}, version 1: the first champion"
    assert told["102"].startswith(f"{name}, version 2: challenger: its accuracy of 0.")
    assert told["102"].endswith("does not reach the least value of 2")
    assert told["103"] is None
    for run_id in ("101", "102"):
        assert f"Registered as {told[run_id]}." in (filled.home / "runs" / run_id / "report.html").read_text()


def test_a_run_leaves_a_profile_of_what_its_best_model_learned_from(filled: Filled) -> None:
    found = rows(filled, "SELECT run_id, column_name, round(sum(share), 6) AS total FROM profiles GROUP BY 1, 2")
    assert {row["run_id"] for row in found} == {"101", "102"}
    assert {row["total"] for row in found} == {1.0}
    columns = {*filled.spark.table(SOURCE).columns, "prediction"} - {"target"}
    assert {row["column_name"] for row in found if row["run_id"] == "101"} == columns


def test_tables_and_columns_have_comments(filled: Filled) -> None:
    for table in ("runs", "trials", "leaderboard", "profiles"):
        told = {row["col_name"]: row for row in rows(filled, f"DESCRIBE EXTENDED {table}")}
        assert told["Comment"]["data_type"]
        assert all(told[column]["comment"] for column in filled.spark.table(table).columns)


# --- saved queries --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_saved_query_runs_and_says_what_it_is_for(filled: Filled, file: Path) -> None:
    query = file.read_text()
    assert query.startswith("-- ")
    comment = " ".join(line for line in query.splitlines() if line.startswith("--"))
    asked = sql_parameters(query)
    assert [name for name in asked if name not in comment] == []
    places = {"catalog": "spark_catalog", "schema": filled.schema}
    assert rows(filled, query, **{name: value for name, value in {**VALUES, **places}.items() if name in asked})


@pytest.mark.parametrize("page", ["README.md", "docs/how-to/sql.md"])
def test_the_queries_that_a_page_shows_run(filled: Filled, page: str) -> None:
    blocks = re.findall(r"^```sql\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    queries = [query for block in blocks for query in block.split(";") if query.strip()]
    assert len(queries) >= 3
    for query in queries:
        rows(filled, query)


def test_the_latest_leaderboard_is_that_of_the_last_finished_run(filled: Filled) -> None:
    assert [(row["rank"], row["model_id"]) for row in saved(filled, "latest_leaderboard", source=SOURCE)] == [(1, "nb")]


def test_the_best_of_a_table_is_the_best_of_all_its_runs(filled: Filled) -> None:
    (row,) = saved(filled, "best_per_table")
    best = rows(filled, "SELECT max(best_value) AS best FROM runs")[0]["best"]
    assert row["best_value"] == round(best, 4)
    assert row["run_id"] == "101"  # of equals, the first


def test_drift_is_measured_against_the_runs_before(filled: Filled) -> None:
    last, first = saved(filled, "drift", source=SOURCE)
    assert (first["n_before"], first["change"]) == (0, None)
    assert last["n_before"] == 1
    assert last["change"] == pytest.approx(last["best_value"] - last["mean_of_7_before"], abs=1e-4)


def test_scored_rows_are_compared_with_the_rows_that_the_champion_learned_from(filled: Filled) -> None:
    columns = [*filled.spark.table(SOURCE).columns]
    found = {row["column_name"]: row for row in saved(filled, "scored_drift", scored="scored", days=7)}
    assert set(found) == {*columns, "prediction"} - {"target"}
    assert {row["verdict"] for row in found.values()} == {"steady"}
    assert {row["n_scored"] for row in found.values()} == {240}
    assert found["prediction"]["role"] == "prediction"


def test_a_column_that_has_shifted_is_named_first(filled: Filled) -> None:
    names = filled.spark.table("scored").columns
    shifted, gaps, *_ = [name for name in filled.spark.table(SOURCE).columns if name != "target"]
    changed = {shifted: f"2 * {shifted}", gaps: f"IF(abs(hash(prediction, {shifted})) % 4 = 0, NULL, {gaps})"}
    columns = ", ".join(f"{changed.get(name, name)} AS {name}" for name in names)
    filled.spark.sql(f"CREATE OR REPLACE TEMPORARY VIEW moved AS SELECT {columns} FROM scored")
    try:
        first, second, *others = saved(filled, "scored_drift", scored="moved", days=7)
    finally:
        filled.spark.sql("DROP VIEW moved")
    assert (first["column_name"], first["verdict"]) == (shifted, "shifted")
    assert second["column_name"] == gaps
    assert second["missing_before"] == 0
    assert second["missing_now"] == pytest.approx(0.25, abs=0.12)
    assert {row["verdict"] for row in others} == {"steady"}


def test_the_dashboard_asks_what_the_saved_query_asks() -> None:
    text = (ROOT / "src" / "sql" / "scored_drift.sql").read_text()
    saved_query = "".join(f"{line}\n" for line in text.splitlines() if not line.startswith("--"))
    same = saved_query.replace("IDENTIFIER(:scored)", "scored").replace("CAST(:days AS INT)", "30").rstrip(";\n")
    assert dataset("scored_drift") == (f"{same}\n", {})


def test_drift_has_an_answer_before_anything_is_scored(filled: Filled) -> None:
    filled.spark.sql("CREATE TABLE nothing (run_id STRING, scored_by STRING, scored_at TIMESTAMP) USING DELTA")
    try:
        assert saved(filled, "scored_drift", scored="nothing", days=7) == []
    finally:
        filled.spark.sql("DROP TABLE nothing")


def test_wins_and_seconds_are_counted(filled: Filled) -> None:
    wins = {row["model_id"]: row for row in saved(filled, "win_counts", task_type="classification")}
    assert sum(row["wins"] for row in wins.values()) == 2
    assert (wins["nb"]["runs"], wins["dummy"]["wins"]) == (2, 0)
    one, both = saved(filled, "slowest_models", run_id="101"), saved(filled, "slowest_models", run_id="")
    assert (len(one), max(row["runs"] for row in both)) == (3, 3)
    assert sum(row["share"] for row in one) == pytest.approx(1, abs=0.01)


def test_failures_are_counted_by_type(filled: Filled) -> None:
    (row,) = saved(filled, "failures_by_type", days=1)
    assert (row["status"], row["model_id"], row["trials"], row["runs"]) == ("cancelled", "nb", 2, 1)


def test_the_check_passes_a_finished_run_and_no_other(filled: Filled) -> None:
    place = {"catalog": "spark_catalog", "schema": filled.schema}
    saved(filled, "check_run", run_id="101", **place)
    with pytest.raises(Exception, match="The table runs has no finished run 103"):
        saved(filled, "check_run", run_id="103", **place)


def test_the_check_counts_no_candidates_that_are_not_ranked(filled: Filled) -> None:
    trial = filled.spark.table("trials").where("run_id = '101' AND status = 'ok'").limit(1)
    trial.selectExpr(
        *("'rf-t1' AS model_id" if name == "model_id" else name for name in trial.columns)
    ).write.insertInto("trials")
    try:
        saved(filled, "check_run", run_id="101", catalog="spark_catalog", schema=filled.schema)
    finally:
        rows(filled, "DELETE FROM trials WHERE model_id = 'rf-t1'")


# --- before the first run -----------------------------------------------------------------------------------------


def test_the_tables_that_a_deployment_makes_are_those_that_a_run_makes(empty: Filled) -> None:
    target = ResultsLocation(catalog=CATALOG, schema=empty.schema)

    def made() -> dict[str, Any]:
        found = {name: empty.spark.table(f"{empty.schema}.{name}").schema.json() for name in (*TABLES, *VIEWS)}
        return found | {name: rows(empty, f"SHOW TBLPROPERTIES {empty.schema}.{name}") for name in VIEWS}

    before = made()
    assert all(empty.spark.table(f"{empty.schema}.{name}").count() == 0 for name in (*TABLES, *VIEWS))
    SparkTables(empty.spark, target).create()  # what a run does first
    assert made() == before
    for table in TABLES.values():
        there = {row["key"] for row in rows(empty, f"SHOW TBLPROPERTIES {empty.schema}.{table.name}")}
        assert {f"delta.constraints.{check}" for check, _ in table.checks} <= there


@pytest.mark.parametrize("file", [file for file in FILES if file.stem != "check_run"], ids=lambda file: file.stem)
def test_a_saved_query_has_an_answer_before_the_first_run(empty: Filled, file: Path) -> None:
    query = file.read_text().replace(
        "VERSION AS OF 1", "VERSION AS OF 0"
    )  # as its comment says: a version that is there
    places = {"catalog": CATALOG, "schema": empty.schema}
    known = {**VALUES, **places}
    rows(empty, query, **{name: known[name] for name in sql_parameters(query)})


def test_the_check_says_that_there_is_no_run_yet(empty: Filled) -> None:
    with pytest.raises(Exception, match="The table runs has no finished run 101"):
        saved(empty, "check_run", run_id="101", catalog=CATALOG, schema=empty.schema)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_an_answer_before_the_first_run(empty: Filled, name: str) -> None:
    alert = empty.resources["alerts"][name]
    found = rows(empty, alert["query_text"])
    assert found or alert["evaluation"]["empty_result_state"] in {"OK", "TRIGGERED"}
    column, threshold = alert["evaluation"]["source"]["name"], alert["evaluation"]["threshold"]["value"]["double_value"]
    fires = any(row[column] > threshold for row in found)
    assert fires == (name == "stale_leaderboard")  # which wants a first run


@pytest.mark.parametrize("name", DATASETS)
def test_a_dataset_has_an_answer_before_the_first_run(empty: Filled, name: str) -> None:
    query, values = dataset(name)
    rows(empty, query, **values)


# --- alerts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_gives_the_number_that_it_is_judged_by(filled: Filled, name: str) -> None:
    alert = filled.resources["alerts"][name]
    (row,) = rows(filled, alert["query_text"])
    value = row[alert["evaluation"]["source"]["name"]]
    assert alert["evaluation"]["comparison_operator"] == "GREATER_THAN"
    threshold = alert["evaluation"]["threshold"]["value"]["double_value"]
    assert value == pytest.approx(0, abs=1)
    assert value < threshold


def test_the_quality_alert_sees_a_drop(filled: Filled) -> None:
    alert = filled.resources["alerts"]["quality_drop"]
    table = f"`spark_catalog`.`{filled.schema}`.`runs`"
    assert table in alert["query_text"]
    worse = f"(SELECT * EXCEPT (best_value), best_value * IF(run_id = '102', 0.9, 1) AS best_value FROM {table})"
    if filled.spark.version < "4":  # EXCEPT is Databricks' and Spark 4's
        columns = ", ".join(column for column in filled.spark.table(table).columns if column != "best_value")
        worse = f"(SELECT {columns}, best_value * IF(run_id = '102', 0.9, 1) AS best_value FROM {table})"
    (row,) = rows(filled, alert["query_text"].replace(table, worse))
    first, last = (
        rows(filled, f"SELECT best_value FROM {table} WHERE run_id = '{n}'")[0]["best_value"] for n in (101, 102)
    )
    assert row["relative_drop"] == pytest.approx(1 - 0.9 * last / first)
    assert row["relative_drop"] > alert["evaluation"]["threshold"]["value"]["double_value"]


# --- the dashboard --------------------------------------------------------------------------------------------------


def dashboard() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(BOARD.read_text())
    return told


def widgets() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for page in dashboard()["pages"]:
        for part in page["layout"]:
            yield page, part["widget"]


def dataset(name: str) -> tuple[str, dict[str, str]]:
    """A dataset's query, and its parameters with their defaults."""
    (found,) = (part for part in dashboard()["datasets"] if part["name"] == name)
    parameters = found.get("parameters", [])
    values = {part["keyword"]: part["defaultSelection"]["values"]["values"][0]["value"] for part in parameters}
    return "".join(found["queryLines"]), values


@pytest.fixture(scope="module")
def relaxed(filled: Filled) -> Any:
    """A session in which double quotes stand around text, as in the expressions of a dashboard."""
    session = filled.spark.newSession()
    session.sql(f"USE spark_catalog.{filled.schema}")
    return session


@pytest.mark.parametrize("name", DATASETS)
def test_a_dataset_runs_and_has_its_parameters(filled: Filled, name: str) -> None:
    query, values = dataset(name)
    assert sql_parameters(query) == set(values)
    found = rows(filled, query, **values)
    assert found
    if values:  # the newest finished run, and any other that is chosen
        assert {row["run_id"] for row in found} == {"102"}
        assert {row["run_id"] for row in rows(filled, query, run="101")} == {"101"}


@pytest.mark.parametrize("widget", [w for _, w in widgets() if "spec" in w], ids=lambda widget: widget["name"])
def test_a_widget_shows_columns_that_its_query_gives(relaxed: Any, widget: dict[str, Any]) -> None:
    for query in (part["query"] for part in widget["queries"]):
        if "fields" not in query:
            assert {part["keyword"] for part in query["parameters"]} <= set(dataset(query["datasetName"])[1])
            continue
        source, values = dataset(query["datasetName"])
        wanted = ", ".join(f"{part['expression']} AS `{part['name']}`" for part in query["fields"])
        group = "" if query["disaggregated"] else " GROUP BY ALL"
        shown = relaxed.sql(f"SELECT {wanted} FROM ({source}){group}", args=values)
        assert shown.columns == [part["name"] for part in query["fields"]]
    given = {part["name"] for query in widget["queries"] for part in query["query"].get("fields", ())}
    assert set(_shown(widget["spec"]["encodings"])) <= given


def _shown(encodings: Any) -> Iterator[str]:
    if isinstance(encodings, dict):
        if "fieldName" in encodings:
            yield encodings["fieldName"]
        for part in encodings.values():
            yield from _shown(part)
    elif isinstance(encodings, list):
        for part in encodings:
            yield from _shown(part)


def test_the_dashboard_keeps_to_the_rules_that_break_others() -> None:
    versions = {"counter": 2, "table": 2, "bar": 3, "line": 3, "scatter": 3, "box": 1}
    names = [widget["name"] for _, widget in widgets()]
    assert len(names) == len(set(names))
    assert all(len(name) <= 60 and name.replace("-", "").isalnum() for name in names)
    kinds = [page["pageType"] for page in dashboard()["pages"]]
    assert kinds.count("PAGE_TYPE_GLOBAL_FILTERS") == 1
    assert all(page["layoutVersion"] == "GRID_V1" for page in dashboard()["pages"])
    for _, widget in widgets():
        if "spec" in widget:
            kind = widget["spec"]["widgetType"]
            assert widget["spec"]["version"] == (2 if kind.startswith("filter-") else versions[kind])
    for part in dashboard()["datasets"]:
        assert all(line.endswith("\n") for line in part["queryLines"])


@pytest.mark.parametrize("page", dashboard()["pages"], ids=lambda page: page["name"])
def test_a_page_has_no_gaps(page: dict[str, Any]) -> None:
    cells = [
        (x, y)
        for place in (part["position"] for part in page["layout"])
        for x in range(place["x"], place["x"] + place["width"])
        for y in range(place["y"], place["y"] + place["height"])
    ]
    assert len(cells) == len(set(cells))
    width = 12 if page["pageType"] == "PAGE_TYPE_CANVAS" else 4
    assert len(cells) == width * (max(y for _, y in cells) + 1)
