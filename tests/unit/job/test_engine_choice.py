"""Which engine a run gets, and the one sentence that says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bakeoff.config import RunConfig
from bakeoff.errors import ClusterError
from bakeoff.job import ground
from bakeoff.job.ground import Ground, choose_engine
from bakeoff.spark import session as sessions

SESSION: Any = object()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file, on a machine with Spark where no session is active."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text("x,y\n1,0\n2,1\n")
    with_session(monkeypatch, None)
    return tmp_path


def with_session(monkeypatch: pytest.MonkeyPatch, session: Any) -> None:
    for module in (ground, sessions):
        monkeypatch.setattr(module, "active_session", lambda: session)


def without_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "is_installed", lambda package: package != "pyspark")


def config(**options: Any) -> RunConfig:
    return RunConfig(**{"source": "data.csv", "target": "y", **options})


@pytest.mark.parametrize(
    ("options", "engine", "sentence"),
    [
        ({}, "local", "the source and the results are files of this machine."),
        ({"source": "*.csv"}, "local", "the source and the results are files of this machine."),
        ({"source": "gone.csv"}, "local", "the source and the results are files of this machine."),
        ({"engine": "native"}, "native", "--engine native was asked for."),
        ({"engine": "spark"}, "spark", "--engine spark was asked for."),
        ({"schema": "results"}, "spark", "the tables are in `results`, a schema of a metastore."),
        ({"source": "main.sales.orders"}, "spark", "main.sales.orders is no file here, but the name of a table."),
        ({"source": "s3://bucket/x.parquet"}, "spark", "s3://bucket/x.parquet is no path of this machine."),
    ],
)
def test_the_engine_is_spark_where_the_run_needs_spark(options: dict[str, Any], engine: str, sentence: str) -> None:
    choice = choose_engine(config(**options))
    assert (choice.engine, choice.needs_session) == (engine, engine == "spark")
    assert choice.sentence.startswith(f"Engine {engine} (")
    assert choice.sentence.endswith(f"): {sentence}")


@pytest.mark.parametrize("options", [{"source": "main.sales.orders"}, {"schema": "results"}])
def test_an_engine_that_was_asked_for_is_kept_and_gets_the_session_that_the_run_needs(options: dict[str, Any]) -> None:
    choice = choose_engine(config(engine="local", **options))
    assert (choice.engine, choice.needs_session, choice.reason) == ("local", True, "--engine local was asked for")


def test_a_session_that_is_there_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    given = choose_engine(config(), SESSION)
    assert (given.engine, given.reason, given.needs_session) == ("spark", "a Spark session was given", True)
    with_session(monkeypatch, SESSION)
    active = choose_engine(config())
    assert (active.engine, active.reason, active.needs_session) == ("spark", "a Spark session is active", True)
    assert choose_engine(config(engine="native")).needs_session


def test_on_databricks_it_is_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "16.4")
    choice = choose_engine(config(schema="results"))
    assert (choice.engine, choice.reason) == ("spark", "this is Databricks")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"engine": "spark"}, "--engine spark was asked for"),
        ({"source": "custmers"}, "custmers is no file here, but the name of a table"),
        ({"engine": "local", "schema": "results"}, "the tables are in `results`, a schema of a metastore"),
    ],
)
def test_where_spark_is_needed_and_not_installed_one_sentence_says_so(
    options: dict[str, Any], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_spark(monkeypatch)
    with pytest.raises(ClusterError) as caught:
        choose_engine(config(**options))
    assert caught.value.exit_code == 2
    assert str(caught.value) == (
        f"This needs Spark ({reason}), and Spark is not installed: pip install 'bakeoff[spark]', or run it on a "
        "cluster."
    )


def test_without_the_packages_for_it_tables_are_written_by_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bakeoff.storage.folder_reader.is_installed", lambda package: package != "duckdb")
    choice = choose_engine(config())
    assert choice.engine == "spark"
    assert choice.reason == (
        "'duckdb', without which only Spark writes tables, is not installed (pip install 'bakeoff[local]')"
    )


def test_the_ground_of_a_run_without_spark_has_nothing_to_lose(tmp_path: Path) -> None:
    alone = Ground(choose_engine(config()))
    alone.get_ready()
    alone.watch().check()
    assert alone.is_there()
    assert alone.lost(ValueError("a model's own"), tmp_path) is None
