"""A table that the driver cannot hold is sampled: by its classes, and always the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from bakeoff.config import RunConfig
from bakeoff.source import SourceTable, driver_memory, load_source

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROWS, RARE, FITTING = 4_000, 15, 1_000


@pytest.fixture(scope="module", autouse=True)
def _tables(spark: SparkSession) -> Iterator[None]:
    label = f"CASE WHEN id < {RARE} THEN 'rare' WHEN id % 10 = 0 THEN 'some' ELSE 'many' END AS label"
    rows = spark.range(ROWS).selectExpr("id", "id * 0.5 AS half", label)
    rows.write.format("delta").saveAsTable("large")
    rows.repartition(5, "half").write.format("delta").saveAsTable("large_scattered")
    yield
    spark.sql("DROP TABLE large")
    spark.sql("DROP TABLE large_scattered")


@pytest.fixture
def small_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that has room for some of the rows of this table, which are about 80 bytes each."""
    monkeypatch.setattr(driver_memory, "FEW_ROWS", 500)
    monkeypatch.setattr(driver_memory, "free_memory", lambda: FITTING * 80.0 * driver_memory.COPIES)


def load(spark: SparkSession, source: str, target: str, **options: Any) -> SourceTable:
    return load_source(RunConfig(source, target, **options), spark)


@pytest.mark.usefixtures("small_driver")
@pytest.mark.slow
def test_classes_keep_their_shares_and_none_is_lost(spark: SparkSession) -> None:
    table = load(spark, "large", "label")
    counts = table.frame["label"].value_counts()
    assert 500 <= len(table.frame) < ROWS
    assert table.fraction == pytest.approx(len(table.frame) / ROWS, rel=1e-3)
    assert counts["rare"] == RARE
    assert counts["some"] / counts["many"] == pytest.approx(0.1 / 0.9, rel=0.1)
    (note,) = (note for note in table.notes if "Took a sample" in note)
    assert f"of {ROWS:,} rows ({table.fraction:.2%}, drawn with seed 42, each class by its share)" in note
    scattered = load(spark, "large_scattered", "label")
    assert scattered.digest == table.digest
    assert load(spark, "large", "label", seed=1).digest != table.digest


@pytest.mark.usefixtures("small_driver")
def test_numbers_are_drawn_as_they_come(spark: SparkSession) -> None:
    table = load(spark, "large", "half", task="regression")
    assert 500 <= len(table.frame) < ROWS
    assert table.frame["half"].mean() == pytest.approx(ROWS / 4, rel=0.1)
    assert "each class" not in " ".join(table.notes)


def test_what_fits_is_taken_whole_and_what_was_asked_for_is_obeyed(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = load(spark, "large", "label")
    assert (len(whole.frame), whole.fraction) == (ROWS, 1.0)
    monkeypatch.setattr(driver_memory, "free_memory", lambda: 1_000.0)
    asked = load(spark, "large", "label", max_rows=3_000)
    assert len(asked.frame) == 3_000
    assert asked.fraction == pytest.approx(3 / 4)
