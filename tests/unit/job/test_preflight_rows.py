"""The rows of the preflight: what is there beside what is needed, and what to type."""

from __future__ import annotations

from pathlib import Path

import pytest

from bakeoff.job.preflight_rows import Check, fact_rows, library_rows, python_row, versions_row
from bakeoff.job.preflight_worker import WorkerFacts


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch, **versions: str) -> dict[str, Check]:
    """The rows of libraries where some have another version, as far as Python can tell."""
    for name, version in versions.items():
        info = folder / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    monkeypatch.syspath_prepend(folder)
    return {row.what: row for row in library_rows()}


def test_what_is_installed_here_is_enough() -> None:
    rows = [python_row(), *library_rows()]
    assert [row.what for row in rows] == ["Python", "pandas", "numpy", "scikit-learn", "pycaret-core", "mlflow"]
    assert [row.sentence for row in rows if not row.is_ok] == []
    assert rows[0].needed == ">=3.10, <3.14"
    assert all(row.needed.startswith(">=") and row.needed.count(",") <= 1 for row in rows)  # PyCaret may end nowhere


def test_a_library_that_is_too_old_is_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = installed(tmp_path, monkeypatch, pandas="1.5.3")["pandas"]
    assert (row.found, row.is_ok) == ("1.5.3", False)
    assert "pandas 1.5.3 is older than PyCaret needs" in row.sentence


def test_a_library_that_is_too_new_is_named_with_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = installed(tmp_path, monkeypatch, numpy="3.1.0", mlflow="4.0.0")
    assert rows["numpy"].advice is not None
    assert rows["numpy"].advice.startswith("pip install 'numpy")
    assert rows["mlflow"].advice == "pip install 'mlflow-skinny<4,>=2.13'"
    assert rows["scikit-learn"].is_ok


def test_on_databricks_libraries_are_the_clusters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "18.2")
    row = installed(tmp_path, monkeypatch, numpy="3.1.0")["numpy"]
    assert "pip install" not in row.sentence
    assert "as libraries of the cluster" in row.sentence


def test_what_pycaret_runs_with_on_a_newer_python_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = installed(tmp_path, monkeypatch, numpy="2.1.3", scikit_learn="1.6.1", pandas="2.2.3")
    for name in ("numpy", "scikit-learn", "pandas"):
        assert rows[name].is_ok, rows[name].sentence


def test_a_spark_that_wants_a_newer_pandas_is_heard() -> None:
    (row,) = (row for row in library_rows("4.9") if row.what == "pandas")
    assert row.is_ok is not row.found.startswith("2.1.")


def test_the_memory_of_a_core_is_looked_at_where_it_is_known() -> None:
    rows = [list(fact_rows(WorkerFacts({}, 4, memory, ""), None)) for memory in (int(8e9), int(1.2e9), None)]
    assert [[row.is_ok for row in found] for found in rows] == [[True], [False], []]
    assert "0.3 GB for each of 4 cores" in rows[1][0].sentence
    assert "--n-slots" in rows[1][0].sentence


def test_what_a_platform_gives_to_a_function_is_what_counts() -> None:
    (row,) = fact_rows(WorkerFacts({}, 4, int(64e9), ""), None, 1024.0)
    assert row.found == "1.0 GB for each function on serverless compute"
    assert row.is_ok


def test_a_folder_that_a_worker_cannot_use_is_named() -> None:
    *_, row = fact_rows(WorkerFacts({}, 4, None, "FileNotFoundError: No such file"), Path("/Volumes/a/b/c"))
    assert row.what == "payload folder"
    assert "/Volumes/a/b/c (FileNotFoundError: No such file)" in row.sentence
    assert "leave --payload-dir out" in row.sentence


def test_a_worker_with_other_versions_is_one_sentence() -> None:
    row = versions_row({"python": "3.12", "pandas": "2.1.4", "numpy": "1.26"}, {"python": "3.11", "pandas": "2.1.4"})
    assert row.found == "python 3.11, here 3.12; numpy -, here 1.26"
    assert "\n" not in row.sentence
    assert not row.is_ok
