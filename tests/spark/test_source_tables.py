from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from bakeoff.config import RunConfig
from bakeoff.errors import UserError
from bakeoff.source import SourceTable, load_source

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROWS = 200


def some_rows() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "row": np.arange(ROWS),
            "amount": rng.normal(size=ROWS),
            "place": rng.choice(["north", "south", None], ROWS),
            "at": pd.Timestamp("2024-01-01 12:00:00.123456") + pd.to_timedelta(rng.integers(0, 10**6, ROWS), unit="s"),
            "y": rng.choice(["no", "yes"], ROWS),
        }
    )
    frame.loc[::17, "amount"] = None
    return frame


def load(spark: SparkSession, source: str, **options: Any) -> SourceTable:
    return load_source(RunConfig(**{"source": source, "target": "y", **options}), spark)


def complaint(spark: SparkSession, source: str, **options: Any) -> str:
    with pytest.raises(UserError) as caught:
        load(spark, source, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="module", autouse=True)
def tables(spark: SparkSession) -> Iterator[None]:
    """The same rows three times: as they are, in another order over several files, and as a view."""
    frame = spark.createDataFrame(some_rows())
    frame.coalesce(1).write.format("delta").saveAsTable("default.plain")
    frame.repartition(5, "amount").sortWithinPartitions("at").write.format("delta").saveAsTable("default.scattered")
    yield
    for name in ("plain", "scattered"):
        spark.sql(f"DROP TABLE IF EXISTS default.{name}")


@pytest.fixture(autouse=True)
def session_as_before(spark: SparkSession) -> Iterator[None]:
    """Loading changes nothing in the session, and registers nothing."""

    def state() -> Any:
        settings = {row.key: row.value for row in spark.sql("SET").collect()}
        settings.pop("spark.databricks.delta.lastCommitVersionInSession", None)  # Delta's own, of what tests write
        return settings, sorted(table.name for table in spark.catalog.listTables())

    before = state()
    yield
    assert state() == before


@pytest.mark.parametrize("options", [{}, {"order_by": "place"}, {"max_rows": 50}, {"max_rows": 50, "order_by": "row"}])
def test_the_same_rows_give_the_same_frame_in_whatever_order_they_lie(
    options: dict[str, Any], spark: SparkSession
) -> None:
    plain, scattered = load(spark, "default.plain", **options), load(spark, "scattered", **options)
    pd.testing.assert_frame_equal(plain.frame, scattered.frame)
    assert plain.digest == scattered.digest
    assert isinstance(plain.frame.index, pd.RangeIndex)
    assert (plain.kind, plain.version, plain.name) == ("table", "0", "default.plain")


def test_no_row_is_lost_and_no_value_changed(spark: SparkSession) -> None:
    found = load(spark, "scattered").frame.sort_values("row", ignore_index=True)
    pd.testing.assert_frame_equal(found, some_rows(), check_dtype=False)
    assert found["at"].dtype.kind == "M"


def test_a_time_zone_does_not_change_the_order(spark: SparkSession) -> None:
    other = spark.newSession()
    other.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    assert list(load(spark, "plain").frame["row"]) == list(load(other, "plain").frame["row"])


def test_order_by(spark: SparkSession) -> None:
    assert list(load(spark, "scattered", order_by="row").frame["row"]) == list(range(ROWS))
    assert "did you mean 'row'" in complaint(spark, "scattered", order_by="rows")


@pytest.mark.slow
def test_a_sample_differs_by_seed_and_gives_copies_their_own_chance(spark: SparkSession, tmp_path: Path) -> None:
    one, other = load(spark, "plain", max_rows=50), load(spark, "plain", max_rows=50, seed=1)
    assert len(one.frame) == len(other.frame) == 50
    assert one.digest != other.digest
    assert "Took a sample of 50 of 200 rows" in one.notes[0]
    path = str(tmp_path / "copies")
    spark.createDataFrame([(n % 2, "yes" if n % 2 else "no") for n in range(400)], "x int, y string").write.format(
        "delta"
    ).save(path)
    counts = load(spark, path, max_rows=100).frame["y"].value_counts()
    assert counts.min() > 25


def test_a_version_is_what_was_asked_for_or_else_the_newest(spark: SparkSession, tmp_path: Path) -> None:
    path = str(tmp_path / "grown")
    rows = spark.createDataFrame([(float(n), n / 7) for n in range(20)], "x double, y double")
    rows.write.format("delta").save(path)
    rows.write.format("delta").mode("append").save(path)
    newest, first = load(spark, path), load(spark, path, source_version=0)
    assert (newest.version, len(newest.frame), newest.kind) == ("1", 40, "delta")
    assert (first.version, len(first.frame)) == ("0", 20)
    assert load(spark, f"file:{path}").digest == newest.digest
    assert "has no version 7 that can be read: its newest is 1." in complaint(spark, path, source_version=7)


def test_a_view_has_no_version(spark: SparkSession) -> None:
    spark.sql("CREATE VIEW default.seen AS SELECT * FROM default.plain")
    try:
        view = load(spark, "seen")
        assert view.version is None
        assert view.digest == load(spark, "plain").digest
    finally:
        spark.sql("DROP VIEW default.seen")


def test_odd_names_and_types(spark: SparkSession, tmp_path: Path) -> None:
    path = str(tmp_path / "odd table")
    schema = "`a.b` decimal(10, 2), `two words` date, `c``d` map<string, int>, e array<int>, f boolean, `y` string"
    rows = [
        (decimal.Decimal(n) / 4, dt.date(2024, 1, 1 + n), {"k": n}, [n], n % 2 == 0, "ab"[n % 2]) for n in range(20)
    ]
    writer = spark.createDataFrame(rows, schema).write.format("delta").option("delta.columnMapping.mode", "name")
    writer.save(path)
    table = load(spark, path)
    assert list(table.frame.columns) == ["a.b", "two words", "f", "y"]
    assert [column.kind for column in table.frame.dtypes] == ["f", "M", "b", "O"]
    assert table.notes[0] == "Left out c`d, e: models cannot use columns of bytes, arrays, maps or structs."
    assert load(spark, path, order_by="two words").frame["two words"].is_monotonic_increasing


def test_rows_without_a_target_are_left_out_of_a_sample_too(spark: SparkSession, tmp_path: Path) -> None:
    path = str(tmp_path / "holes")
    rows = [(float(n), None if n % 4 == 0 else float("nan") if n % 4 == 1 else n / 7) for n in range(80)]
    spark.createDataFrame(rows, "x double, y double").write.format("delta").save(path)
    assert load(spark, path, max_rows=30).notes[:2] == (
        "Left out 40 rows without a value of the target 'y'.",
        "Took a sample of 30 of 40 rows (--max-rows, drawn with seed 42).",
    )
    everything = load(spark, path)
    assert len(everything.frame) == 40
    assert everything.digest == load(spark, path, max_rows=1000).digest


def test_a_time_series_in_a_table(spark: SparkSession, tmp_path: Path) -> None:
    path = str(tmp_path / "series")
    rows = [(dt.date(2020 + n // 12, 1 + n % 12, 1), float(n)) for n in range(36)]
    spark.createDataFrame(rows, "day date, y double").repartition(3).write.format("delta").save(path)
    table = load(spark, path, task="time_series", time_col="day")
    assert list(table.frame["y"]) == list(range(36))
    assert table.frame.index.freqstr == "M"
    latest = load(spark, path, task="time_series", time_col="day", max_rows=12)
    assert list(latest.frame["y"]) == list(range(24, 36))
    assert (latest.notes[0], latest.fraction) == ("Took the latest 12 of 36 rows (--max-rows).", pytest.approx(1 / 3))


def test_what_is_not_there(spark: SparkSession, tmp_path: Path) -> None:
    assert "There is no source 'default.gone'" in complaint(spark, "default.gone")
    assert "There is no source 'nowhere.gone'" in complaint(spark, "nowhere.gone")
    assert "\n" not in complaint(spark, "a.b.c")
    assert "there is no column 'z'" in complaint(spark, "plain", target="z")
    assert "no_such" in complaint(spark, f"no_such:{tmp_path}/x.csv")
    spark.createDataFrame([], "x int, y string").write.format("delta").save(str(tmp_path / "empty"))
    assert "has no rows" in complaint(spark, str(tmp_path / "empty"))
    spark.createDataFrame([([1], "a"), ([2], "b")], "y array<int>, x string").write.format("delta").save(
        str(tmp_path / "lists")
    )
    assert "there is no column 'y'" in complaint(spark, str(tmp_path / "lists"))


def test_files_are_read_without_spark(spark: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    some_rows().to_csv(path, index=False)
    assert load(spark, str(path)).digest == load_source(RunConfig(source=str(path), target="y")).digest


def test_files_that_only_spark_reaches_are_read_as_local_ones_are(spark: SparkSession, tmp_path: Path) -> None:
    from bakeoff.source.findings import Findings
    from bakeoff.source.locate import Files, find_remote
    from bakeoff.source.reading import Reading

    path = tmp_path / "data.csv"
    some_rows().to_csv(path, index=False)
    found = find_remote(f"file:{path}", spark)
    assert isinstance(found, Files)
    pd.testing.assert_frame_equal(found.read(Reading(), Findings()).frame, pd.read_csv(path))
    some_rows().to_parquet(tmp_path / "data.parquet")
    found = find_remote(f"file:{tmp_path}/data.parquet", spark)
    assert isinstance(found, Files)
    read = found.read(Reading(), Findings())
    pd.testing.assert_frame_equal(read.frame, pd.read_parquet(tmp_path / "data.parquet"))


def test_intervals_empty_columns_and_blanks_around_names_are_taken_as_those_of_files(spark: SparkSession) -> None:
    spark.range(40).selectExpr(
        "IF(id % 2 = 0, 'yes', 'no') AS ` bought`",
        "make_dt_interval(0, CAST(id AS INT)) AS took",
        "NULL AS nothing",
        "make_ym_interval(1, CAST(id AS INT)) AS months",
        "concat(id, '.5 %') AS share",
    ).createOrReplaceTempView("odd_columns")
    table = load_source(RunConfig(source="odd_columns", target="bought"), spark)
    assert sorted(table.frame.columns) == ["bought", "share", "took"]
    assert sorted(table.frame["took"]) == [hours * 3600.0 for hours in range(40)]
    assert sorted(table.frame["share"]) == [share + 0.5 for share in range(40)]
    cannot = "models cannot use columns of bytes, arrays, maps or structs, nor of type interval year to month."
    assert table.notes[0] == f"Left out months: {cannot}"
    assert table.notes[1] == "Left out nothing: no row has a value there."
    raw_rows = table.preparation.raw_rows(["took", "share"])
    assert raw_rows is not None
    raw = spark.sql("SELECT took, share FROM odd_columns LIMIT 5").toPandas()
    assert {column.kind for column in raw_rows.transform(raw).dtypes} == {"f"}
    spark.catalog.dropTempView("odd_columns")
