"""The preflight on a real session: its workers, the folder that they share, and tables of a metastore."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bakeoff.job.ground_request import GroundRequest
from bakeoff.job.preflight_rows import Check, session_problems
from bakeoff.job.preflight_table import preflight

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def rows_of(spark: SparkSession, **options: object) -> dict[str, Check]:
    return {row.what: row for row in preflight(GroundRequest.from_options(options), spark)}


def test_a_session_that_can_host_a_run_is_ok_in_every_row(spark: SparkSession, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    rows = rows_of(spark, home=tmp_path / "home", payload_dir=shared)
    assert [row.sentence for row in rows.values() if not row.is_ok] == []
    assert rows["compute"].found == "a classic session on local[2]"
    assert (rows["slots"].found, rows["workers"].found, rows["Spark"].found) == ("2", "as here", spark.version)
    assert {"payload folder", "memory", "home", "tables", "MLflow's runs"} <= set(rows)
    assert list(shared.iterdir()) == []  # the probe is gone
    assert not (tmp_path / "home").exists()


def test_a_metastore_is_written_to_and_left_as_it_was(spark: SparkSession, tmp_path: Path) -> None:
    there, missing = "preflight_there", "preflight_missing"
    spark.sql(f"CREATE SCHEMA {there}")
    try:
        assert rows_of(spark, home=tmp_path, schema=there)["tables"].found == f"`{there}`"
        assert spark.sql(f"SHOW TABLES IN {there}").collect() == []
        assert rows_of(spark, home=tmp_path, schema=missing)["tables"].found.endswith("which the first run makes")
        assert [row.namespace for row in spark.sql("SHOW SCHEMAS").collect() if row.namespace == missing] == []
    finally:
        spark.sql(f"DROP SCHEMA {there} CASCADE")


def test_a_catalog_that_is_not_there_is_a_row(spark: SparkSession, tmp_path: Path) -> None:
    row = rows_of(spark, home=tmp_path, catalog="nowhere", schema="made")["tables"]
    assert row.advice == "There is no catalog `nowhere` that you may use: name one that SHOW CATALOGS lists."


def test_a_worker_with_another_pandas_is_a_row(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "other" / "pandas-1.5.3.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pandas\nVersion: 1.5.3\n")
    python = script(tmp_path, f'PYTHONPATH="{info.parent}:$PYTHONPATH"')
    monkeypatch.setattr(spark.sparkContext, "pythonExec", str(python))
    row = rows_of(spark, home=tmp_path)["workers"]
    assert row.found.startswith("pandas 1.5.3, here 2.")
    assert row.advice == "install the wheel as a library of the cluster, not of a notebook."


def test_a_folder_that_workers_do_not_see_is_a_row(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    # A worker on another machine: what the driver has written to the folder is not there.
    python = script(tmp_path, f'rm -f "{shared}"/*;')
    monkeypatch.setattr(spark.sparkContext, "pythonExec", str(python))
    row = rows_of(spark, home=tmp_path, payload_dir=shared)["payload folder"]
    assert "FileNotFoundError" in row.found
    assert row.advice == "leave --payload-dir out, or name a folder that workers may read and write."
    assert list(shared.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_here_is_a_row_beside_the_workers(
    spark: SparkSession, tmp_path: Path
) -> None:
    rows = rows_of(spark, home=tmp_path, payload_dir="/proc/nowhere")
    assert "--payload-dir /proc/nowhere cannot be written to" in rows["payload folder"].sentence
    assert rows["workers"].is_ok


def test_a_run_on_a_session_that_is_as_it_should_be_says_nothing_of_it(spark: SparkSession, tmp_path: Path) -> None:
    assert session_problems(spark, tmp_path) == []


def script(folder: Path, before: str) -> Path:
    """A Python for workers that does something first."""
    python = folder / "python"
    python.write_text(f'#!/bin/sh\n{before} exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return python
