"""A Delta table in a folder is the same table without Spark: rows, order, types, digest, sample and what is said."""

from __future__ import annotations

import datetime as dt
import decimal
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from bakeoff.config import RunConfig
from bakeoff.errors import UserError
from bakeoff.source import SourceTable, driver_memory, load_source, why_spark
from bakeoff.source.arrow_hash import row_hashes
from bakeoff.source.row_hash import hash_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

N_ROWS = 600
ODD_NUMBERS = [
    *(0.0, -0.0, float("nan"), float("inf"), float("-inf"), 1e23, 2e23, 8.41e21, 1e-5, 1e7, 9999999.999, 1e-3, 0.1),
    *(4.9e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 2.0**-44, 1 / 3, 123456789.0, 2.0**62, None),
]
TYPES = (
    "i int, l bigint, b tinyint, s smallint, d double, f float, t boolean, `text` string, day date, at timestamp, "
    "wall timestamp_ntz, m decimal(12,2), tiny decimal(12,9), big decimal(38,10), y string"
)


def some_number(rng: random.Random) -> float:
    bits: float = struct.unpack("d", struct.pack("Q", rng.getrandbits(64)))[0]
    return rng.choice([rng.gauss(0, 1), round(rng.gauss(0, 100), 2), float(rng.randint(-(10**9), 10**9)), bits])


def rows_of_all_types() -> list[tuple[Any, ...]]:
    rng = random.Random(1)  # noqa: S311 - the same values each time
    years = (1901, 1969, 2024, 2261)

    def moment(n: int) -> dt.datetime:
        fraction = rng.choice([0, 123456, 100000, 1])
        return dt.datetime(rng.choice(years), 1 + n % 12, 1 + n % 28, n % 24, n % 60, n % 60, fraction)  # noqa: DTZ001

    rows = []
    for n in range(N_ROWS):
        number = ODD_NUMBERS[n] if n < len(ODD_NUMBERS) else some_number(rng)
        single = float(np.float32(number)) if number is not None and abs(number) < 3e38 else None
        rows.append(
            (
                n if n % 5 else None,
                rng.randint(-(2**63), 2**63 - 1),
                rng.randint(-128, 127),
                rng.randint(-(2**15), 2**15 - 1),
                number,
                single,
                None if n % 11 == 0 else n % 2 == 0,
                rng.choice(["", "a", "ä€😀", "x" * rng.randint(0, 100), None, "tab\t nl\n"]),
                None if n % 13 == 0 else dt.date(rng.choice([1583, 1900, 2024, 9999]), 1 + n % 12, 1 + n % 28),
                None if n % 17 == 0 else moment(n),
                None if n % 19 == 0 else moment(n),
                decimal.Decimal(rng.randint(-(10**9), 10**9)).scaleb(-2),
                decimal.Decimal(rng.choice([0, 1, -1, 12345678])).scaleb(-9),
                decimal.Decimal(rng.randint(-(10**30), 10**30)).scaleb(-10),
                ["no", "yes"][n % 2],
            )
        )
    return rows


def of_all_types(spark: SparkSession, path: str) -> None:
    spark.createDataFrame(rows_of_all_types(), TYPES).repartition(3).write.format("delta").save(path)


def partitioned(spark: SparkSession, path: str) -> None:
    frame = spark.range(60).selectExpr(
        "id AS x", "IF(id % 2 = 0, 'ja/nein ä %', NULL) AS `word`", "CAST(id % 3 AS INT) AS y",
        "date_add(DATE'2024-01-01', CAST(id % 4 AS INT)) AS day", "CAST(id % 5 AS DOUBLE) / 4 AS part",
    )  # fmt: skip
    frame.write.format("delta").partitionBy("word", "day", "part").save(path)


def changed(spark: SparkSession, path: str) -> None:
    spark.range(80).selectExpr("id", "id % 2 AS y").write.format("delta").save(path)
    spark.sql(f"UPDATE delta.`{path}` SET y = 3 WHERE id < 10")
    spark.sql(f"ALTER TABLE delta.`{path}` ADD COLUMNS (later DOUBLE)")
    spark.range(5).selectExpr("id", "id % 2 AS y", "0.5D AS later").write.format("delta").mode("append").save(path)


def far(spark: SparkSession, path: str) -> None:
    until = "IF(id % 3 = 0, TIMESTAMP'2024-03-31 02:30:00', IF(id % 7 = 0, NULL, TIMESTAMP'9999-12-31 00:00:00.5'))"
    frame = spark.range(80).selectExpr("id % 2 AS y", f"{until} AS until", f"CAST({until} AS TIMESTAMP_NTZ) AS w")
    frame.write.format("delta").save(path)


def nested(spark: SparkSession, path: str) -> None:
    frame = spark.range(40).selectExpr(
        "id", "id % 2 AS y", "array(id) AS arr", "named_struct('a', id) AS st", "map('k', id) AS mp",
        "CAST('x' AS BINARY) AS bin", "CAST('abc' AS CHAR(5)) AS fixed",
    )  # fmt: skip
    frame.write.format("delta").save(path)


def copies(spark: SparkSession, path: str) -> None:
    label = "CASE WHEN id < 15 THEN 'rare' WHEN id % 10 = 0 THEN 'some' ELSE 'many' END AS y"
    spark.range(900).selectExpr("id % 50 AS x", label).repartition(4).write.format("delta").save(path)


def holes(spark: SparkSession, path: str) -> None:
    rows = [(float(n), None if n % 4 == 0 else float("nan") if n % 4 == 1 else n / 7) for n in range(80)]
    spark.createDataFrame(rows, "x double, y double").repartition(2).write.format("delta").save(path)


def series(spark: SparkSession, path: str) -> None:
    rows = [(dt.date(2020 + n // 12, 1 + n % 12, 1), float(n)) for n in range(36)]
    spark.createDataFrame(rows, "day date, y double").repartition(3).write.format("delta").save(path)


MADE: dict[str, Callable[[SparkSession, str], None]] = {
    made.__name__: made for made in (of_all_types, partitioned, changed, far, nested, copies, holes, series)
}


@pytest.fixture(scope="module")
def folder(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("Über uns [v2] 100% #1")
    for name, make in MADE.items():
        make(spark, str(place / name))
    return place


def both(spark: SparkSession, path: Path, **options: Any) -> tuple[SourceTable, SourceTable]:
    config = RunConfig(**{"source": str(path), "target": "y", **options})
    assert why_spark(config.source, config.source_version) is None
    return load_source(config), load_source(config, spark)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("of_all_types", {}),
        *(("of_all_types", {"order_by": column}) for column in ("d", "f", "text", "day,wall", "m", "t", "at")),
        ("of_all_types", {"max_rows": 100}),
        ("of_all_types", {"max_rows": 100, "target": "d", "task": "regression"}),
        ("partitioned", {}),
        ("partitioned", {"order_by": "part,word"}),
        ("changed", {}),
        ("changed", {"source_version": 0}),
        ("changed", {"source_version": 1}),
        ("far", {}),
        ("nested", {}),
        ("copies", {}),
        ("copies", {"max_rows": 200}),
        ("copies", {"max_rows": 200, "seed": 7}),
        ("copies", {"max_rows": 30, "target": "x"}),
        ("holes", {}),
        ("holes", {"max_rows": 30}),
        ("series", {"task": "time_series", "time_col": "day"}),
        ("series", {"task": "time_series", "time_col": "day", "max_rows": 12}),
    ],
)
def test_the_table_is_the_same_without_spark(
    spark: SparkSession, folder: Path, name: str, options: dict[str, Any]
) -> None:
    alone, with_spark = both(spark, folder / name, **options)
    pd.testing.assert_frame_equal(alone.frame, with_spark.frame)
    assert alone.digest == with_spark.digest
    for said in ("name", "version", "kind", "task", "findings", "fraction", "setup"):
        assert getattr(alone, said) == getattr(with_spark, said), said


def test_times_are_those_of_this_machine(spark: SparkSession, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = spark.newSession()
    elsewhere.conf.set("spark.sql.session.timeZone", "America/New_York")
    monkeypatch.setenv("TZ", "America/New_York")
    alone, with_spark = both(elsewhere, folder / "of_all_types")
    pd.testing.assert_frame_equal(alone.frame, with_spark.frame)
    assert alone.digest == with_spark.digest


def test_what_does_not_fit_into_memory_is_sampled(
    spark: SparkSession, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver_memory, "FEW_ROWS", 100)
    monkeypatch.setattr(driver_memory, "free_memory", lambda: 300 * 68.0 * driver_memory.COPIES)
    alone, with_spark = both(spark, folder / "copies")
    assert 100 < len(alone.frame) < 900
    assert "which is what this driver can hold" in " ".join(alone.notes)
    assert (alone.digest, alone.notes) == (with_spark.digest, with_spark.notes)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"source_version": 7}, "has no version 7 that can be read: its newest is 3."),
        ({"target": "z"}, "there is no column 'z'"),
        ({"order_by": "idd"}, "did you mean 'id'"),
        ({"sep": ";"}, "--sep is for text files such as csv"),
    ],
)
def test_what_is_not_there_is_said_as_with_spark(
    spark: SparkSession, folder: Path, options: dict[str, Any], said: str
) -> None:
    config = RunConfig(**{"source": str(folder / "changed"), "target": "y", **options})
    complaints = []
    for session in (None, spark):
        with pytest.raises(UserError) as caught:
            load_source(config, session)
        complaints.append(str(caught.value))
    assert said in complaints[0]
    assert complaints[0] == complaints[1]


def test_a_table_without_rows(spark: SparkSession, tmp_path: Path) -> None:
    spark.createDataFrame([], "x int, y string").write.format("delta").save(str(tmp_path / "empty"))
    with pytest.raises(UserError, match="has no rows"):
        load_source(RunConfig(source=str(tmp_path / "empty"), target="y"))


def test_what_only_spark_reads_is_left_to_it_with_a_sentence(spark: SparkSession, tmp_path: Path) -> None:
    rows = spark.range(100).selectExpr("id AS x", "id % 2 AS y")
    mapped, vectors = str(tmp_path / "mapped"), str(tmp_path / "vectors")
    renamed = rows.withColumnRenamed("x", "x, y")
    renamed.write.format("delta").option("delta.columnMapping.mode", "name").save(mapped)
    rows.write.format("delta").option("delta.enableDeletionVectors", "true").save(vectors)
    spark.sql(f"DELETE FROM delta.`{vectors}` WHERE x < 10")
    assert why_spark(mapped) == f"{mapped} has mapped columns, which only Spark reads"
    assert why_spark(vectors) == f"{vectors} has deletion vectors, which only Spark reads"
    with pytest.raises(UserError, match="has deletion vectors, which only Spark reads: add --engine spark"):
        load_source(RunConfig(source=vectors, target="y"))
    assert len(load_source(RunConfig(source=vectors, target="y"), spark).frame) == 90


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_numbers_have_the_hash_that_spark_gives_them(spark: SparkSession, kind: Any) -> None:
    rng = np.random.default_rng(3)
    size = np.dtype(kind).itemsize
    found = [
        rng.normal(size=2000),
        np.round(rng.normal(size=1000) * 1000, 3),
        2.0 ** np.arange(-1074, 1024, 3 if size == 8 else 1),
        rng.integers(0, 10**9, 1000) * 10.0 ** rng.integers(-25, 25, 1000),
    ]
    with np.errstate(over="ignore"):
        numbers = np.concatenate([*(part.astype(kind) for part in found), np.frombuffer(rng.bytes(size * 2000), kind)])
    numbers = numbers[~np.isnan(numbers)]  # which are missing values in a table that is made of a data frame
    table = spark.createDataFrame(pd.DataFrame({"v": numbers}))
    found_by_spark = table.selectExpr("v", f"{hash_of(table)} AS h").toPandas()
    rows = pa.table({"v": pa.array(found_by_spark["v"].to_numpy(kind))})
    assert row_hashes(rows).view(np.int64).tolist() == found_by_spark["h"].tolist()
